/** Against a plain Map, over real files and the real thread; crashes are copies of the folder at any time. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { Remembered, type RememberedOptions } from './dedup-set.ts';
import { folders, spread } from './testing/hashes.ts';
import { pause, until } from '../../test/support/wait.ts';

const newFolder = folders();
const WINDOW = 3;
const hashOf = (i: number): Uint32Array => {
  const hash = new Uint32Array(4);
  spread(i, hash);
  return hash;
};
const HASHES = Array.from({ length: 80 }, (_, i) => hashOf(i));

/** A test that fails leaves threads that would keep the process. */
const all: Remembered[] = [];
after(async () => {
  for (const remembered of all) await remembered.close();
});

function open(folder: string, given: Partial<RememberedOptions> = {}): Remembered {
  const remembered = Remembered.open({
    folder,
    owner: 'journal',
    lastPosition: Infinity,
    windowPeriods: WINDOW,
    values: true,
    recentMax: 16,
    retryMs: 1,
    onFailure: (error) => {
      throw error;
    },
    ...given,
  });
  all.push(remembered);
  return remembered;
}

/** One that was told that nothing has to be added again. */
async function opened(...args: Parameters<typeof open>): Promise<Remembered> {
  const remembered = open(...args);
  await remembered.rebuilt(remembered.coveredThrough);
  return remembered;
}

const settled = async (): Promise<void> => undefined;

type Entry = { readonly hash: number; readonly period: number; readonly position: number };

/** The rule in a Map, and the log of all that was added, as the journal and the store have it. */
class Oracle {
  readonly log: Entry[] = [];
  #entries = new Map<number, Entry>();

  get position(): number {
    return this.log.length;
  }

  find(hash: number, period: number): number | undefined {
    const entry = this.#entries.get(hash);
    return entry && entry.period >= period - WINDOW ? entry.position : undefined;
  }

  add(hash: number, period: number): 'added' | 'present' {
    if (this.find(hash, period) !== undefined) return 'present';
    const entry = { hash, period, position: this.position + 1 };
    this.log.push(entry);
    this.#entries.set(hash, entry);
    return 'added';
  }

  /** What a crash leaves that loses all that was not on disk yet. */
  crash(durable: number): void {
    this.log.length = Math.min(this.log.length, durable);
    this.#entries = new Map(this.log.map((entry) => [entry.hash, entry]));
  }

  assertSame(remembered: Remembered, period: number): void {
    for (const [i, hash] of HASHES.entries()) {
      for (const asked of [period, Math.max(0, period - WINDOW), period + WINDOW]) {
        assert.equal(remembered.findValue(hash, asked), this.find(i, asked), `${i} in ${asked}`);
      }
    }
  }
}

async function rebuild(remembered: Remembered, oracle: Oracle, order: number): Promise<void> {
  const missing = oracle.log.filter(({ position }) => position > remembered.coveredThrough);
  // In no order of position, but for one: of two with the same hash, the later has the say either way.
  const inOrder = missing.toSorted(
    (a, b) => ((a.position * order) % 97) - ((b.position * order) % 97),
  );
  for (const { hash, period, position } of inOrder) {
    remembered.add(HASHES[hash]!, period, position);
    await remembered.makeRoom();
  }
  await remembered.rebuilt(oracle.position);
}

/** What a disk has at some moment. Files may go while it is copied. */
function copyOf(folder: string): string {
  const copy = newFolder();
  for (const file of readdirSync(folder)) {
    try {
      copyFileSync(join(folder, file), join(copy, file));
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOENT');
    }
  }
  return copy;
}

type Step =
  | { readonly do: 'add'; readonly hash: number; readonly late: number }
  | { readonly do: 'clock'; readonly by: number }
  | { readonly do: 'seal' | 'settle' | 'idle' | 'restart' }
  | { readonly do: 'crash'; readonly afterMs: number; readonly order: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 40,
    arbitrary: fc.record({
      do: fc.constant('add' as const),
      hash: fc.nat({ max: HASHES.length - 1 }),
      late: fc.constantFrom(0, 0, 0, 1),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('clock' as const),
      by: fc.constantFrom(1, 1, 1, WINDOW + 1, 1000, -1, -1000),
    }),
  },
  { weight: 6, arbitrary: fc.constant({ do: 'seal' as const }) },
  { weight: 3, arbitrary: fc.constantFrom({ do: 'settle' as const }, { do: 'idle' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'restart' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('crash' as const),
      afterMs: fc.constantFrom(0, 5, 20, 50, 80),
      order: fc.integer({ min: 1, max: 96 }),
    }),
  },
);

/** One history: a folder, and a journal that has on disk what was last settled. */
class World {
  readonly oracle = new Oracle();
  period = 2000;
  /** Resolved: all up to here is on disk. */
  #durable = 0;
  #waiting: { position: number; resolve: () => void }[] = [];
  #folder = newFolder();
  #remembered!: Remembered;

