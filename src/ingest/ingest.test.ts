/** The way in, over a real journal and a real usage store; faults are put between the two. */
import { DAY_MS, HOUR_MS } from '../domain/time.ts';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import fc from 'fast-check';
import type { Formula } from '../domain/meter.ts';
import { ApiError } from '../domain/errors.ts';
import type {
  Cancellation,
  IncomingEvent,
  RejectedEvent,
} from '../domain/meter-events/meter-event.ts';
import { bytesOf, type Journal } from '../journal/journal.ts';
import { unpackReceipts, type Receipt } from '../journal/receipt.ts';
import { openSqliteJournal } from '../journal/sqlite/thread-journal.ts';
import { toNamespace, type Namespace } from '../domain/namespace.ts';
import { ONE, toDecimal, UNITS_PER_ONE } from '../domain/quantity.ts';
import { summarize, type UsageEvent } from '../domain/aggregate.ts';
import { openChdbUsageStore } from '../usage/chdb/chdb-usage-store.ts';
import type { SummaryRow, UsageBatch, UsageStore } from '../usage/usage-store.ts';
import { IN_CATALOG } from './answered-keys.ts';
import { Ingest, type IngestParts } from './ingest.ts';
import { pause } from '../../test/support/wait.ts';

const NOW_MS = 20_000.5 * DAY_MS;
const START_MS = 20_000 * DAY_MS;

// One for all tests: the engine takes one folder a process. Each test has a namespace of its own.
const folder = mkdtempSync(join(tmpdir(), 'taximeter-ingest-'));
const engine = openChdbUsageStore(join(folder, 'usage'));
after(async () => {
  await engine.close();
  rmSync(folder, { recursive: true });
});

/** The store behind a line that may be cut, before an insert or after it. */
class FaultyLine implements UsageStore {
  /** 'lost answer': the insert is done, and who asked for it never learns. */
  state: 'up' | 'down' | 'lost answer' = 'up';

  async insert(batch: UsageBatch): Promise<void> {
    await this.#deliver(async () => await engine.insert(batch));
  }
  async #deliver(rows: () => Promise<void>): Promise<void> {
    if (this.state === 'down') throw new Error('the store is down');
    await rows();
    if (this.state === 'lost answer') throw new Error('the answer is lost');
  }
  summarize: UsageStore['summarize'] = async (query) => await engine.summarize(query);
  findEvent: UsageStore['findEvent'] = async (...args) => await engine.findEvent(...args);
  identifiers: UsageStore['identifiers'] = (range) => engine.identifiers(range);
  get customers(): UsageStore['customers'] {
    return engine.customers;
  }
  get search(): UsageStore['search'] {
    return engine.search;
  }
  rejectionsThrough: UsageStore['rejectionsThrough'] = async (query) =>
    await engine.rejectionsThrough(query);
  countRejections: UsageStore['countRejections'] = async (query) =>
    await engine.countRejections(query);
  prunedBeforeMs = 0;
  closedBeforeMs = 0;
  prunable: UsageStore['prunable'] = async (beforeMs) => await engine.prunable(beforeMs);
  prune: UsageStore['prune'] = async (...args) => await engine.prune(...args);
  snapshot: UsageStore['snapshot'] = async (copy) => await engine.snapshot(copy);
  get account(): UsageStore['account'] {
    const restore: UsageStore['account']['restore'] = async (rows) =>
      await this.#deliver(async () => await engine.account.restore(rows));
    return { ...engine.account, restore };
  }
  lastSequence: UsageStore['lastSequence'] = async () => await engine.lastSequence();
  lastReceivedAtMs: UsageStore['lastReceivedAtMs'] = async () => await engine.lastReceivedAtMs();
  get auditor(): UsageStore['auditor'] {
    return engine.auditor;
  }
  close: UsageStore['close'] = async () => await engine.close();
}

type SavedKey =
  ReturnType<IngestParts['answers']['keys']> extends Iterable<infer Key> ? Key : never;

/** One account and the way in to the data folder, which can be stopped and started. */
class World {
  readonly namespace: Namespace = toNamespace(`acct_${randomUUID()}`, 'test');
  readonly meterId = `mtr_${randomUUID()}`;
  readonly line = new FaultyLine();
  readonly fatal: unknown[] = [];
  readonly answers: SavedKey[] = [];
  journalBytesMax = 1e9;
  journal!: Journal;
  ingest!: Ingest;

