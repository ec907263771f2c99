import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { test, type TestContext } from 'node:test';
import { ApiError } from '../domain/errors.ts';
import { aBlock } from '../journal/contract.ts';
import type { Journal } from '../journal/journal.ts';
import { openSqliteJournal } from '../journal/sqlite/thread-journal.ts';
import type { RestoredRows } from '../usage/account.ts';
import type { UsageBatch } from '../usage/usage-store.ts';
import { Flusher } from './flusher.ts';
import { until } from '../../test/support/wait.ts';

/** What `aBlock` of one row holds. */
const BLOCK_BYTES = Buffer.byteLength('event 0\ncancellation 0\nrejection 0\n');

/** Takes what it is given, unless it is told to fail or to wait. */
class FaultyStore {
  readonly inserted: UsageBatch[] = [];
  readonly tokensTried: string[] = [];
  failure: Error | undefined;
  gate: Promise<void> = Promise.resolve();

  /** Of these, those that came as rows of which some may be stored. */
  readonly restored: RestoredRows[] = [];
  readonly account = {
    restore: async (rows: RestoredRows): Promise<void> => {
      this.restored.push({ ...rows, events: rows.events.slice() });
      if (this.failure !== undefined) throw this.failure;
    },
  };

  async insert(batch: UsageBatch): Promise<void> {
    this.tokensTried.push(batch.token);
    await this.gate;
    if (this.failure !== undefined) throw this.failure;
    // A copy: the memory is the next batch's.
    this.inserted.push({ ...batch, events: batch.events.slice() });
  }

  get rows(): string {
    return this.inserted.map(({ events }) => Buffer.from(events).toString()).join('');
  }
}

async function start(t: TestContext, wrap: (journal: Journal) => Journal = (journal) => journal) {
  const folder = mkdtempSync(join(tmpdir(), 'taximeter-flusher-'));
  const journal = await openSqliteJournal(join(folder, 'journal.db'));
  const store = new FaultyStore();
  const failures: unknown[] = [];
  const fatal: unknown[] = [];
  const flusher = new Flusher(wrap(journal), store, {
    onFailure: (error) => failures.push(error),
    onFatal: (error) => fatal.push(error),
  });
  t.after(async () => {
    await flusher.close();
    await journal.close();
    rmSync(folder, { recursive: true });
  });
  let number = 0;
  /** Commits a block and tells the flusher; answers its id. */
  const commit = async (rows = 1): Promise<number> => {
    const blockId = await journal.commit(aBlock({ rows }, number++));
    flusher.committed(blockId, rows, BLOCK_BYTES);
    return blockId;
  };
  return { journal, store, flusher, failures, fatal, commit };
}

/** A store that holds every insert back until it is let go. */
function holdBack(store: FaultyStore): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  store.gate = promise;
  return resolve;
}

function isUnavailable(cause: unknown) {
  return (error: unknown): true => {
    assert.ok(error instanceof ApiError);
    assert.equal(error.reason, 'unavailable');
    assert.equal(error.cause, cause);
    return true;
  };
}

test('flushThrough resolves when the blocks it names are in the store and out of the journal', async (t) => {
  const { journal, store, flusher, commit } = await start(t);
  await flusher.flushThrough(0);
  const ids = [await commit(), await commit(), await commit()];
  await flusher.flushThrough(ids[2]!);
  assert.equal(store.rows, 'event 0\nevent 1\nevent 2\n');
  assert.equal(await journal.planFlush(), undefined);
  await flusher.flushThrough(ids[2]!);
  assert.equal(store.inserted.length, 1, 'what is in the store needs no insert');
});

test('flushThrough does not wait for blocks after those it names', async (t) => {
  const { store, flusher, commit } = await start(t);
  const first = await commit();
  let letGo = holdBack(store);
  const early = flusher.flushThrough(first);
  await until('the first insert', () => store.tokensTried.length === 1);
  const second = await commit();
  const late = flusher.flushThrough(second);
  const letFirstGo = letGo;
  letGo = holdBack(store);
  letFirstGo();
  await early;
  assert.equal(store.rows, 'event 0\n');
  letGo();
  await late;
  assert.equal(store.rows, 'event 0\nevent 1\n');
});

test('many who wait share one insert', async (t) => {
  const { store, flusher, commit } = await start(t);
  const id = await commit();
  await Promise.all(Array.from({ length: 100 }, () => flusher.flushThrough(id)));
  assert.equal(store.inserted.length, 1);
});

test('blocks that an earlier process left are flushed too', async (t) => {
  const { journal, store } = await start(t);
  const id = await journal.commit(aBlock({}, 0));
  const fail = (error: unknown): never => assert.fail(String(error));
  const restarted = new Flusher(
    {
      lastBlockId: id,
      backlogBytes: 0,
      plannedThrough: 0,
      planFlush: async () => await journal.planFlush(),
      finishFlush: async (plan) => await journal.finishFlush(plan),
    },
    store,
    { onFailure: fail, onFatal: fail },
  );
  await restarted.flushThrough(id);
  assert.equal(store.rows, 'event 0\n');
  await restarted.close();
});

