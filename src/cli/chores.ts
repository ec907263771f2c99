import { logError } from '../lib/log.ts';

/** What a server does again and again beside serving, until it stops. */
export class Chores {
  readonly #timers: NodeJS.Timeout[] = [];

  /**
   * A chore that fails is told of, and done again when it is due; `failed` says what has not been done. One that still runs
   * is not begun again: with a disk that hangs, they would take all threads that wait for disks.
   */
  every(periodMs: number, failed: string, chore: Chore): void {
    let runs = false;
    const begin = async (): Promise<void> => {
      if (runs) return;
      runs = true;
      await run(failed, chore);
      runs = false;
    };
    this.#timers.push(setInterval(() => void begin(), periodMs));
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