  /** `wrap` puts something between the journal and who writes to it. */
  async start(
    nowMs = NOW_MS,
    wrap = (journal: Journal): Journal => journal,
    file = join(folder, 'journal.db'),
  ): Promise<void> {
    this.journal = await openSqliteJournal(file);
    this.ingest = new Ingest({
      journal: wrap(this.journal),
      store: this.line,
      answers: { keys: () => this.answers, prune: async () => undefined },
      dataFolder: dirname(file),
      identifiersInMemory: 1000,
      disk: { shortage: undefined },
      identifierWindowDays: 35,
      journalBytesMax: this.journalBytesMax,
      onStoreFailure: () => undefined,
      onRepair: (what) => this.fatal.push(what),
      onSealFailure: (error) => this.fatal.push(error),
      onFatal: (error) => this.fatal.push(error),
    });
    await this.ingest.recover(nowMs);
  }

  async stop(): Promise<void> {
    await this.ingest.close();
    await this.journal.close();
  }

  anEvent(given: Partial<IncomingEvent> = {}): IncomingEvent {
    return {
      namespace: this.namespace,
      meterId: this.meterId,
      customer: 'cus_1',
      timestampMs: START_MS,
      timestampIsSent: true,
      receivedAtMs: NOW_MS,
      identifier: randomUUID(),
      value: ONE,
      rest: new Map(),
      ...given,
    };
  }

  aRejection(given: Partial<RejectedEvent> = {}): Omit<RejectedEvent, 'sequence'> {
    return {
      namespace: this.namespace,
      receivedAtMs: NOW_MS,
      eventName: 'requests',
      identifier: '',
      meterId: this.meterId,
      sent: '{}',
      code: 'meter_event_malformed',
      message: 'Invalid event: payload is required.',
      requestId: 'req_1',
      ...given,
    };
  }

  aReceipt(idempotencyKey: string): Receipt {
    return {
      keyHash: this.ingest.answeredKeys.hashKey(this.namespace, idempotencyKey),
      fingerprint: [1, 2] as const,
      receivedAtMs: NOW_MS,
      generatedIdentifier: undefined,
    };
  }

  /** What a reader behind the barrier would see of one customer's day. */
  async rows(formula: Formula = 'count', customer = 'cus_1'): Promise<readonly SummaryRow[]> {
    return await engine.summarize({
      namespace: this.namespace,
      meterId: this.meterId,
      customer,
      formula,
      eventTimeWindow: null,
      groupingWindow: null,
      startMs: START_MS,
      endMs: START_MS + DAY_MS,
      order: 'newest_first',
      limit: 10,
    });
  }

  /** How many events count. */
  async count(): Promise<number> {
    return Number((await this.rows())[0]?.value ?? 0n) / Number(UNITS_PER_ONE);
  }
}

async function start(t: TestContext, ...args: Parameters<World['start']>): Promise<World> {
  const world = new World();
  await world.start(...args);
  t.after(async () => await world.stop());
  return world;
}

/** The journal, with something else in place of its `commit`. */
function withCommit(journal: Journal, commit: Journal['commit']): Journal {
  const { id, hashKey, lastSequence, lastBlockId, backlogBytes } = journal;
  const { mayBeStoredThrough, plannedThrough, lastReceiptAtMs } = journal;
  return {
    id,
    hashKey,
    lastSequence,
    lastBlockId,
    backlogBytes,
    mayBeStoredThrough,
    plannedThrough,
    lastReceiptAtMs,
    commit,
    planFlush: async () => await journal.planFlush(),
    finishFlush: async (plan) => await journal.finishFlush(plan),
    receipts: async (blockId) => await journal.receipts(blockId),
    answerBody: async (blockId, keyHash) => await journal.answerBody(blockId, keyHash),
    receiptsSince: (...since) => journal.receiptsSince(...since),
    pruneReceipts: async (beforeMs) => await journal.pruneReceipts(beforeMs),
    copyTo: async (file) => await journal.copyTo(file),
    moved: async () => await journal.moved(),
    startAccount: async (totals) => await journal.startAccount(totals),
    giveUpAccount: async () => await journal.giveUpAccount(),
    keptRows: async () => await journal.keptRows(),
    neighbour: async (name, id) => await journal.neighbour(name, id),
    close: async () => await journal.close(),
  };
}

