/**
 * What every journal promises (see journal.ts), as a suite to run against it, through its interface only.
 */
import assert from 'node:assert/strict';
import { suite, test, type TestContext } from 'node:test';
import fc from 'fast-check';
import type { Block, BlockReceipts, FlushPlan, Journal } from './journal.ts';
import { packReceipts, unpackReceipts, type Receipt } from './receipt.ts';
import { addTotals, NO_TOTALS, sumTotals, type Totals } from './totals.ts';

export type JournalUnderTest = {
  readonly journal: Journal;
  /** Closes the journal and opens it again on the same data, as a restart does. */
  readonly reopen: () => Promise<Journal>;
  /** Where a copy may be made, and what opens it. */
  readonly copyFile: string;
  readonly openCopy: () => Promise<Journal>;
  /** Closes what is open, and removes the data. */
  readonly dispose: () => Promise<void>;
};

/** Runs the suite on a journal; `open` gives a new, empty one each time. */
export function journalContract(name: string, open: () => Promise<JournalUnderTest>): void {
  const start = async (t: TestContext): Promise<JournalUnderTest> => {
    const subject = await open();
    t.after(async () => await subject.dispose());
    return subject;
  };
  suite(`${name}: blocks`, () => blocksContract(start));
  suite(`${name}: plans`, () => plansContract(start, open));
  suite(`${name}: receipts`, () => receiptsContract(start));
  suite(`${name}: copies`, () => copiesContract(start));
  suite(`${name}: the account`, () => accountContract(start));
}

type Start = (t: TestContext) => Promise<JournalUnderTest>;

function blocksContract(start: Start): void {
  test('a new journal has nothing, and an id and a key of its own', async (t) => {
    const one = await start(t);
    const { journal: other } = await start(t);
    assert.equal(one.journal.lastSequence, 0);
    assert.equal(one.journal.lastBlockId, 0);
    assert.equal(await one.journal.planFlush(), undefined);
    assert.notEqual(one.journal.id, other.id);
    assert.equal(one.journal.hashKey.length, 4);
    assert.notDeepEqual(one.journal.hashKey, other.hashKey);
    const { id, hashKey } = one.journal;
    const again = await one.reopen();
    assert.deepEqual([again.id, again.hashKey], [id, hashKey]);
  });

  test('a committed block is there after a reopen, byte for byte', async (t) => {
    const subject = await start(t);
    const everyByte = Uint8Array.from({ length: 256 }, (_, i) => i);
    await subject.journal.commit(
      aBlock({
        lastSequence: 7,
        rows: 3,
        // Copies: the bytes of a block may go to another thread.
        events: everyByte.slice(),
        cancellations: everyByte.toReversed(),
      }),
    );
    const journal = await subject.reopen();
    assert.equal(journal.lastSequence, 7);
    assert.equal(journal.lastBlockId, 1);
    const plan = await getPlan(journal);
    assert.deepEqual(Buffer.from(plan.events), Buffer.from(everyByte));
    assert.deepEqual(Buffer.from(plan.cancellations), Buffer.from(everyByte.toReversed()));
    assert.equal(plan.rows, 3);
    assert.equal(plan.lastSequence, 7);
    assert.equal(plan.lastBlockId, 1);
  });

  test('each block has a greater id than the one before, also when nobody waits for an answer', async (t) => {
    const { journal } = await start(t);
    const commits = Array.from({ length: 50 }, (_, i) => journal.commit(aBlock({}, i)));
    const ids = await Promise.all(commits);
    assert.deepEqual(
      ids,
      ids.toSorted((a, b) => a - b),
    );
    assert.equal(new Set(ids).size, ids.length);
    assert.equal(await drain(journal), rowsOf(0, 50));
  });

  test('sequences and block ids never go back, also after everything has left', async (t) => {
    const subject = await start(t);
    await subject.journal.commit(aBlock({ lastSequence: 10 }));
    // Only receipts: no sequence of its own.
    const lastBlockId = await subject.journal.commit(aBlock({ lastSequence: 10, rows: 0 }));
    await drain(subject.journal);
    for (let time = 0; time < 2; time += 1) {
      const journal = await subject.reopen();
      assert.equal(journal.lastSequence, 10);
      assert.equal(journal.lastBlockId, lastBlockId);
    }
    const journal = await subject.reopen();
    assert.ok((await journal.commit(aBlock({ lastSequence: 11 }))) > lastBlockId);
  });

  test('after close every call is refused, and none waits for ever', async (t) => {
    const subject = await start(t);
    const { journal } = subject;
    await journal.commit(aBlock({}));
    const plan = await getPlan(journal);
    await journal.close();
    await assert.rejects(journal.commit(aBlock({})));
    await assert.rejects(journal.planFlush());
    await assert.rejects(journal.finishFlush(plan));
    await assert.rejects(journal.receipts(1));
    await assert.rejects(journal.pruneReceipts(0));
  });
}

