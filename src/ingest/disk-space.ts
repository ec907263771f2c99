/**
 * How much room there is where the data folder's parts are. Below the reserve nothing new is taken in: a write that
 * fails for want of room must stop the process (P9), one that was never begun can be asked for again. Reads go on, and
 * what was acknowledged has the reserve to get into the usage store and be merged there.
 */
import { statfs } from 'node:fs/promises';

/** What comes in between two looks at full speed, several times over. */
const RESERVE_BYTES = 256 * 1024 * 1024;
/** Of a small disk, so much is as good. */
const RESERVE_PART = 1 / 20;

export type DiskSpaceOptions = {
  readonly folders: readonly string[];
  /** How much is kept free of each disk; undefined: 256 MiB, or a twentieth of a disk if that is less. */
  readonly reserveBytes: number | undefined;
  /** Told when it becomes short, why, and when there is room again. */
  readonly onChange: (shortage: string | undefined) => void;
};

export class DiskSpace {
  readonly #options: DiskSpaceOptions;
  #shortage: string | undefined;

  constructor(options: DiskSpaceOptions) {
    this.#options = options;
  }

  /** Why nothing new may be taken in, as of the last look; undefined while there is room. */
  get shortage(): string | undefined {
    return this.#shortage;
  }

  /** To be called a few times a second. */
  async look(): Promise<void> {
    const { folders, reserveBytes, onChange } = this.#options;
    const found = await Promise.all(
      folders.map(async (folder) => await shortageOf(folder, reserveBytes)),
    );
    const before = this.#shortage;
    this.#shortage = found.find((shortage) => shortage !== undefined);
    if ((before === undefined) !== (this.#shortage === undefined)) onChange(this.#shortage);
  }
}

async function shortageOf(
  folder: string,
  reserveBytes: number | undefined,
): Promise<string | undefined> {
  const found = await statfs(folder).catch(() => undefined);
  // What a file system does not tell is no reason to refuse; that a write fails it will tell.
  if (found === undefined || found.blocks === 0) return undefined;
  const free = found.bavail * found.bsize;
  const reserve =
    reserveBytes ?? Math.min(RESERVE_BYTES, found.blocks * found.bsize * RESERVE_PART);
  if (free >= reserve) return undefined;
  return `The disk is almost full: ${toMiB(free)} MiB are left, and ${toMiB(reserve)} MiB are kept free.`;
}

function toMiB(bytes: number): string {
  return (bytes / 1024 ** 2).toFixed(1);
}
