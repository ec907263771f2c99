import { logError } from '../log.ts';

/** What a server does again and again beside serving, until it stops. */
export class Chores {
  readonly #timers: NodeJS.Timeout[] = [];

  /** A chore that fails is told of, and done again when it is due; `failed` says what has not been done. */
  every(periodMs: number, failed: string, chore: Chore): void {
    this.#timers.push(setInterval(() => void run(failed, chore), periodMs));
  }

  /** As `every`, and for the first time at once. */
  now(periodMs: number, failed: string, chore: Chore): void {
    void run(failed, chore);
    this.every(periodMs, failed, chore);
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }
}

type Chore = () => void | Promise<void>;

async function run(failed: string, chore: Chore): Promise<void> {
  try {
    await chore();
  } catch (error) {
    logError(failed, error);
  }
}