function plansContract(start: Start, open: () => Promise<JournalUnderTest>): void {
  test('blocks leave in the order in which they came', async (t) => {
    const { journal } = await start(t);
    for (let i = 0; i < 20; i += 1) await journal.commit(aBlock({}, i));
    assert.equal(await drain(journal), rowsOf(0, 20));
  });

  test('an open plan is answered again as it was, though more blocks came, also after a reopen', async (t) => {
    const subject = await start(t);
    await subject.journal.commit(aBlock({}, 0));
    await subject.journal.commit(aBlock({}, 1));
    const plan = await getPlan(subject.journal);
    await subject.journal.commit(aBlock({}, 2));
    assert.deepEqual(await subject.journal.planFlush(), plan);
    assert.equal(subject.journal.plannedThrough, 0);
    const journal = await subject.reopen();
    assert.equal(journal.plannedThrough, plan.lastBlockId);
    assert.deepEqual(await journal.planFlush(), plan);
    await journal.commit(aBlock({}, 3));
    assert.deepEqual(await journal.planFlush(), plan);
    assert.equal(await drain(journal), rowsOf(0, 4));
    assert.equal((await subject.reopen()).plannedThrough, 0);
  });

  test('a finished flush drops the blocks of its plan and no others, for good', async (t) => {
    const subject = await start(t);
    await subject.journal.commit(aBlock({}, 0));
    const plan = await getPlan(subject.journal);
    await subject.journal.commit(aBlock({}, 1));
    await subject.journal.finishFlush(plan);
    const journal = await subject.reopen();
    const next = await getPlan(journal);
    assert.equal(text(next), rowsOf(1, 2));
    assert.notEqual(next.token, plan.token);
    await journal.finishFlush(next);
    assert.equal(await journal.planFlush(), undefined);
  });

  test('to finish a plan a second time drops nothing', async (t) => {
    const subject = await start(t);
    const { journal } = subject;
    await journal.commit(aBlock({ lastSequence: 1 }, 0));
    const first = await getPlan(journal);
    await journal.finishFlush(first);
    await journal.commit(aBlock({ lastSequence: 2 }, 1));
    await journal.finishFlush(first);
    assert.equal(await drain(journal), rowsOf(1, 2));
    await journal.finishFlush(first);
    assert.equal((await subject.reopen()).lastSequence, 2);
  });

  test('another journal has other tokens for the same blocks', async (t) => {
    const plans = await Promise.all(
      [await start(t), await start(t)].map(async ({ journal }) => {
        await journal.commit(aBlock({}, 0));
        return await getPlan(journal);
      }),
    );
    assert.notEqual(plans[0]?.token, plans[1]?.token);
  });

  test('whatever is done in whatever order, each row leaves once, in order, under one token', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const subject = await open();
        try {
          await runSteps(subject, steps);
        } finally {
          await subject.dispose();
        }
      }),
      { numRuns: 8 },
    );
  });
}

type Step = 'commit' | 'commit only receipts' | 'plan' | 'finish' | 'reopen';
const step = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom<Step>('commit', 'plan', 'finish') },
  { weight: 1, arbitrary: fc.constantFrom<Step>('reopen', 'commit only receipts') },
);