test('of 1,000 events with one identifier, sent at once, exactly one is recorded', async (t) => {
  const world = await start(t);
  const { ingest } = world;
  const event = world.anEvent({ identifier: 'same' });
  const outcomes = await Promise.all(Array.from({ length: 1000 }, () => ingest.record(event)));
  assert.equal(outcomes.filter((outcome) => outcome === 'recorded').length, 1);
  assert.equal(outcomes[0], 'recorded', 'the first to come');
  assert.equal(await ingest.record(event), 'repeated');
  const other = world.anEvent({ identifier: 'same', customer: 'cus_2' });
  assert.equal(await ingest.record(other), 'duplicate');
  await ingest.settled();
  assert.equal(await world.count(), 1);
});

test('a reader waits for what was acknowledged of its own namespace, and for nothing of others', async (t) => {
  const world = await start(t);
  const { ingest } = world;
  const { signal } = new AbortController();
  const mine = world.anEvent();
  await ingest.record(mine);
  const other = toNamespace(`acct_${randomUUID()}`, 'test');
  await ingest.settledForReader(mine.namespace, signal);
  assert.equal(await world.count(), 1);
  // From here on the store takes nothing.
  world.line.state = 'down';
  await ingest.record(world.anEvent({ namespace: other }));
  assert.ok((await ingest.settledForReader(mine.namespace, signal)) > 0);
  await assert.rejects(ingest.settledForReader(other, signal), ApiError);
  const never = toNamespace(`acct_${randomUUID()}`, 'live');
  assert.ok((await ingest.settledForReader(never, signal)) > 0);
  world.line.state = 'up';
  await ingest.settledForReader(other, signal);
});

test('at rest, all that was acknowledged is in the store, and what comes meanwhile is answered after it', async (t) => {
  const world = await start(t);
  const { ingest, journal } = world;
  for (let i = 0; i < 50; i += 1) await ingest.record(world.anEvent());
  let late: Promise<unknown> | undefined;
  let isAnswered = false;
  await ingest.atRest(async () => {
    assert.equal(await journal.planFlush(), undefined, 'nothing waits');
    late = ingest.record(world.anEvent()).then(() => (isAnswered = true));
    for (let turns = 0; turns < 100; turns += 1) await new Promise(setImmediate);
    assert.equal(await world.count(), 50, 'reads go on');
    assert.equal(isAnswered, false);
  });
  await late;
  await ingest.settled();
  assert.equal(await world.count(), 51);
  await assert.rejects(
    ingest.atRest(async () => await Promise.reject(new Error('of the work'))),
    /of the work/,
  );
  assert.equal(await ingest.record(world.anEvent()), 'recorded', 'and goes on after a failure');
});

test('an event and its duplicates resolve only when the event is on disk', async (t) => {
  const gate = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  let onDisk = 0;
  const world = await start(t, NOW_MS, (journal) =>
    withCommit(journal, async (block) => {
      begun.resolve();
      await gate.promise;
      const id = await journal.commit(block);
      onDisk += block.rows;
      return id;
    }),
  );
  const event = world.anEvent();
  const seen: [string, number][] = [];
  const record = async (): Promise<void> => {
    const outcome = await world.ingest.record(event);
    seen.push([outcome, onDisk]);
  };
  const first = record();
  const atOnce = record();
  // From here on the event's block is being committed, and the next one is empty.
  await begun.promise;
  const later = record();
  await pause(10);
  assert.equal(seen.length, 0);
  gate.resolve();
  await Promise.all([first, atOnce, later]);
  assert.deepEqual(
    seen.toSorted(([a], [b]) => (a < b ? -1 : 1)),
    [
      ['recorded', 1],
      ['repeated', 1],
      ['repeated', 1],
    ],
  );
});

test('an event that could not be stored is refused, and so is its duplicate: neither is acknowledged', async () => {
  const gate = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const error = new Error('disk is full');
  const world = new World();
  await world.start(NOW_MS, (journal) =>
    withCommit(journal, async () => {
      begun.resolve();
      await gate.promise;
      throw error;
    }),
  );
  const event = world.anEvent();
  const first = world.ingest.record(event);
  await begun.promise;
  const duplicate = world.ingest.record(event);
  gate.resolve();
  await assert.rejects(first, { cause: error });
  await assert.rejects(duplicate, { cause: error });
  await assert.rejects(world.ingest.record(event), { cause: error });
  await assert.rejects(world.ingest.record(world.anEvent()), { cause: error });
  assert.deepEqual(world.fatal, [error]);
  // The barrier still stands for all that was acknowledged, which is nothing.
  await world.ingest.settled();
  assert.equal(await world.count(), 0);
  await assert.rejects(world.ingest.close());
  await world.journal.close();
});

