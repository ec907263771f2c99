/**
 * The one place where tests wait: for conditions, never for time. `test/tidy.test.ts` sees to that, since a test that
 * waits for a moment passes on an idle machine and fails on one that others use.
 */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

/** How long a test waits for what must come. Far longer than that takes: only what never comes is to fail. */
export const PATIENCE_MS = 120_000;
const LOOK_EVERY_MS = 20;

/** Returns when `condition` holds; fails when it never does. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    assert.ok(performance.now() < deadlineMs, `not within ${PATIENCE_MS} ms: ${what}`);
    await delay(LOOK_EVERY_MS);
  }
}

/** What the promise resolves to; fails when it never settles. */
export async function within<T>(what: string, promise: Promise<T>): Promise<T> {
  const over = new AbortController();
  const late = delay(PATIENCE_MS, undefined, { signal: over.signal }).then(
    () => assert.fail(`not within ${PATIENCE_MS} ms: ${what}`),
    // The promise was first.
    () => undefined as never,
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    over.abort();
  }
}

/**
 * Lets time pass where there is no sign to wait for: before a fault at a drawn moment, between two tries, or so that what
 * must not happen has a chance to. Nothing may depend on what else happens meanwhile.
 */
export async function pause(ms: number): Promise<void> {
  await delay(ms);
}

/** Does it again and again, with pauses of so many milliseconds, until the function that it answers is called. */
export function repeat(ms: number, what: () => void): () => void {
  const timer = setInterval(what, ms);
  return () => clearInterval(timer);
}

/** Runs the jobs, at most `width` at a time; results in the order of the jobs. */
export async function inParallel<T, R>(
  jobs: readonly T[],
  width: number,
  run: (job: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < jobs.length; index = next++) {
      results[index] = await run(jobs[index] as T, index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, jobs.length) }, lane));
  return results;
}
