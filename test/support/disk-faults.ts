/**
 * Disk faults that a test turns on and off while a server runs: a usage store that hangs, syncs that are slow.
 * By a library of a few functions, compiled here with the machine's own C compiler and preloaded. Linux only.
 */
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { platform } from 'node:os';
import { join } from 'node:path';

const SOURCE = join(import.meta.dirname, 'disk-faults.c');

export class DiskFaults {
  readonly #control: string;
  readonly #library: string;

  private constructor(folder: string) {
    this.#control = join(folder, 'disk-faults');
    this.#library = join(folder, 'disk-faults.so');
  }

  /** Undefined where it cannot be compiled: not on Linux, or without a C compiler. */
  static in(folder: string): DiskFaults | undefined {
    const faults = new DiskFaults(folder);
    if (platform() !== 'linux') return undefined;
    for (const compiler of ['cc', 'gcc', 'clang']) {
      try {
        const args = ['-shared', '-fPIC', '-O2', '-o', faults.#library, SOURCE, '-ldl'];
        execFileSync(compiler, args, { stdio: 'ignore' });
        return faults;
      } catch {
        // Not installed, or unable to: the next one may be.
      }
    }
    return undefined;
  }

  /** Of a server that is to have them. */
  get env(): Readonly<Record<string, string>> {
    return { LD_PRELOAD: this.#library, DISK_FAULTS: this.#control };
  }

  /** From here on whatever touches a file of the usage store does not return until `end`. */
  hang(): void {
    writeFileSync(this.#control, 'hang');
  }

  /** From here on every sync takes so much longer, until `end`, which those that wait then learn at once. */
  slow(ms: number): void {
    writeFileSync(this.#control, `slow ${ms}`);
  }

  /** From here on no sync returns, until another of these is called. */
  stall(): void {
    this.slow(1_000_000_000);
  }

  end(): void {
    rmSync(this.#control, { force: true });
  }
}
