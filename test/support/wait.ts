/** Waits for conditions, never for time. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

/** Returns when `condition` holds; fails after the limit. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 15_000,
): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `not within ${limitMs} ms: ${what}`);
    await delay(20);
  }
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