async function runSteps(subject: JournalUnderTest, steps: readonly Step[]): Promise<void> {
  let { journal } = subject;
  let open: FlushPlan | undefined;
  let sequence = 0;
  let blockId = 0;
  let left = '';
  const tokens = new Set<string>();
  const plan = async (): Promise<void> => {
    const answered = await journal.planFlush();
    if (open !== undefined) assert.deepEqual(answered, open);
    open = answered;
    assert.equal(open === undefined || open.lastBlockId <= blockId, true);
  };
  const finish = async (finished: FlushPlan): Promise<void> => {
    await journal.finishFlush(finished);
    assert.equal(tokens.has(finished.token), false);
    tokens.add(finished.token);
    left += text(finished);
    open = undefined;
  };
  for (const name of steps) {
    if (name === 'plan') await plan();
    else if (name === 'finish' && open !== undefined) await finish(open);
    else if (name === 'reopen') {
      journal = await subject.reopen();
      assert.deepEqual([journal.lastSequence, journal.lastBlockId], [sequence, blockId]);
    } else if (name === 'commit') {
      sequence += 1;
      const id = await journal.commit(aBlock({ lastSequence: sequence }, sequence - 1));
      assert.ok(id > blockId);
      blockId = id;
    } else if (name === 'commit only receipts') {
      const receipts = packReceipts([aReceipt({})]);
      blockId = await journal.commit(aBlock({ lastSequence: sequence, rows: 0, receipts }));
    }
  }
  for (await plan(); open !== undefined; await plan()) await finish(open);
  assert.equal(left, rowsOf(0, sequence));
}

function receiptsContract(start: Start): void {
  test('receipts are found by their block, in order, after the block has left and after a reopen', async (t) => {
    const subject = await start(t);
    const receipts = [3, 1, 2].map((n) => aReceipt({ keyHash: Uint32Array.of(n, 0, 0, 0) }));
    const id = await subject.journal.commit(aBlock({ receipts: packReceipts(receipts) }));
    const without = await subject.journal.commit(aBlock({}));
    await drain(subject.journal);
    for (let time = 0; time < 2; time += 1) {
      const journal = await subject.reopen();
      assert.deepEqual(unpackReceipts(await journal.receipts(id)), receipts);
      assert.equal((await journal.receipts(without)).length, 0);
      assert.equal((await journal.receipts(id + 1000)).length, 0);
    }
  });

  test('receiptsSince gives every receipt of that time and later, however many blocks there are', async (t) => {
    const subject = await start(t);
    const count = 1100;
    const commits = Array.from({ length: count }, (_, i) =>
      subject.journal.commit(blockReceivedAt(i)),
    );
    const ids = await Promise.all(commits);
    assert.deepEqual(
      (await all(subject.journal.receiptsSince(50))).map(({ blockId }) => blockId),
      ids.slice(50),
    );
    const journal = await subject.reopen();
    const found = await all(journal.receiptsSince(0));
    assert.deepEqual(
      found.map(({ blockId, packed }) => [blockId, unpackReceipts(packed)[0]?.receivedAtMs]),
      ids.map((id, i) => [id, i]),
    );
    assert.deepEqual(await all(journal.receiptsSince(count)), []);
    const after = await all(journal.receiptsSince(0, ids[1000]));
    assert.deepEqual(
      after.map(({ blockId }) => blockId),
      ids.slice(1001),
    );
  });

  test('pruning drops the receipts of blocks whose last one is older, and no events', async (t) => {
    const subject = await start(t);
    const ids: number[] = [];
    for (const time of [1, 2, 3]) ids.push(await subject.journal.commit(blockReceivedAt(time)));
    await subject.journal.pruneReceipts(2);
    const journal = await subject.reopen();
    assert.deepEqual(
      (await all(journal.receiptsSince(0))).map(({ blockId }) => blockId),
      ids.slice(1),
    );
    assert.equal((await journal.receipts(ids[0]!)).length, 0);
    assert.equal(unpackReceipts(await journal.receipts(ids[1]!)).length, 1);
    assert.equal((await getPlan(journal)).rows, 3);
  });
}