test('settled: a read counts all that was acknowledged before it, by whomever', async (t) => {
  const world = await start(t);
  let acknowledged = 0;
  const sender = async (): Promise<void> => {
    for (let i = 0; i < 60; i += 1) {
      await world.ingest.record(world.anEvent());
      acknowledged += 1;
    }
  };
  const reader = async (): Promise<void> => {
    for (let i = 0; i < 8; i += 1) {
      const before = acknowledged;
      await world.ingest.settled();
      assert.ok((await world.count()) >= before);
    }
  };
  await Promise.all([sender(), sender(), sender(), reader(), reader()]);
  await world.ingest.settled();
  assert.equal(await world.count(), 180);
});

test('a cancelled event does not count; what was cancelled is on disk when it resolves', async (t) => {
  const world = await start(t);
  const event = world.anEvent();
  await world.ingest.record(event);
  await world.ingest.record(world.anEvent());
  await world.ingest.settled();
  world.line.state = 'down';
  await world.ingest.cancel(await cancellationOf(world, event.identifier));
  await world.stop();
  world.line.state = 'up';
  await world.start();
  assert.equal(await world.count(), 1);
  const found = await engine.findEvent(world.namespace, [world.meterId], event.identifier);
  assert.equal(found?.cancellation?.requestId, 'req_1');
});

test('while the store is down events are accepted and reads refused; when it is back nothing is missing', async (t) => {
  const world = await start(t);
  world.line.state = 'down';
  assert.equal(await world.ingest.record(world.anEvent()), 'recorded');
  await assert.rejects(world.ingest.settled(), ApiError);
  assert.equal(await world.ingest.record(world.anEvent()), 'recorded');
  world.line.state = 'up';
  await world.ingest.settled();
  assert.equal(await world.count(), 2);
});

test('an insert whose answer was lost is not counted twice, also after a restart', async (t) => {
  const world = await start(t);
  world.line.state = 'lost answer';
  const event = world.anEvent();
  await world.ingest.record(event);
  await assert.rejects(world.ingest.settled(), ApiError);
  assert.equal(await world.count(), 1, 'it is in the store, and nobody knows');
  await world.stop();
  world.line.state = 'up';
  await world.start();
  await world.ingest.settled();
  assert.equal(await world.count(), 1);
  assert.equal(await world.ingest.record(event), 'duplicate');
});

test('a restart remembers identifiers, both those in the store and those still in the journal', async (t) => {
  const world = await start(t);
  const inStore = world.anEvent();
  await world.ingest.record(inStore);
  await world.ingest.settled();
  world.line.state = 'down';
  const inJournal = world.anEvent();
  await world.ingest.record(inJournal);
  await world.stop();
  world.line.state = 'up';
  await world.start(NOW_MS + 34 * DAY_MS);
  for (const { identifier } of [inStore, inJournal]) {
    const again = world.anEvent({ identifier, receivedAtMs: NOW_MS + 34 * DAY_MS });
    assert.equal(await world.ingest.record(again), 'duplicate');
    const elsewhere = { ...again, namespace: toNamespace(`acct_${randomUUID()}`, 'test') };
    assert.equal(await world.ingest.record(elsewhere), 'recorded');
  }
  assert.equal(await world.count(), 2);
});

