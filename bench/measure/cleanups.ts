import { existsSync, rmSync } from 'node:fs';

/** What has to be undone when the run ends, however it ends: processes killed, folders removed. */
export class Cleanups {
  readonly #actions: (() => void)[] = [];

  /** Runs what was added, last first, also when the run fails or is interrupted. */
  constructor() {
    process.once('exit', () => this.#run());
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
      ['SIGHUP', 129],
    ] as const) {
      process.once(signal, () => process.exit(code));
    }
  }

  /** The action must not wait for anything, and do no harm when it is done already. */
  add(action: () => void): void {
    this.#actions.push(action);
  }

  #run(): void {
    for (const action of this.#actions.toReversed()) {
      try {
        action();
      } catch (error) {
        console.error(error);
      }
    }
  }
}

const REMOVE_TRIES = 50;
const REMOVE_RETRY_MS = 100;

/**
 * Also while a process that was just killed still writes into it: one look at a folder is not enough then.
 * What is left after five seconds is named, not waited for.
 */
export function removeFolder(folder: string): void {
  for (let tries = 0; tries < REMOVE_TRIES; tries += 1) {
    try {
      rmSync(folder, { recursive: true, force: true });
    } catch {
      // A file came in between: again.
    }
    if (!existsSync(folder)) return;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, REMOVE_RETRY_MS);
  }
  console.error(`${folder} could not be removed.`);
}
