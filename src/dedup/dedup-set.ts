/**
 * Remembers hashes for a number of periods (days, hours), in bounded memory: what came of late in a table, about
 * 26 bytes each, all else in files, of which 2 bytes an entry are in memory. Who asks gets the answer at once.
 *
 * Promises:
 * - An entry is present for who asks in its period, in the `windowPeriods` after it, or in any period before it;
 *   then it may be added again. Nothing else is present. The answer depends on the period of the call alone, so
 *   a clock that was ahead and is set back has forgotten nothing.
 * - What is forgotten leaves memory and disk once two calls of `forget` in a row say so.
 * - What the files have after a crash or a restart is known on disk elsewhere (`settled`), and they have all of it
 *   up to `coveredThrough`. What came later the caller adds again.
 */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { RecentTable } from './memtable.ts';
import { NONE, PERIOD_MAX } from './record.ts';
import { RunSet } from './run-set.ts';

/** 105 MiB of table. */
const RECENT_MAX = 4_000_000;
/** A table of older periods is sealed when it has this part of the most: before, it is not worth a run. */
const SEAL_MIN = 1 / 16;
/** After a failure: doubled each time, up to a minute. */
const RETRY_MS = 1000;
const RETRY_MS_MAX = 60_000;

export type RememberedOptions = {
  /** Nobody else's; made when it is missing. */
  readonly folder: string;
  /** Whose entries these are. Those of somebody else are dropped. */
  readonly owner: string;
  /** The last position that the owner knows. If the files cover more, they are of another past: dropped. */
  readonly lastPosition: number;
  readonly windowPeriods: number;
  /** Whether a number is kept with each entry, in 8 bytes more on disk and in the table. */
  readonly values?: boolean;
  /** With how many entries a table is sealed. */
  readonly recentMax?: number;
  /** A seal or a merge failed. It is tried again, and the table grows until then. */
  readonly onFailure: (error: unknown) => void;
  readonly retryMs?: number;
};

/** A table that is being written as a run. */
type Seal = {
  readonly table: RecentTable;
  readonly position: number;
  readonly settled: Promise<unknown>;
  isWritten: boolean;
};

export class Remembered {
  /** What `touch` has read. Public, so that the engine cannot find that nobody asks for it. */
  touched = 0;
  readonly #windowPeriods: number;
  readonly #values: boolean;
  readonly #recentMax: number;
  readonly #retryMs: number;
  readonly #onFailure: (error: unknown) => void;
  readonly #runs: RunSet;
  #recent: RecentTable;
  /** Asked after the recent one, until its run is in the manifest. */
  #seal: Seal | undefined;
  #isRebuilt = false;
  #rebuilding: Promise<void> = Promise.resolve();
  /** Earlier periods are dropped… */
  #oldestPeriod = -Infinity;
  /** …as this one said, and the one before it. */
  #forgetPeriod = -Infinity;
  #foundValue = 0;
  #isAwake = false;
  #upkeep: Promise<void> = Promise.resolve();
  readonly #closing = new AbortController();

  /**
   * Opens what the folder has; 50 million entries take 0.1 s. The caller then adds all that came after
   * `coveredThrough` (with `makeRoom` in between) and calls `rebuilt`.
   */
  static open(options: RememberedOptions): Remembered {
    return new Remembered(options);
  }

  private constructor({ folder, owner, lastPosition, windowPeriods, ...rest }: RememberedOptions) {
    if (!(Number.isInteger(windowPeriods) && windowPeriods > 0)) {
      throw new RangeError('A window has a whole number of periods, at least one.');
    }
    this.#windowPeriods = windowPeriods;
    this.#values = rest.values ?? false;
    this.#recentMax = rest.recentMax ?? RECENT_MAX;
    this.#retryMs = rest.retryMs ?? RETRY_MS;
    this.#onFailure = rest.onFailure;
    const values = this.#values;
    this.#runs = new RunSet(folder, { owner, values, windowPeriods, lastPosition });
    this.#recent = new RecentTable({ values });
  }

  /** Every entry with a position up to this one is there already; 0 in an empty folder. */
  get coveredThrough(): number {
    return this.#runs.coveredThrough;
  }

  /** All entries, those included that are forgotten and not dropped yet. */
  get size(): number {
    return this.recent + this.#runs.entries;
  }

  /** The entries that are in memory as a whole. */
  get recent(): number {
    return this.#recent.size + (this.#seal?.table.size ?? 0);
  }

  /** The memory of tables, filters and indexes. */
  get bytes(): number {
    return this.#recent.bytes + (this.#seal?.table.bytes ?? 0) + this.#runs.bytes;
  }

  /**
   * Adds a hash (4 words, of which 104 bits count) unless it is present; then its period and value stay as they
   * are. Throws DamagedRunError when a run cannot be asked: whether it is a duplicate, nobody knows (P9).
   */
  add(hash: Uint32Array, period: number, value = 0): 'added' | 'present' {
    if (this.#isPresent(hash, period)) return 'present';
    this.#recent.set(hash, period, value);
    return 'added';
  }

  /** Says that these hashes (4 words each) are about to be added: then each takes a third less time. */
  touch(hashes: Uint32Array, count: number): void {
    for (let i = 0; i < count; i += 1) this.touched ^= this.#recent.touch(hashes[4 * i]!);
  }

  /** The value that a present hash was added with; undefined when it is absent or no values are kept. */
  findValue(hash: Uint32Array, period: number): number | undefined {
    return this.#isPresent(hash, period) && this.#values ? this.#foundValue : undefined;
  }

  /** The newest place decides: an entry is added again only in a period later than that of all before. */
  #isPresent(hash: Uint32Array, period: number): boolean {
    if (!(period >= 0 && period <= PERIOD_MAX)) throw new RangeError(`No such period: ${period}.`);
    const found = this.#find(hash);
    return found !== NONE && found >= period - this.#windowPeriods;
  }

