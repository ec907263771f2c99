import { existsSync, linkSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { StartupError } from '../../lib/startup-error.ts';
import { sumOf } from './files.ts';
import { DATA, readManifest, type FileEntry } from './manifest.ts';
import { checkSource } from './source.ts';

/** A part of the usage store is a folder that never changes, with the checksums of its files in this one. */
const PART_SUMS = 'checksums.txt';
/** Smaller files are copied anyway: a link saves nothing, and not all of them are in the sums. */
const LINKED_BYTES_MIN = 4096;

/** An earlier backup, whose files may be shared. */
export class Base {
  readonly #folder: string;
  readonly #files: ReadonlyMap<string, FileEntry>;
  /** By folder: whether the base has the same part there. */
  readonly #isSame = new Map<string, boolean>();

  /** Throws StartupError when it is no whole backup. */
  constructor(backup: string) {
    this.#folder = join(backup, DATA);
    const manifest = readManifest(backup);
    checkSource(backup, manifest);
    this.#files = new Map(manifest.files.map((file) => [file.path, file]));
  }

  /** Links the base's file to `target` if it is what `path` is in the snapshot; undefined if not. */
  share(snapshot: string, path: string, target: string): FileEntry | undefined {
    const file = this.#files.get(path);
    if (file === undefined || file.bytes < LINKED_BYTES_MIN) return undefined;
    if (!this.#hasPart(snapshot, dirname(path))) return undefined;
    if (statSync(join(snapshot, path)).size !== file.bytes) return undefined;
    try {
      linkSync(join(this.#folder, path), target);
      return file;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
      throw new StartupError('A backup and its base have to be on the same file system.');
    }
  }

  #hasPart(snapshot: string, folder: string): boolean {
    const known = this.#isSame.get(folder);
    if (known !== undefined) return known;
    const sums = join(folder, PART_SUMS);
    const inBase = this.#files.get(sums)?.sha256;
    const here = join(snapshot, sums);
    const isSame = inBase !== undefined && existsSync(here) && sumOf(here).sha256 === inBase;
    this.#isSame.set(folder, isSame);
    return isSame;
  }
}