test('a restart remembers answered keys, those of the journal and those of the catalog, for a day', async (t) => {
  const world = await start(t);
  const keyHash = world.ingest.answeredKeys.hashKey(world.namespace, 'in the journal');
  const receipt = {
    keyHash,
    fingerprint: [1, 2] as const,
    receivedAtMs: NOW_MS,
    generatedIdentifier: randomUUID(),
  };
  assert.equal(world.ingest.answeredKeys.find(keyHash, NOW_MS), undefined);
  await world.ingest.record(world.anEvent(), receipt);
  world.answers.push({
    namespace: world.namespace,
    idempotencyKey: 'in the catalog',
    createdMs: NOW_MS,
  });
  const find = (idempotencyKey: string, nowMs: number): number | undefined => {
    const { answeredKeys } = world.ingest;
    return answeredKeys.find(answeredKeys.hashKey(world.namespace, idempotencyKey), nowMs);
  };
  const blockId = find('in the journal', NOW_MS);
  for (const nowMs of [NOW_MS, NOW_MS + 24 * HOUR_MS]) {
    await world.stop();
    await world.start(nowMs);
    assert.equal(find('in the journal', nowMs), blockId);
    assert.equal(find('in the catalog', nowMs), IN_CATALOG);
    assert.deepEqual(unpackReceipts(await world.journal.receipts(blockId!)), [receipt]);
  }
  await world.stop();
  await world.start(NOW_MS + 27 * HOUR_MS);
  assert.equal(find('in the journal', NOW_MS + 27 * HOUR_MS), undefined);
  assert.notEqual((await world.journal.receipts(blockId!)).length, 0, 'the clock may be wrong');
  for (let hour = 0; hour < 2; hour += 1) await world.ingest.forget(NOW_MS + (27 + hour) * HOUR_MS);
  assert.equal((await world.journal.receipts(blockId!)).length, 0, 'pruned');
});

test('an answer that changed nothing is remembered too', async (t) => {
  const world = await start(t);
  const keyHash = world.ingest.answeredKeys.hashKey(world.namespace, 'key');
  const receipt = {
    keyHash,
    fingerprint: [1, 2] as const,
    receivedAtMs: NOW_MS,
    generatedIdentifier: undefined,
  };
  world.ingest.addReceipt(receipt);
  await world.ingest.onDisk();
  await world.ingest.settled();
  const blockId = world.ingest.answeredKeys.find(keyHash, NOW_MS);
  assert.deepEqual(unpackReceipts(await world.journal.receipts(blockId!)), [receipt]);
});