function copiesContract(start: Start): void {
  test('a copy stands where the journal stood when it was asked for, under an id of its own', async (t) => {
    const { journal, copyFile, openCopy } = await start(t);
    const keyHash = Uint32Array.of(1, 2, 3, 4);
    const ids: number[] = [];
    // More than are copied at once.
    for (let i = 0; i < 2500; i += 1) {
      const bodies = i === 2400 ? [{ keyHash, body: 'a body' }] : [];
      ids.push(await journal.commit({ ...blockReceivedAt(i), answerBodies: bodies }));
    }
    const [withBody, last] = [ids[2400]!, ids.at(-1)!];
    await drain(journal);
    const copied = journal.copyTo(copyFile);
    const later = await journal.commit(aBlock({ lastSequence: 9999 }));
    assert.deepEqual(await copied, { lastSequence: 1, lastBlockId: last });
    const copy = await openCopy();
    assert.deepEqual([copy.lastSequence, copy.lastBlockId], [1, last]);
    assert.deepEqual(copy.hashKey, journal.hashKey);
    assert.notEqual(copy.id, journal.id);
    assert.equal(await copy.planFlush(), undefined);
    const found = await all(copy.receiptsSince(0));
    assert.deepEqual(
      found.map(({ blockId, packed }) => [blockId, unpackReceipts(packed)[0]?.receivedAtMs]),
      ids.map((id, i) => [id, i]),
    );
    assert.equal(await copy.answerBody(withBody, keyHash), 'a body');
    // Both go on: the same block, which is another one, and so has another token.
    assert.equal(await copy.commit(aBlock({ lastSequence: 2 })), later);
    assert.notEqual((await getPlan(copy)).token, (await getPlan(journal)).token);
  });

  test('a copy that cannot be made leaves the journal as it was', async (t) => {
    const { journal, copyFile } = await start(t);
    await journal.commit(aBlock({}));
    await assert.rejects(journal.copyTo(copyFile), /nothing waits/);
    await drain(journal);
    await assert.rejects(journal.copyTo(`${copyFile}/in/no/folder`));
    await journal.commit(aBlock({ lastSequence: 2 }));
    await drain(journal);
    assert.equal((await journal.copyTo(copyFile)).lastSequence, 2);
  });
}

function accountContract(start: Start): void {
  test('what has left is on the account, flush by flush, also after a reopen', async (t) => {
    const subject = await start(t);
    assert.deepEqual(await subject.journal.moved(), []);
    for (const lastSequence of [3, 5]) {
      await subject.journal.commit(aBlock({ lastSequence, totals: totalsOf(lastSequence) }));
      await subject.journal.commit(aBlock({ lastSequence: lastSequence + 1 }));
      await drain(subject.journal);
    }
    const journal = await subject.reopen();
    const ranges = (await journal.moved()) ?? [];
    assert.deepEqual(
      ranges.map(({ lastBlockId, lastSequence }) => [lastBlockId, lastSequence]),
      [
        [2, 4],
        [4, 6],
      ],
    );
    const other = aBlock({}).totals;
    assert.deepEqual(ranges[0]?.totals, addTotals(totalsOf(3), other));
    assert.deepEqual(ranges[1]?.totals, addTotals(totalsOf(5), other));
  });

  test('of however many flushes the account stays short, and its sum is that of all', async (t) => {
    const subject = await start(t);
    const flushes = 400;
    for (let n = 1; n <= flushes; n += 1) {
      await subject.journal.commit(aBlock({ lastSequence: n, totals: totalsOf(n) }));
      await drain(subject.journal);
    }
    const journal = await subject.reopen();
    const ranges = (await journal.moved()) ?? [];
    assert.ok(ranges.length < 200, `${ranges.length} ranges`);
    const all = Array.from({ length: flushes }, (_, i) => totalsOf(i + 1));
    assert.deepEqual(sumTotals(ranges.map(({ totals }) => totals)), sumTotals(all));
    assert.equal(ranges.at(-1)?.lastSequence, flushes);
    assert.deepEqual(ranges.at(-1)?.totals, totalsOf(flushes), 'the last ones are not merged');
  });

  test('rows that have left are kept, the last ones, in order', async (t) => {
    const subject = await start(t);
    for (let n = 0; n < 5; n += 1) {
      await subject.journal.commit(aBlock({}, n));
      if (n !== 3) await drain(subject.journal);
    }
    await subject.journal.commit(aBlock({}, 5));
    const journal = await subject.reopen();
    const kept = await journal.keptRows();
    assert.equal(Buffer.from(kept.events).toString(), numbered('event', 5));
    assert.equal(Buffer.from(kept.cancellations).toString(), numbered('cancellation', 5));
    assert.equal(kept.rows, 5);
  });

  test('a neighbour keeps the id that it had first', async (t) => {
    const subject = await start(t);
    assert.equal(await subject.journal.neighbour('usage', 'one'), 'one');
    const journal = await subject.reopen();
    assert.equal(await journal.neighbour('usage', 'two'), 'one');
    assert.equal(await journal.neighbour('catalog', 'two'), 'two');
  });
}

