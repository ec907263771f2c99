/**
 * The disk as a power cut leaves it at any record of a recording: at least all that was written before the last flush, and of what
 * came after it
 *   prefix  everything, in order: the mildest cut there is
 *   lost    nothing
 *   subset  each 4 KiB or not, by chance: a drive writes in any order
 */
import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { newRandom, type Random } from '../support/random.ts';
import { copyImage, filesOf } from './disk.ts';
import { Ledger } from './ledger.ts';

export const MODES = ['prefix', 'lost', 'subset'] as const;
export type Mode = (typeof MODES)[number];
export type Cut = { readonly at: number; readonly mode: Mode };

/** Of block-log.c. */
const KIND = { write: 1, flush: 2, note: 3, zero: 4 } as const;
const HEADER_BYTES = 24;
/** What a drive writes whole. */
const SECTOR_BYTES = 4096;

export type DiskRecord = {
  readonly kind: number;
  readonly length: number;
  readonly offset: number;
  readonly atNs: bigint;
  /** Where its bytes are in the log. */
  readonly place: number;
};

/** What was recorded in this folder. */
export class Recording {
  readonly records: readonly DiskRecord[];
  readonly #work: string;
  readonly #log: number;

  constructor(work: string) {
    this.#work = work;
    this.#log = openSync(filesOf(work).log, 'r');
    this.records = readRecords(this.#log);
  }

  close(): void {
    closeSync(this.#log);
  }

  /** The places of flushes, of parts that got their names, and of the first acknowledged event. */
  marks() {
    const flushes: number[] = [];
    const parts: number[] = [];
    const ledger = new Ledger();
    let firstAcknowledged = this.records.length;
    for (const [at, record] of this.records.entries()) {
      if (record.kind === KIND.flush) flushes.push(at);
      if (record.kind !== KIND.note) continue;
      const { hasPart } = ledger.take(this.#bytesOf(record).toString());
      if (hasPart) parts.push(at);
      if (ledger.of.acknowledged.size > 0) firstAcknowledged = Math.min(firstAcknowledged, at);
    }
    return { flushes, parts, firstAcknowledged };
  }

  /** The image of each cut, with what the client knew then; it is there until the next. In the order of the records. */
  *images(cuts: readonly Cut[], seed: number) {
    const solid = join(this.#work, 'solid.img');
    copyImage(filesOf(this.#work).first, solid);
    const fd = openSync(solid, 'r+');
    const ledger = new Ledger();
    let since: DiskRecord[] = [];
    let next = 0;
    const sorted = cuts.toSorted((a, b) => a.at - b.at);
    for (const [at, record] of [...this.records, undefined].entries()) {
      for (; sorted[next]?.at === at; next += 1) {
        const cut = sorted[next]!;
        // A file of its own: the kernel may take a while to let go of the last one.
        const image = join(this.#work, `cut-${next}.img`);
        copyImage(solid, image);
        this.#cut(image, since, cut, seed);
        try {
          yield { cut, image, ledger };
        } finally {
          rmSync(image);
        }
      }
      if (record === undefined || next === sorted.length) break;
      if (record.kind === KIND.note) ledger.take(this.#bytesOf(record).toString());
      else if (record.kind === KIND.flush) {
        for (const written of since) this.#apply(fd, written);
        since = [];
      } else since.push(record);
    }
    closeSync(fd);
  }

  #cut(image: string, since: readonly DiskRecord[], { at, mode }: Cut, seed: number): void {
    if (mode === 'lost') return;
    const fd = openSync(image, 'r+');
    const random = mode === 'subset' ? newRandom((seed * 1_000_003 + at) >>> 0) : undefined;
    for (const record of since) this.#apply(fd, record, random);
    closeSync(fd);
  }

  #apply(fd: number, record: DiskRecord, random?: Random): void {
    const bytes = record.kind === KIND.zero ? Buffer.alloc(record.length) : this.#bytesOf(record);
    if (random === undefined) return void writeSync(fd, bytes, 0, bytes.length, record.offset);
    for (let from = 0; from < bytes.length; from += SECTOR_BYTES) {
      const length = Math.min(SECTOR_BYTES, bytes.length - from);
      if (random.chance(0.5)) writeSync(fd, bytes, from, length, record.offset + from);
    }
  }

  #bytesOf({ place, length }: DiskRecord): Buffer {
    const bytes = Buffer.alloc(length);
    readSync(this.#log, bytes, 0, length, place);
    return bytes;
  }
}

function readRecords(log: number): DiskRecord[] {
  const records: DiskRecord[] = [];
  const header = Buffer.alloc(HEADER_BYTES);
  for (let at = 0; readSync(log, header, 0, HEADER_BYTES, at) === HEADER_BYTES;) {
    const kind = header.readUInt32LE(0);
    const length = header.readUInt32LE(4);
    const place = at + HEADER_BYTES;
    const offset = Number(header.readBigUInt64LE(8));
    records.push({ kind, length, offset, atNs: header.readBigUInt64LE(16), place });
    at = place + (kind === KIND.write || kind === KIND.note ? length : 0);
  }
  return records;
}
