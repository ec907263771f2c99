/**
 * Which boot of the machine wrote to a data folder last. A process that ends leaves what it wrote in the kernel's memory, which
 * writes it to the disk in the end: only a machine that goes down can leave a log of which a part is missing. So with another boot
 * than last time, a torn end of a log is what a loss of power leaves; with the same one it is damage.
 *
 * In a container the boot is that of the host's kernel, whose memory it is; where a runtime gives each container a boot of its own,
 * and for a folder that was moved to another machine, every start is one after a loss of power. macOS tells no boot in a file.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeDurably } from '../lib/files/durable-file.ts';
import { logOf } from './open-checked.ts';

export const LAST_BOOT_FILE = 'last-boot';
/** Linux: random(4), "boot_id". */
const BOOT_ID = '/proc/sys/kernel/random/boot_id';

export class LastBoot {
  readonly #folder: string;
  readonly #current: string | undefined;
  #noted: string | undefined;

  constructor(folder: string, bootIdFile = BOOT_ID) {
    this.#folder = folder;
    this.#current = readId(bootIdFile);
    this.#noted = readId(join(folder, LAST_BOOT_FILE));
  }

  /** The machine has been started since. False where that cannot be known. */
  get isAnother(): boolean {
    const isKnown = this.#current !== undefined && this.#noted !== undefined;
    return isKnown && this.#current !== this.#noted;
  }

  /**
   * Writes down the boot that runs now. To be called before these logs are written to, when they have nothing in them; else when what
   * is torn of them has been left behind: before, the next start has to know too.
   */
  note(): void {
    if (this.#current === undefined || this.#current === this.#noted) return;
    writeDurably(this.#folder, LAST_BOOT_FILE, (fd) => writeFileSync(fd, `${this.#current}\n`));
    this.#noted = this.#current;
  }

  /** `note`, unless one of these databases has a log. */
  noteWithoutLogs(databases: readonly string[]): void {
    if (!databases.some((file) => existsSync(logOf(file)))) this.note();
  }
}

function readId(file: string): string | undefined {
  try {
    return /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/u.exec(
      readFileSync(file, 'latin1').trim(),
    )?.[0];
  } catch {
    // None, or it cannot be read: then nothing is known.
    return undefined;
  }
}
