import { logError } from '../log.ts';

/** What a server does again and again beside serving, until it stops. */
export class Chores {
  readonly #timers: NodeJS.Timeout[] = [];

  /** A chore that fails is told of, and done again when it is due; `failed` says what has not been done. */
  every(periodMs: number, failed: string, chore: () => void | Promise<void>): void {
    const run = async (): Promise<void> => {
      try {
        await chore();
      } catch (error) {
        logError(failed, error);
      }
    };
    this.#timers.push(setInterval(() => void run(), periodMs));
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }
}