/** A journal whose commits wait at a gate, and what each block had in it. */
function gated(): {
  readonly wrap: (journal: Journal) => Journal;
  readonly open: () => void;
  readonly blocks: readonly object[];
} {
  const gate = Promise.withResolvers<void>();
  const blocks: object[] = [];
  const wrap = (journal: Journal): Journal =>
    withCommit(journal, async (block) => {
      const { rows, receipts, answerBodies } = block;
      const receiptCount = unpackReceipts(receipts).length;
      const bodies = answerBodies.map(({ body }) => body);
      blocks.push({ rows, receipts: receiptCount, bodies });
      await gate.promise;
      return await journal.commit(block);
    });
  return { wrap, open: () => gate.resolve(), blocks };
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

test('what is accepted, rejected and receipted in one turn is in one block', async (t) => {
  const { wrap, open, blocks } = gated();
  const world = await start(t, NOW_MS, wrap);
  const { ingest } = world;
  const request = async (key: string, events: number): Promise<void> => {
    const [first] = Array.from({ length: events }, () => {
      const event = world.anEvent();
      assert.equal(ingest.accept(event), 'recorded');
      ingest.reject(world.aRejection());
      return event;
    });
    assert.equal(ingest.accept(first!), 'repeated');
    ingest.addReceipt(world.aReceipt(key), `answer of ${key}`);
    await ingest.onDisk();
  };
  let answered = 0;
  const ask = async (key: string, events: number): Promise<void> => {
    await request(key, events);
    answered += 1;
  };
  const asked = [ask('a', 1)];
  while (blocks.length === 0) await turn();
  // The first block is under way. These two share the next one, and neither is in the first.
  asked.push(ask('b', 300), ask('c', 1));
  await turn();
  assert.equal(answered, 0, 'nothing is on disk yet');
  assert.equal(ingest.answeredKeys.find(world.aReceipt('a').keyHash, NOW_MS), undefined);
  open();
  await Promise.all(asked);
  assert.deepEqual(blocks, [
    { rows: 2, receipts: 1, bodies: ['answer of a'] },
    { rows: 602, receipts: 2, bodies: ['answer of b', 'answer of c'] },
  ]);
  const blockId = ingest.answeredKeys.find(world.aReceipt('b').keyHash, NOW_MS);
  assert.equal(blockId, ingest.answeredKeys.find(world.aReceipt('c').keyHash, NOW_MS));
  const { keyHash } = world.aReceipt('c');
  assert.equal(await world.journal.answerBody(blockId!, keyHash), 'answer of c');
  await ingest.settled();
  assert.equal(await world.count(), 302);
});

test('a block that could not be stored leaves nothing: no event, no rejection, no answered key', async () => {
  const world = new World();
  await world.start(NOW_MS, (journal) =>
    withCommit(journal, async () => await Promise.reject(new Error('disk is full'))),
  );
  world.ingest.accept(world.anEvent());
  world.ingest.reject(world.aRejection());
  world.ingest.addReceipt(world.aReceipt('key'), 'answer');
  await assert.rejects(world.ingest.onDisk(), ApiError);
  assert.throws(() => world.ingest.accept(world.anEvent()), ApiError);
  assert.throws(() => world.ingest.reject(world.aRejection()), ApiError);
  await assert.rejects(world.ingest.close());
  await world.journal.close();
  await world.start();
  assert.equal(world.ingest.answeredKeys.find(world.aReceipt('key').keyHash, NOW_MS), undefined);
  assert.equal(await world.count(), 0);
  await world.stop();
});

const isTooMuch = { name: 'ApiError', reason: 'rate_limit' };

test('full: the journal holds as much as may wait for the store, and not a byte less', async () => {
  const sizes: number[] = [];
  const world = new World();
  const wrap = (journal: Journal): Journal =>
    withCommit(journal, async (block) => {
      sizes.push(bytesOf(block));
      return await journal.commit(block);
    });
  await world.start(NOW_MS, wrap);
  const event = world.anEvent();
  await world.ingest.record(event);
  await world.ingest.settled();
  const cancellation = await cancellationOf(world, event.identifier);
  const [size = 0] = sizes;
  for (const [journalBytesMax, isFull] of [
    [size, true],
    [size + 1, false],
  ] as const) {
    await world.stop();
    world.line.state = 'up';
    world.journalBytesMax = journalBytesMax;
    await world.start(NOW_MS, wrap);
    world.line.state = 'down';
    world.ingest.refuseWhenFull();
    await world.ingest.record(world.anEvent());
    assert.equal(sizes.at(-1), size);
    if (isFull) {
      assert.throws(() => world.ingest.refuseWhenFull(), isTooMuch);
      await assert.rejects(world.ingest.record(world.anEvent()), isTooMuch);
      await assert.rejects(world.ingest.cancel(cancellation), isTooMuch);
    } else world.ingest.refuseWhenFull();
  }
  world.line.state = 'up';
  await world.ingest.settled();
  world.ingest.refuseWhenFull();
  assert.equal(await world.count(), 3, 'nothing that was refused counts');
  await world.stop();
});

test('full: the block that fills holds as much as one may while the disk is slow', async (t) => {
  const { wrap, open, blocks } = gated();
  const world = await start(t, NOW_MS, wrap);
  const first = world.ingest.record(world.anEvent());
  while (blocks.length === 0) await turn();
  const sent = 'x'.repeat(2 ** 20);
  for (let mebibytes = 0; mebibytes < 64; mebibytes += 1) {
    world.ingest.refuseWhenFull();
    world.ingest.reject(world.aRejection({ sent }));
  }
  assert.throws(() => world.ingest.refuseWhenFull(), isTooMuch);
  await assert.rejects(world.ingest.record(world.anEvent()), isTooMuch);
  open();
  await Promise.all([first, world.ingest.onDisk()]);
  world.ingest.refuseWhenFull();
  assert.equal(await world.ingest.record(world.anEvent()), 'recorded');
  await world.ingest.settled();
  assert.equal(await world.count(), 2);
});

test('the order of acceptance goes on after a restart, also when everything was flushed', async (t) => {
  const world = await start(t);
  for (let value = 1n; value <= 3n; value += 1n) {
    await world.ingest.record(world.anEvent({ value: toDecimal(value * UNITS_PER_ONE) }));
    await world.stop();
    await world.start();
    assert.deepEqual(await world.rows('last'), [
      { startMs: START_MS, value: value * UNITS_PER_ONE },
    ]);
  }
});

test('a journal that knows fewer events than the store is not opened: its sequences and tokens would come again', async () => {
  const world = new World();
  await world.start();
  await world.ingest.record(world.anEvent());
  await world.ingest.settled();
  await world.stop();
  const elsewhere = mkdtempSync(join(tmpdir(), 'taximeter-ingest-'));
  try {
    await assert.rejects(world.start(NOW_MS, undefined, join(elsewhere, 'journal.db')));
  } finally {
    await world.stop();
    rmSync(elsewhere, { recursive: true });
  }
});

// Few identifiers and times, so that duplicates and ties are common.
type Step =
  | {
      readonly do: 'record';
      readonly identifier: string;
      readonly hour: number;
      readonly value: bigint;
    }
  | { readonly do: 'cancel'; readonly pick: number }
  | { readonly do: 'read' | 'restart' | 'up' | 'down' | 'lost answer' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('record' as const),
      identifier: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'),
      hour: fc.nat({ max: 1 }),
      value: fc.bigInt({ min: -5n, max: 5n }).map((n) => n * UNITS_PER_ONE),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cancel' as const), pick: fc.nat() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom(...(['read', 'restart', 'up', 'down', 'lost answer'] as const)),
    }),
  },
);