test('a plan that an earlier process left open is finished by what is stored, until that is done; then come inserts', async (t) => {
  const { journal, store } = await start(t);
  await journal.commit(aBlock({}, 0));
  const plan = await journal.planFlush();
  const id = await journal.commit(aBlock({}, 1));
  const fail = (error: unknown): never => assert.fail(String(error));
  const restarted = new Flusher(
    {
      lastBlockId: id,
      backlogBytes: 2 * BLOCK_BYTES,
      plannedThrough: plan?.lastBlockId ?? 0,
      planFlush: async () => await journal.planFlush(),
      finishFlush: async (finished) => await journal.finishFlush(finished),
    },
    store,
    { onFailure: () => undefined, onFatal: fail },
  );
  store.failure = new Error('the store is down');
  await assert.rejects(restarted.flushThrough(id), ApiError);
  store.failure = undefined;
  await restarted.flushThrough(id);
  const restored = store.restored.map(({ events }) => Buffer.from(events).toString());
  assert.deepEqual(restored, ['event 0\n', 'event 0\n']);
  assert.equal(store.rows, 'event 1\n');
  assert.equal(restarted.bytesWaiting, 0);
  await restarted.close();
});

test('a store that refuses is told to those who wait; the same plan is tried again, and they may ask again', async (t) => {
  const { journal, store, flusher, failures, fatal, commit } = await start(t);
  const error = new Error('the store is down');
  store.failure = error;
  const id = await commit();
  const waiting = [flusher.flushThrough(id), flusher.flushThrough(id)];
  await Promise.all(waiting.map((refused) => assert.rejects(refused, isUnavailable(error))));
  const next = await commit();
  await assert.rejects(flusher.flushThrough(next), isUnavailable(error));
  assert.deepEqual(failures, [error, error]);
  store.failure = undefined;
  await flusher.flushThrough(next);
  assert.equal(store.rows, 'event 0\nevent 1\n');
  const [first] = store.tokensTried;
  assert.deepEqual(store.tokensTried.slice(0, 3), [first, first, first]);
  assert.equal(store.inserted[0]?.token, first);
  assert.equal(Buffer.from(store.inserted[0]?.events ?? []).toString(), 'event 0\n');
  assert.equal(await journal.planFlush(), undefined);
  assert.deepEqual(fatal, []);
});

test('rows that nobody asks for are flushed after a while, and after a failure tried again', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { store, failures, commit } = await start(t);
  store.failure = new Error('the store is down');
  await commit();
  t.mock.timers.tick(999);
  await turn();
  assert.equal(store.tokensTried.length, 0, 'they wait for company');
  t.mock.timers.tick(1);
  await until('a first try', () => failures.length === 1);
  store.failure = undefined;
  await turn();
  t.mock.timers.tick(1000);
  await until('a second try', () => store.inserted.length === 1);
});

test('many rows are flushed at once', async (t) => {
  const { store, commit } = await start(t);
  await commit(250_000);
  await until('the insert', () => store.inserted.length === 1);
});

test('a store that refuses is left in peace for a while, however many rows come', async (t) => {
  const { store, failures, commit } = await start(t);
  store.failure = new Error('the store is down');
  await commit(250_000);
  await until('a first try', () => failures.length === 1);
  for (let i = 0; i < 20; i += 1) await commit(250_000);
  assert.equal(store.tokensTried.length, 1);
});

test('a journal that fails is fatal: told once, and nobody waits for ever', async (t) => {
  const error = new Error('disk is full');
  const { flusher, store, failures, fatal, commit } = await start(t, (journal) => ({
    ...journal,
    lastBlockId: 0,
    backlogBytes: 0,
    plannedThrough: 0,
    planFlush: async () => await journal.planFlush(),
    finishFlush: () => Promise.reject(error),
  }));
  const id = await commit();
  await assert.rejects(flusher.flushThrough(id), isUnavailable(error));
  await assert.rejects(flusher.flushThrough(id), ApiError);
  assert.equal(store.inserted.length, 1);
  assert.deepEqual(failures, []);
  assert.deepEqual(fatal, [error]);
});

test('close waits for the insert that runs, begins no other, and leaves the rest in the journal', async (t) => {
  const { journal, store, flusher, commit } = await start(t);
  const letGo = holdBack(store);
  const first = await commit();
  const served = flusher.flushThrough(first);
  await until('the first insert', () => store.tokensTried.length === 1);
  const second = await commit();
  const refused = assert.rejects(flusher.flushThrough(second), ApiError);
  const closed = flusher.close();
  letGo();
  await closed;
  await served;
  await refused;
  assert.equal(store.rows, 'event 0\n');
  const left = await journal.planFlush();
  assert.equal(Buffer.from(left?.events ?? []).toString(), 'event 1\n');
});

test('after close nobody waits for ever', async (t) => {
  const { store, flusher, commit } = await start(t);
  const id = await commit();
  await flusher.close();
  await assert.rejects(flusher.flushThrough(id), ApiError);
  assert.equal(store.tokensTried.length, 0);
});
