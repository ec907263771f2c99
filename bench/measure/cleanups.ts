import { rmSync } from 'node:fs';

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

/** Also while a process that was just killed is letting go of it. */
export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}
