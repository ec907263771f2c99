import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Session } from 'chdb';
import { SessionPool, type PoolOptions } from './session-pool.ts';

const ONE = { sql: 'SELECT 1', params: {} };
/** Hours of work for the engine. */
const ENDLESS = {
  sql: 'SELECT count() FROM numbers(1e13) WHERE sipHash64(number) = 1',
  params: {},
};
/** Writes a part of its answer, then fails. */
const FAILS_LATE = {
  sql: 'SELECT throwIf(number = 200000) FROM numbers(300000) SETTINGS max_block_size = 1000',
  params: {},
};
const DAY_S = 86_400;

async function withPool(
  use: (pool: SessionPool) => Promise<void>,
  options: PoolOptions = { width: 1 },
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'taximeter-pool-'));
  const pool = new SessionPool(() => new Session(folder), options);
  await use(pool);
  await pool.close();
  await rm(folder, { recursive: true });
}

test('a query that would not end is ended by the engine, and its session serves the next', async () => {
  await withPool(async (pool) => {
    const patience = { signal: new AbortController().signal, seconds: 1 };
    await assert.rejects(pool.rows(ENDLESS, patience), {
      name: 'ReadLimitError',
      limit: 'seconds',
    });
    assert.deepEqual(await pool.rows(ONE), [[1]]);
  });
});

test('what a statement wrote before it failed is in no later answer', async () => {
  await withPool(async (pool) => {
    for (let tries = 0; tries < 3; tries += 1) {
      await assert.rejects(pool.rows(FAILS_LATE), /throwIf/u);
      assert.deepEqual(await pool.rows(ONE), [[1]]);
    }
  });
});

test('who has no patience left is told at once, while it runs and while it waits its turn', async () => {
  await withPool(async (pool) => {
    const running = new AbortController();
    const waiting = new AbortController();
    const first = pool.rows(ENDLESS, { signal: running.signal, seconds: 2 });
    const second = pool.rows(ONE, { signal: waiting.signal, seconds: DAY_S });
    const third = pool.rows(ONE, { signal: new AbortController().signal, seconds: DAY_S });
    waiting.abort();
    await assert.rejects(second, { name: 'AbortError' });
    running.abort();
    await assert.rejects(first, { name: 'AbortError' });
    // The session is not given to anybody before the engine is done with it.
    assert.deepEqual(await third, [[1]]);
    assert.deepEqual(await pool.rows(ONE), [[1]]);
  });
});

test('a statement that would read too much is ended, and its session serves the next', async () => {
  const much = { sql: 'SELECT sum(number) FROM numbers(10000000)', params: {} };
  const read = async (pool: SessionPool): Promise<void> => {
    await assert.rejects(pool.rows(much), { name: 'ReadLimitError', limit: 'bytes' });
    assert.deepEqual(await pool.rows(ONE), [[1]]);
  };
  await withPool(read, { width: 1, bytesMax: 1_000_000 });
});

test('statements of one account run one at a time where they must, and hold up no other', async () => {
  const run = async (pool: SessionPool): Promise<void> => {
    const patience = { signal: new AbortController().signal, seconds: 2 };
    const ended: string[] = [];
    const long = Array.from({ length: 3 }, async (_, n) => {
      await assert.rejects(pool.rows(ENDLESS, patience, 'a'), { name: 'ReadLimitError' });
      ended.push(`a${n}`);
    });
    for (let n = 0; n < 20; n += 1) await pool.rows(ONE, undefined, 'b');
    assert.deepEqual(ended, [], 'all of another account, before one of these has ended');
    await Promise.all(long);
    assert.deepEqual(ended, ['a0', 'a1', 'a2']);
  };
  await withPool(run, { width: 2, ofOneAccount: 1, threads: 1 });
});
