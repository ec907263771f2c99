/** The ways in which a server ends. */
import { Worker } from 'node:worker_threads';
import type { ApiServer } from '../http/server.ts';
import { DamagedRunError } from '../dedup/run-file.ts';
import { exit, logError, logWarningAtOnce } from '../lib/log.ts';
import { isMoved } from '../lib/files/open-paths.ts';
import { UnsureInsertError } from '../usage/usage-store.ts';

/** For the refusals to reach those who wait. */
const GIVE_REFUSALS_TIME_MS = 100;
/** A statement that hangs keeps nobody. */
const GIVE_STATEMENTS_TIME_MS = 5000;
/** For the last line of the log. */
const LAST_LINE_MS = 1000;

/** The first signal to stop. */
export function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => resolve(signal));
  });
}

/**
 * P9. Requests that wait are refused; the next start recovers from the journal. `close` waits for the statements that run:
 * to exit under one would be a crash, since the engine's threads would outlive its memory.
 */
export function stopRatherThanLie(
  server: ApiServer,
  error: unknown,
  what: string,
  close: () => Promise<void>,
): void {
  logError(`Stopping, because ${what}.`, error);
  server.refuse(`stopped, because ${what}`);
  const end = (): void => void exit(1);
  setTimeout(() => void close().finally(end), GIVE_REFUSALS_TIME_MS);
  setTimeout(end, GIVE_STATEMENTS_TIME_MS);
}

/** Why nothing may be acknowledged any more. */
export function whyFatal(error: unknown): string {
  if (isMoved(error)) return 'its data folder is not what it has open, or is read-only';
  if (error instanceof DamagedRunError) return 'its identifiers cannot be read';
  if (error instanceof UnsureInsertError) return 'its usage store is not sure of an insert';
  const isFull = error instanceof Error && 'code' in error && error.code === 'SQLITE_FULL';
  return isFull ? 'its disk is full' : 'its journal cannot be written';
}

/**
 * Bounds a stop that a disk or the usage store holds up. Not by `process.exit`: that waits for threads of the engine,
 * and one that hangs in a system call never comes back. For the folder this is a crash like any other. A thread of its own
 * sees to it, should this one wait for who reads the log.
 */
export function endIfStuck(seconds: number): void {
  const end = `setTimeout(() => process.kill(${process.pid}, 'SIGKILL'), ${seconds * 1000 + LAST_LINE_MS})`;
  new Worker(end, { eval: true }).unref();
  setTimeout(() => {
    logWarningAtOnce(
      `Stopping takes longer than ${seconds} s; ending at once. What was acknowledged and is not in the usage ` +
        'store waits in the journal for the next start.',
    );
    process.kill(process.pid, 'SIGKILL');
  }, seconds * 1000);
}