  #find(hash: Uint32Array): number {
    const recent = this.#recent.find(hash);
    if (recent !== NONE) {
      this.#foundValue = this.#recent.foundValue;
      return recent;
    }
    const sealing = this.#seal === undefined ? NONE : this.#seal.table.find(hash);
    if (sealing !== NONE) {
      this.#foundValue = this.#seal!.table.foundValue;
      return sealing;
    }
    const older = this.#runs.find(hash);
    this.#foundValue = this.#runs.foundValue;
    return older;
  }

  /**
   * To be called often, a few times a second: begins to bring the table to disk when it is large, or has entries
   * from before the last period. All entries with a position up to `position` must have been added. `settled`
   * is asked for only then; it resolves when all that was added so far is on disk elsewhere, and if it never
   * does, no file will ever count.
   */
  sealIfDue(position: number, period: number, settled: () => Promise<unknown>): void {
    if (!this.#isRebuilt || this.#seal !== undefined || !this.#isDue(period)) return;
    const promise = settled();
    // Who waits for it is told; until then it must not end the process.
    promise.catch(() => undefined);
    this.#beginSeal(position, promise);
    this.#wake();
  }

  #isDue(period: number): boolean {
    const { size, oldestPeriod } = this.#recent;
    if (size >= this.#recentMax) return true;
    return oldestPeriod < period - 1 && size >= this.#recentMax * SEAL_MIN;
  }

  #beginSeal(position: number, settled: Promise<unknown>): Seal {
    this.#seal = { table: this.#recent, position, settled, isWritten: false };
    // Of a table that was sealed because it was full, the next one will be as full.
    const expected = this.#recent.size >= this.#recentMax ? this.#recentMax : 0;
    this.#recent = new RecentTable({ values: this.#values, expected });
    return this.#seal;
  }

  /**
   * In a rebuild, between the adds: brings a full table to disk, and keeps the caller waiting while the one
   * before it is on its way. It counts for nothing until `rebuilt`. Throws what went wrong.
   */
  async makeRoom(): Promise<void> {
    if (this.#recent.size < this.#recentMax) return;
    await this.#rebuilding;
    this.#rebuilding = this.#sealUnnamed();
    this.#rebuilding.catch(() => undefined);
  }

  /** Ends the rebuild: all up to this position has been added, and is on disk elsewhere. */
  async rebuilt(position: number): Promise<void> {
    await this.#rebuilding;
    if (this.#runs.hasUnnamed) {
      await this.#sealUnnamed();
      await this.#runs.nameAll(position);
    }
    this.#isRebuilt = true;
    this.#wake();
  }

  async #sealUnnamed(): Promise<void> {
    const { table } = this.#beginSeal(0, Promise.resolve());
    await this.#runs.addTable(table, this.#oldestPeriod);
    this.#seal = undefined;
    for (let step = this.#nextTidying(); step !== undefined; step = this.#nextTidying())
      await step();
  }

  /**
   * Drops what is forgotten in this period, if the call before said so too: a clock that is ahead for less than
   * the time from one call to the next but one loses nothing. To be called about once an hour.
   */
  forget(period: number): void {
    this.#oldestPeriod = Math.min(period, this.#forgetPeriod) - this.#windowPeriods;
    this.#forgetPeriod = period;
    if (this.#isRebuilt) this.#wake();
  }

  /** Resolves when nothing is left to be written. */
  async idle(): Promise<void> {
    while (this.#isAwake) await this.#upkeep;
  }

  /** Drops what is being written: it is added again on the next start. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#runs.stopThread();
    await this.#upkeep;
    await this.#rebuilding.catch(() => undefined);
    this.#runs.close();
  }

  #wake(): void {
    if (this.#isAwake || this.#closing.signal.aborted) return;
    this.#isAwake = true;
    this.#upkeep = this.#work();
  }

  async #work(): Promise<void> {
    let retryMs = this.#retryMs;
    while (!this.#closing.signal.aborted) {
      const step = this.#nextStep();
      if (step === undefined) break;
      try {
        await step();
        retryMs = this.#retryMs;
      } catch (error) {
        await this.#failed(error, retryMs);
        retryMs = Math.min(2 * retryMs, RETRY_MS_MAX);
      }
    }
    this.#isAwake = false;
    await this.#runs.stopThread();
  }

  async #failed(error: unknown, retryMs: number): Promise<void> {
    const { signal } = this.#closing;
    if (signal.aborted) return;
    this.#onFailure(error);
    // Cut short by `close`.
    await delay(retryMs, undefined, { signal, ref: false }).catch(() => undefined);
  }

  #nextStep(): (() => Promise<void>) | undefined {
    const seal = this.#seal;
    return seal === undefined ? this.#nextTidying() : async () => await this.#finish(seal);
  }

  #nextTidying(): (() => Promise<void>) | undefined {
    return this.#runs.nextStep(this.#oldestPeriod);
  }

  /** Tried again after a failure, it goes on where it was. */
  async #finish(seal: Seal): Promise<void> {
    if (!seal.isWritten) {
      await this.#runs.addTable(seal.table, this.#oldestPeriod);
      seal.isWritten = true;
    }
    // Named earlier, an entry could outlive an event that a crash has lost: a false duplicate.
    const { signal } = this.#closing;
    signal.throwIfAborted();
    await Promise.race([seal.settled, once(signal, 'abort')]);
    signal.throwIfAborted();
    await this.#runs.nameAll(seal.position);
    this.#seal = undefined;
  }
}
