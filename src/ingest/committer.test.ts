import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'node:test';
import type { Block } from '../journal/journal.ts';
import type { BlockBuilder } from './block-builder.ts';
import { Committer } from './committer.ts';

/** A disk that finishes, or fails, a commit when it is told to. */
class SlowDisk {
  readonly lastSequence = 40;
  readonly lastBlockId = 7;
  readonly blocks: Block[] = [];
  readonly #begun: PromiseWithResolvers<number>[] = [];

  async commit(block: Block): Promise<number> {
    this.blocks.push(block);
    const done = Promise.withResolvers<number>();
    this.#begun.push(done);
    return await done.promise;
  }

  /** Waits until this commit (0 is the first) has begun; then finishes it. */
  async finish(index: number): Promise<void> {
    (await this.#commit(index)).resolve(this.lastBlockId + index + 1);
  }

  async fail(index: number, error: Error): Promise<void> {
    (await this.#commit(index)).reject(error);
  }

  async begun(index: number): Promise<void> {
    await this.#commit(index);
  }

  async #commit(index: number): Promise<PromiseWithResolvers<number>> {
    for (let turns = 0; turns < 100; turns += 1) {
      const commit = this.#begun[index];
      if (commit !== undefined) return commit;
      await turn();
    }
    assert.fail(`commit ${index} has not begun`);
  }
}

function start() {
  const disk = new SlowDisk();
  const fatal: unknown[] = [];
  const committed: [number, number][] = [];
  const committer = new Committer(disk, {
    onCommit: ({ blockId, rows, bytes }) => {
      committed.push([blockId, rows]);
      assert.equal(bytes, disk.blocks[committed.length - 1]?.cancellations.length);
    },
    onFatal: (error) => fatal.push(error),
  });
  return { disk, committer, fatal, committed };
}

/** Adds a fact with the next sequence: a cancellation, whose row a person can read. */
function appendEvent(committer: Committer): Promise<number> {
  const sequence = committer.nextSequence();
  try {
    committer.append((block) => addEvent(block, sequence));
  } catch (error) {
    return Promise.reject(error);
  }
  return committer.settled();
}

function addEvent(block: BlockBuilder, sequence: number): void {
  block.addCancellation({
    namespace: 'acct_1/test',
    meterId: 'mtr_1',
    customer: 'cus_1',
    timestampMs: 0,
    sequence,
    identifier: `event ${sequence}`,
    cancelledAtMs: 0,
    requestId: 'req_1',
  });
}

function sequencesIn(block: Block | undefined): number[] {
  const lines = Buffer.from(block?.cancellations ?? [])
    .toString()
    .trim()
    .split('\n');
  return lines.map((line) => (JSON.parse(line) as number[])[4]!);
}

/** 'resolved', 'rejected' or 'open', as of now. */
async function stateOf(promise: Promise<unknown>): Promise<string> {
  await turn();
  return await Promise.race([
    promise.then(
      () => 'resolved',
      () => 'rejected',
    ),
    Promise.resolve().then(() => turn('open')),
  ]);
}

test('while one commit runs the next block fills, with all that comes meanwhile, in order', async () => {
  const { disk, committer, committed } = start();
  const first = appendEvent(committer);
  await disk.begun(0);
  const later = [appendEvent(committer), appendEvent(committer)];
  await turn();
  later.push(appendEvent(committer));
  assert.equal(disk.blocks.length, 1, 'one commit at a time');
  await disk.finish(0);
  assert.equal(await first, 8);
  await disk.begun(1);
  assert.deepEqual(sequencesIn(disk.blocks[0]), [41]);
  assert.deepEqual(sequencesIn(disk.blocks[1]), [42, 43, 44]);
  assert.deepEqual(
    disk.blocks.map(({ lastSequence, rows }) => [lastSequence, rows]),
    [
      [41, 1],
      [44, 3],
    ],
  );
  assert.deepEqual(await Promise.all(later.map(stateOf)), ['open', 'open', 'open']);
  await disk.finish(1);
  assert.deepEqual(await Promise.all(later), [9, 9, 9]);
  assert.deepEqual(committed, [
    [8, 1],
    [9, 3],
  ]);
  assert.equal(committer.committedBlockId, 9);
});

test('what comes in one turn goes into one block', async () => {
  const { disk, committer } = start();
  const appended = Array.from({ length: 100 }, () => appendEvent(committer));
  await disk.finish(0);
  assert.deepEqual(new Set(await Promise.all(appended)), new Set([8]));
  assert.equal(disk.blocks.length, 1);
});

test('a block that only holds receipts has the last sequence of the block before', async () => {
  const { disk, committer } = start();
  committer.append((block) =>
    block.addReceipt({
      keyHash: new Uint32Array(4),
      fingerprint: [0, 0] as const,
      receivedAtMs: 99,
      generatedIdentifier: undefined,
    }),
  );
  await disk.finish(0);
  await committer.settled();
  assert.deepEqual(
    disk.blocks.map(({ lastSequence, rows, lastReceivedAtMs }) => [
      lastSequence,
      rows,
      lastReceivedAtMs,
    ]),
    [[40, 0, 99]],
  );
});

test('a failed commit refuses all that wait and all that comes, and is told once', async () => {
  const { disk, committer, fatal, committed } = start();
  const first = appendEvent(committer);
  await disk.begun(0);
  const second = appendEvent(committer);
  const settled = committer.settled();
  const error = new Error('disk is full');
  await disk.fail(0, error);
  for (const refused of [first, second, settled, appendEvent(committer), committer.settled()]) {
    await assert.rejects(refused, { cause: error });
  }
  assert.deepEqual(fatal, [error]);
  await turn();
  assert.equal(disk.blocks.length, 1, 'nothing is tried again');
  assert.deepEqual(committed, []);
  assert.equal(committer.committedBlockId, 7);
});

test('settled waits for what is committing and for what is gathered, not for what comes later', async () => {
  const { disk, committer } = start();
  await committer.settled();
  void appendEvent(committer);
  await disk.begun(0);
  const committing = committer.settled();
  void appendEvent(committer);
  const gathered = committer.settled();
  await disk.finish(0);
  await committing;
  await disk.begun(1);
  void appendEvent(committer);
  assert.equal(await stateOf(gathered), 'open');
  await disk.finish(1);
  await gathered;
  await disk.finish(2);
  await committer.settled();
});

test('settled does not wait for a pause in the traffic', async () => {
  const { disk, committer } = start();
  void appendEvent(committer);
  await disk.begun(0);
  const settled = committer.settled();
  for (let commits = 0; commits < 20; commits += 1) {
    void appendEvent(committer);
    await disk.finish(commits);
  }
  assert.equal(await stateOf(settled), 'resolved');
});

test('settled is refused when what it waits for could not be stored', async () => {
  const { disk, committer } = start();
  void appendEvent(committer).catch(() => undefined);
  await disk.begun(0);
  const settled = committer.settled();
  await disk.fail(0, new Error('disk is full'));
  await assert.rejects(settled);
});

test('when it is stopped it refuses who waits for the block that fills, and tells who waits for the one before', async () => {
  const { disk, committer, fatal } = start();
  const first = appendEvent(committer);
  await disk.begun(0);
  const second = appendEvent(committer);
  const error = new Error('a duplicate cannot be told');
  committer.stop(error);
  committer.stop(new Error('another'));
  await assert.rejects(second, { cause: error });
  await assert.rejects(appendEvent(committer), { cause: error });
  await assert.rejects(committer.settled(), { cause: error });
  await disk.finish(0);
  assert.equal(await first, 8);
  assert.deepEqual(fatal, [error]);
  await turn();
  assert.equal(disk.blocks.length, 1);
});

test('a commit waits for the room that is made, and what comes meanwhile joins it', async () => {
  const room = Promise.withResolvers<void>();
  const disk = new SlowDisk();
  const committer = new Committer(disk, {
    onCommit: () => undefined,
    onFatal: (error) => assert.fail(String(error)),
    makeRoom: () => room.promise,
  });
  const first = appendEvent(committer);
  for (let turns = 0; turns < 10; turns += 1) await turn();
  const second = appendEvent(committer);
  assert.equal(disk.blocks.length, 0);
  room.resolve();
  await disk.finish(0);
  assert.deepEqual(await Promise.all([first, second]), [8, 8]);
});

test('how long the commit takes that runs now, until it has succeeded or failed', async () => {
  const { disk, committer } = start();
  assert.equal(committer.waitingSeconds, 0);
  const first = appendEvent(committer);
  await disk.begun(0);
  assert.ok(committer.waitingSeconds > 0);
  await disk.finish(0);
  await first;
  await turn();
  assert.equal(committer.waitingSeconds, 0);
  const second = appendEvent(committer);
  await disk.fail(1, new Error('gone'));
  await assert.rejects(second);
  assert.equal(committer.waitingSeconds, 0);
});
