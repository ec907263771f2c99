/**
 * Looks at SQLite's write-ahead log before SQLite does. It takes the first frame that is not whole for the end of the log: right
 * after a crash, where that is what was being written, and a silent loss when it is damage and commits follow it.
 *
 * Format: sqlite.org/fileformat2.html, "The Write-Ahead Log". Each frame's checksum goes on from the one before it, so
 * with the stored one of its predecessor a frame behind a damaged one can still be told to be whole.
 */
import { readFileSync } from 'node:fs';

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** The last bit says in which order the bytes of checksummed words are. */
const MAGIC = 0x377f0682;

/**
 * - `whole`: nothing is wrong, or what a crash in the middle of a commit leaves.
 * - `empty`: there is no log, or none with a whole frame's length.
 * - `torn`: a part of the last commit is not whole, and its end is there; or of one that only commits follow which were not
 *   synced. Power that failed before it was synced can do that, since disks write in any order; so can damage after it.
 * - `damaged`: a commit is not whole that was synced, since a commit followed it that was.
 */
export type LogState = 'whole' | 'empty' | 'torn' | 'damaged';

type Checksum = readonly [number, number];
type Frame = {
  /** Of this log, not left over from before SQLite began it anew. */
  readonly isCurrent: boolean;
  readonly isWhole: boolean;
  readonly endsCommit: boolean;
  readonly page: number;
};

/** `unsyncedPage`: a page that each commit has which was not synced, and no other has; undefined: all were. */
export function checkLog(file: string, unsyncedPage?: number): LogState {
  const bytes = readIfThere(file);
  if (bytes === undefined || bytes.length < HEADER_BYTES) return 'empty';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pageBytes = view.getUint32(8) === 1 ? 65_536 : view.getUint32(8);
  if (!isHeaderWhole(view) || pageBytes < 512) return anyFrameAt(view) ? 'damaged' : 'empty';
  const frames = readFrames(view, pageBytes);
  return frames.length === 0 ? 'empty' : judge(frames, unsyncedPage);
}

function readIfThere(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function isHeaderWhole(view: DataView): boolean {
  if ((view.getUint32(0) & ~1) >>> 0 !== MAGIC) return false;
  const sum = checksum(view, isLittleEndian(view), 0, 24, [0, 0]);
  return sum[0] === view.getUint32(24) && sum[1] === view.getUint32(28);
}

function isLittleEndian(view: DataView): boolean {
  return (view.getUint32(0) & 1) === 0;
}

/** Something was written after the header. */
function anyFrameAt(view: DataView): boolean {
  return view.byteLength > HEADER_BYTES + FRAME_HEADER_BYTES;
}

function readFrames(view: DataView, pageBytes: number): Frame[] {
  const littleEndian = isLittleEndian(view);
  const frameBytes = FRAME_HEADER_BYTES + pageBytes;
  const frames: Frame[] = [];
  let before: Checksum = [view.getUint32(24), view.getUint32(28)];
  for (let at = HEADER_BYTES; at + frameBytes <= view.byteLength; at += frameBytes) {
    const ofHeader = checksum(view, littleEndian, at, 8, before);
    const sum = checksum(view, littleEndian, at + FRAME_HEADER_BYTES, pageBytes, ofHeader);
    const stored: Checksum = [view.getUint32(at + 16), view.getUint32(at + 20)];
    frames.push({
      isCurrent:
        view.getUint32(at + 8) === view.getUint32(16) &&
        view.getUint32(at + 12) === view.getUint32(20),
      isWhole: sum[0] === stored[0] && sum[1] === stored[1],
      endsCommit: view.getUint32(at + 4) !== 0,
      page: view.getUint32(at),
    });
    before = stored;
  }
  return frames;
}

function judge(frames: readonly Frame[], unsyncedPage: number | undefined): LogState {
  const broken = frames.findIndex(({ isCurrent, isWhole }) => !isCurrent || !isWhole);
  if (broken === -1) return 'whole';
  const rest = frames.slice(broken);
  // Frames of an earlier log may follow. One that goes on from the last good one is of this, though its mark is damaged.
  const end = rest.findIndex(
    ({ endsCommit, isCurrent, isWhole }, i) => endsCommit && (isCurrent || (i === 0 && isWhole)),
  );
  if (end === -1) return 'whole';
  return commitsOf(rest.slice(end + 1)).some(isSynced(unsyncedPage)) ? 'damaged' : 'torn';
}

/** The last one may have no end. */
function commitsOf(frames: readonly Frame[]): readonly (readonly Frame[])[] {
  const commits: Frame[][] = [[]];
  for (const frame of frames) {
    commits.at(-1)!.push(frame);
    if (frame.endsCommit) commits.push([]);
  }
  return commits;
}

/**
 * Whether the disk had all before a commit when it came: it was synced itself. Of what is left of one that was not, the page that
 * says so may be missing: so it counts only when all of it is there, and its end.
 */
function isSynced(unsyncedPage: number | undefined): (commit: readonly Frame[]) => boolean {
  if (unsyncedPage === undefined)
    return (commit) => commit.some(({ isCurrent, isWhole }) => isCurrent && isWhole);
  return (commit) =>
    commit.at(-1)?.endsCommit === true &&
    commit.every(({ isCurrent }) => isCurrent) &&
    commit.some(({ isWhole }) => isWhole) &&
    commit.every(({ page }) => page !== unsyncedPage);
}

/** SQLite's: a sum that depends on order, over pairs of words. */
function checksum(
  view: DataView,
  littleEndian: boolean,
  start: number,
  length: number,
  [first, second]: Checksum,
): Checksum {
  let a = first;
  let b = second;
  for (let at = start; at < start + length; at += 8) {
    a = (a + view.getUint32(at, littleEndian) + b) >>> 0;
    b = (b + view.getUint32(at + 4, littleEndian) + a) >>> 0;
  }
  return [a, b];
}