  async start(order: number): Promise<void> {
    this.#remembered = open(this.#folder, { lastPosition: this.oracle.position });
    await rebuild(this.#remembered, this.oracle, order);
  }

  async run(one: Step): Promise<void> {
    const { oracle } = this;
    switch (one.do) {
      case 'add': {
        const period = this.period - one.late;
        const position = oracle.position + 1;
        const expected = oracle.add(one.hash, period);
        assert.equal(this.#remembered.add(HASHES[one.hash]!, period, position), expected);
        break;
      }
      case 'clock':
        this.period = Math.max(WINDOW + 1, this.period + one.by);
        break;
      case 'seal': {
        const { position } = oracle;
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#remembered.sealIfDue(position, this.period, () => {
          this.#waiting.push({ position, resolve });
          return promise;
        });
        break;
      }
      case 'settle':
        this.settle();
        break;
      case 'idle':
        this.settle();
        await this.#remembered.idle();
        break;
      case 'restart':
        this.settle();
        await this.#remembered.close();
        await this.start(1);
        break;
      case 'crash': {
        await pause(one.afterMs);
        this.#folder = copyOf(this.#folder);
        await this.#remembered.close();
        oracle.crash(this.#durable);
        this.#waiting = [];
        await this.start(one.order);
        oracle.assertSame(this.#remembered, this.period);
        break;
      }
    }
  }

  settle(): void {
    this.#durable = this.oracle.position;
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  async end(): Promise<void> {
    this.oracle.assertSame(this.#remembered, this.period);
    await this.#remembered.close();
    rmSync(this.#folder, { recursive: true });
  }
}

test('it does what a Map would, through seals, merges, restarts, crashes and a clock that jumps', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 20, maxLength: 200, size: 'max' }),
      async (steps) => {
        const world = new World();
        await world.start(1);
        for (const one of steps) await world.run(one);
        await world.end();
      },
    ),
    // To shrink a failure would take minutes: each try has threads and syncs.
    { numRuns: 25, endOnFailure: true },
  );
});

test('what is not on disk elsewhere is not there after a crash, though its run is written', async () => {
  const folder = newFolder();
  const remembered = await opened(folder);
  for (let i = 0; i < 16; i += 1) remembered.add(HASHES[i]!, 1, i);
  const { promise, resolve } = Promise.withResolvers<void>();
  remembered.sealIfDue(16, 1, async () => await promise);
  await until('its run is written', () =>
    readdirSync(folder).some((file) => /^run-[\w-]+$/u.test(file)),
  );
  await pause(50);
  const crashed = open(copyOf(folder));
  assert.equal(crashed.coveredThrough, 0);
  assert.equal(crashed.size, 0);
  resolve();
  await remembered.idle();
  assert.equal(remembered.recent, 0);
  const later = open(copyOf(folder));
  assert.equal(later.coveredThrough, 16);
  assert.equal(later.size, 16);
  for (const each of [remembered, crashed, later]) await each.close();
});

test('a rebuild that ends covers all; one that a crash cuts short leaves what was', async () => {
  const folder = newFolder();
  const before = await opened(folder);
  for (let i = 0; i < 16; i += 1) before.add(HASHES[i]!, 1, i);
  before.sealIfDue(16, 1, settled);
  await before.idle();
  await before.close();

  const rebuilding = open(folder);
  assert.equal(rebuilding.coveredThrough, 16);
  for (let i = 16; i < 80; i += 1) {
    assert.equal(rebuilding.add(HASHES[i]!, 1, i), 'added');
    await rebuilding.makeRoom();
    assert.ok(rebuilding.recent <= 2 * 16);
    rebuilding.sealIfDue(i, 1, settled);
  }
  const crashed = open(copyOf(folder));
  assert.equal(crashed.coveredThrough, 16);
  assert.equal(crashed.size, 16);
  await crashed.close();
  await rebuilding.rebuilt(80);
  await rebuilding.close();

  const after = open(folder);
  assert.equal(after.coveredThrough, 80);
  for (let i = 0; i < 80; i += 1) assert.equal(after.findValue(HASHES[i]!, 1), i);
  await after.close();
});

test('nothing is sealed before it is rebuilt, nor before it is due', async () => {
  const folder = newFolder();
  const remembered = open(folder, { recentMax: 32 });
  const never = (): Promise<void> => assert.fail('not due');
  const add = (count: number, period: number): void => {
    for (let i = 0; i < count; i += 1) remembered.add(HASHES[i]!, period);
  };
  add(40, 1);
  remembered.sealIfDue(40, 1, never);
  await remembered.rebuilt(40);
  remembered.sealIfDue(40, 1, settled);
  await remembered.idle();
  assert.equal(remembered.coveredThrough, 40);
  add(1, 10);
  remembered.sealIfDue(41, 12, never);
  add(2, 10);
  remembered.sealIfDue(42, 11, never);
  remembered.sealIfDue(42, 12, settled);
  await remembered.idle();
  assert.equal(remembered.coveredThrough, 42);
  await remembered.close();
});