function totalsOf(n: number): Totals {
  const sum = BigInt(n);
  return {
    events: n,
    sequenceSum: sum * 2n ** 70n,
    valueSum: -sum,
    cancellations: 1,
    rejections: 0,
  };
}

function numbered(kind: string, count: number): string {
  return Array.from({ length: count }, (_, n) => `${kind} ${n}\n`).join('');
}

/** A block of one row, which says its number, unless told otherwise. */
export function aBlock(given: Partial<Block>, number = 0): Block {
  const rows = given.rows ?? 1;
  return {
    lastSequence: number + 1,
    lastReceivedAtMs: 0,
    rows,
    // What the rows say is not looked at: any figures do.
    totals:
      rows === 0
        ? NO_TOTALS
        : { events: rows, sequenceSum: 7n, valueSum: -3n, cancellations: 1, rejections: 1 },
    events: Buffer.from(rows === 0 ? '' : `event ${number}\n`),
    cancellations: Buffer.from(rows === 0 ? '' : `cancellation ${number}\n`),
    rejections: Buffer.from(rows === 0 ? '' : `rejection ${number}\n`),
    receipts: new Uint8Array(),
    answerBodies: [],
    ...given,
  };
}

export function aReceipt(given: Partial<Receipt>): Receipt {
  return {
    keyHash: Uint32Array.of(1, 2, 3, 0xffff_ffff),
    fingerprint: [5, 6] as const,
    receivedAtMs: 1_760_000_000_123,
    generatedIdentifier: '01234567-89ab-4cde-8f01-23456789abcd',
    ...given,
  };
}

function blockReceivedAt(receivedAtMs: number): Block {
  const receipts = packReceipts([aReceipt({ receivedAtMs })]);
  return aBlock({ lastReceivedAtMs: receivedAtMs, receipts });
}

/** What the blocks of `aBlock` with the numbers from `first` to before `end` hold. */
function rowsOf(first: number, end: number): string {
  const numbers = Array.from({ length: end - first }, (_, i) => first + i);
  return numbers.map((n) => `event ${n}\ncancellation ${n}\nrejection ${n}\n`).join('');
}

/** A plan's rows, one of each kind after the other, as `rowsOf` writes them. */
function text(plan: FlushPlan): string {
  const kinds = [plan.events, plan.cancellations, plan.rejections].map((bytes) =>
    Buffer.from(bytes).toString().split('\n').slice(0, -1),
  );
  const [events = []] = kinds;
  return events.map((_, i) => kinds.map((lines) => `${lines[i]}\n`).join('')).join('');
}

async function getPlan(journal: Journal): Promise<FlushPlan> {
  const plan = await journal.planFlush();
  assert.ok(plan !== undefined, 'there is a plan');
  return plan;
}

/** Finishes plan after plan until nothing is left; answers what the plans held. */
async function drain(journal: Journal): Promise<string> {
  let rows = '';
  let plan = await journal.planFlush();
  while (plan !== undefined) {
    rows += text(plan);
    await journal.finishFlush(plan);
    plan = await journal.planFlush();
  }
  return rows;
}

async function all(found: AsyncIterable<BlockReceipts>): Promise<BlockReceipts[]> {
  const list: BlockReceipts[] = [];
  for await (const one of found) list.push(one);
  return list;
}