test('whatever is done in whatever order, each accepted event counts exactly once, as the pure rules say', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
      const world = new World();
      try {
        await world.start();
        await runSteps(world, steps);
      } finally {
        await world.stop();
      }
      assert.deepEqual(world.fatal, []);
    }),
    { numRuns: 6 },
  );
  assert.equal((await engine.auditor.hours({})).differences, 0);
});

async function runSteps(world: World, steps: readonly Step[]): Promise<void> {
  const accepted = new Map<string, UsageEvent & { cancelled: boolean }>();
  // Calls are not awaited: what comes next runs beside them.
  const pending: Promise<void>[] = [];
  const acknowledged = async (): Promise<void> => {
    await Promise.all(pending.splice(0));
  };
  const check = async (): Promise<void> => {
    await acknowledged();
    await world.ingest.settled();
    await assertAgrees(world, [...accepted.values()]);
  };
  const record = ({ identifier, hour, value }: Extract<Step, { do: 'record' }>): void => {
    const timestampMs = START_MS + hour * HOUR_MS;
    const event = world.anEvent({ identifier, timestampMs, value: toDecimal(value) });
    const isNew = !accepted.has(identifier);
    const outcome = world.ingest.record(event);
    pending.push(outcome.then((is) => assert.equal(is === 'recorded', isNew)));
    if (isNew) {
      accepted.set(identifier, { timestampMs, value, sequence: accepted.size, cancelled: false });
    }
  };
  const cancel = async (pick: number): Promise<void> => {
    // One of those that count: the calls for a cancellation refuse another one of the same event, under a lock.
    const counted = [...accepted].filter(([, { cancelled }]) => !cancelled);
    const chosen = counted[pick % counted.length];
    if (world.line.state !== 'up' || chosen === undefined) return;
    const [identifier, event] = chosen;
    await acknowledged();
    await world.ingest.settled();
    pending.push(world.ingest.cancel(await cancellationOf(world, identifier)));
    event.cancelled = true;
  };
  for (const one of steps) {
    if (one.do === 'record') record(one);
    else if (one.do === 'cancel') await cancel(one.pick);
    else if (one.do === 'restart') {
      await acknowledged();
      await world.stop();
      world.line.state = 'up';
      await world.start();
    } else if (one.do !== 'read') world.line.state = one.do;
    else if (world.line.state === 'up') await check();
    else await world.ingest.settled().catch(isUnavailable);
  }
  world.line.state = 'up';
  await check();
}

async function assertAgrees(
  world: World,
  events: readonly (UsageEvent & { cancelled: boolean })[],
): Promise<void> {
  const counted = events.filter(({ cancelled }) => !cancelled);
  for (const formula of ['sum', 'count', 'last'] as const) {
    const rule = {
      formula,
      eventTimeWindow: null,
      groupingWindow: null,
      startMs: START_MS,
      endMs: START_MS + DAY_MS,
    };
    const expected = summarize(rule, counted).map(({ startMs, value }) => ({ startMs, value }));
    assert.deepEqual(await world.rows(formula), expected, formula);
  }
}

/** The cancellation of an event that is in the store. */
async function cancellationOf(world: World, identifier: string): Promise<Cancellation> {
  const found = await engine.findEvent(world.namespace, [world.meterId], identifier);
  assert.ok(found !== undefined, `${identifier} is in the store`);
  const { namespace, meterId, customer, timestampMs, sequence } = found.event;
  const facts = { namespace, meterId, customer, timestampMs, sequence, identifier };
  return { ...facts, cancelledAtMs: NOW_MS, requestId: 'req_1' };
}

function isUnavailable(error: unknown): void {
  assert.ok(error instanceof ApiError);
}