test('an entry is dropped once two calls of forget in a row say so', async () => {
  const remembered = await opened(newFolder());
  for (let i = 0; i < 16; i += 1) remembered.add(HASHES[i]!, i % 2 === 0 ? 100 : 90, i);
  remembered.sealIfDue(16, 100, settled);
  const sizes: number[] = [];
  for (const period of [100, 5000, 100, 100 + WINDOW, 101 + WINDOW, 101 + WINDOW]) {
    remembered.forget(period);
    await remembered.idle();
    // A merge would drop what is forgotten; only a run that is forgotten as a whole goes by itself.
    sizes.push(remembered.size);
    if (period <= 100 + WINDOW) assert.equal(remembered.findValue(HASHES[0]!, 100), 0);
  }
  assert.deepEqual(sizes, [16, 16, 16, 16, 16, 0]);
  await remembered.close();
});

test('a merge leaves out what is forgotten, and the files go with it', async () => {
  const folder = newFolder();
  const remembered = await opened(folder);
  for (let round = 0; round < 20; round += 1) {
    for (let i = 0; i < 16; i += 1) remembered.add(hashOf(1000 + round * 16 + i), round, 1);
    remembered.forget(round);
    remembered.sealIfDue(round, round, settled);
    await remembered.idle();
  }
  assert.ok(remembered.size <= 16 * 2 * (WINDOW + 2), `${remembered.size}`);
  assert.ok(readdirSync(folder).length <= 4);
  for (let i = 0; i < 16; i += 1) {
    assert.equal(remembered.findValue(hashOf(1000 + (19 - WINDOW) * 16 + i), 19), 1);
  }
  await remembered.close();
});

test('of 300,000 entries in runs 2 bytes each are in memory, of the recent ones 30', async () => {
  const remembered = await opened(newFolder(), { recentMax: 20_000, values: false });
  const hash = new Uint32Array(4);
  // A table that follows a full one begins with its size.
  const CONSTANT = 300_000 + 30 * 20_000;
  for (let i = 0; i < 300_000; i += 1) {
    spread(i, hash);
    assert.equal(remembered.add(hash, 1), 'added');
    if (i % 1000 !== 999) continue;
    remembered.sealIfDue(i, 1, settled);
    if (remembered.recent > 40_000) await remembered.idle();
    const { recent, size, bytes } = remembered;
    assert.ok(bytes <= 2 * (size - recent) + 30 * recent + CONSTANT, `${bytes} of ${size}`);
  }
  await remembered.idle();
  assert.ok(remembered.size - remembered.recent > 250_000);
  for (let i = 0; i < 300_000; i += 1) {
    spread(i, hash);
    if (remembered.add(hash, 1) !== 'present') assert.fail(`${i} is missed`);
  }
  await remembered.close();
});

test('while the disk refuses, the failure is told and nothing is lost; when it does not, all is sealed', async () => {
  const folder = newFolder();
  const failures: unknown[] = [];
  const remembered = await opened(folder, { onFailure: (error) => failures.push(error) });
  for (let i = 0; i < 16; i += 1) remembered.add(HASHES[i]!, 1, i);
  rmSync(folder, { recursive: true });
  remembered.sealIfDue(16, 1, settled);
  await until('three failures', () => failures.length >= 3);
  for (let i = 16; i < 60; i += 1) assert.equal(remembered.add(HASHES[i]!, 1, i), 'added');
  remembered.sealIfDue(60, 1, () => assert.fail('one at a time'));
  for (let i = 0; i < 60; i += 1) assert.equal(remembered.findValue(HASHES[i]!, 1), i);
  assert.equal(remembered.coveredThrough, 0);
  mkdirSync(folder);
  await remembered.idle();
  assert.equal(remembered.coveredThrough, 16);
  remembered.sealIfDue(60, 1, settled);
  await remembered.idle();
  assert.equal(remembered.coveredThrough, 60);
  for (let i = 0; i < 60; i += 1) assert.equal(remembered.findValue(HASHES[i]!, 1), i);
  await remembered.close();
});

test('a rebuild on a disk that refuses fails', async () => {
  const folder = newFolder();
  const remembered = open(folder);
  rmSync(folder, { recursive: true });
  await assert.rejects(async () => {
    for (let i = 0; i < 80; i += 1) {
      remembered.add(HASHES[i]!, 1, i);
      await remembered.makeRoom();
    }
    await remembered.rebuilt(80);
  }, /ENOENT/u);
  await remembered.close();
});

test('closing does not wait for what is not settled', async () => {
  const remembered = await opened(newFolder());
  for (let i = 0; i < 16; i += 1) remembered.add(HASHES[i]!, 1, i);
  remembered.sealIfDue(16, 1, async () => await new Promise(() => undefined));
  await pause(100);
  await remembered.close();
});

test('a window has at least one period, and a period is a count from 0', async () => {
  assert.throws(() => open(newFolder(), { windowPeriods: 0 }), RangeError);
  assert.throws(() => open(newFolder(), { windowPeriods: 1.5 }), RangeError);
  const remembered = await opened(newFolder());
  for (const period of [-1, NaN, 2 ** 24]) {
    assert.throws(() => remembered.add(HASHES[0]!, period), RangeError);
  }
  await remembered.close();
});
