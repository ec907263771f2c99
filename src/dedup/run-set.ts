/**
 * The runs of one folder: those that the manifest names, and in a rebuild newer ones that it does not name yet.
 * All are asked alike. What a crash can leave: a state that a manifest names, and files that none does.
 *
 * One step runs at a time, in the thread; a step that fails has changed nothing, and may be tried again.
 */
import { randomUUID } from 'node:crypto';
import { FORMAT } from './manifest.ts';
import { runsToMerge } from './compaction-rule.ts';
import { openRuns, RUN_PREFIX, type Wanted } from './open-runs.ts';
import { Page } from './page.ts';
import type { RecentTable } from './memtable.ts';
import { NONE } from './record.ts';
import type { RunOrder } from './run-writer.ts';
import { Run } from './sorted-run.ts';
import { Thread } from './compactor.ts';

export class RunSet {
  /** The value of the record that `find` found last. */
  foundValue = 0;
  readonly #folder: string;
  readonly #wanted: Wanted;
  readonly #thread = new Thread();
  readonly #page = new Page();
  /** From the newest to the oldest. */
  #runs: readonly Run[];
  /** So many of the newest are not in the manifest. */
  #unnamed = 0;
  #coveredThrough: number;
  /** Files that no manifest names any more. */
  #obsolete: readonly string[] = [];

  /** As `openRuns` says. */
  constructor(folder: string, wanted: Wanted) {
    this.#folder = folder;
    this.#wanted = wanted;
    const { runs, coveredThrough } = openRuns(folder, wanted);
    this.#runs = runs;
    this.#coveredThrough = coveredThrough;
  }

  /** Every entry with a position up to this one is in a run that the manifest names. */
  get coveredThrough(): number {
    return this.#coveredThrough;
  }

  get hasUnnamed(): boolean {
    return this.#unnamed > 0;
  }

  get entries(): number {
    return this.#runs.reduce((sum, { entry }) => sum + entry.entries, 0);
  }

  get bytes(): number {
    return this.#runs.reduce((sum, run) => sum + run.bytes, 0);
  }

  /** The period of this hash in the newest run that has it; NONE when none does. */
  find(hash: Uint32Array): number {
    for (const run of this.#runs) {
      const period = run.find(hash, this.#page);
      if (period === NONE) continue;
      this.foundValue = run.foundValue;
      return period;
    }
    return NONE;
  }

  /** Writes a table, which nobody may add to any more, as the newest run; the manifest does not name it yet. */
  async addTable(table: RecentTable, oldestPeriod: number): Promise<void> {
    const order = this.#order(table.size, oldestPeriod);
    const written = await this.#thread.call('writeTable', order, table.shards);
    this.#runs = [Run.of(this.#folder, written), ...this.#runs];
    this.#unnamed += 1;
  }

  /** Names all runs: from now on they are there after a crash, and cover all up to this position. */
  async nameAll(coveredThrough: number): Promise<void> {
    await this.#writeManifest(this.#runs, coveredThrough);
    this.#coveredThrough = coveredThrough;
    this.#unnamed = 0;
  }

  /**
   * The next step towards few runs, without records older than `oldestPeriod`; undefined when there is nothing
   * to do. While runs are unnamed, only those are merged.
   */
  nextStep(oldestPeriod: number): (() => Promise<void>) | undefined {
    if (this.#obsolete.length > 0) return async () => await this.#removeObsolete();
    const runs = this.#unnamed > 0 ? this.#runs.slice(0, this.#unnamed) : this.#runs;
    const isForgotten = (run: Run): boolean => liveEntries(run, oldestPeriod) === 0;
    if (this.#unnamed === 0 && runs.some(isForgotten)) {
      const forgotten = runs.filter(isForgotten);
      return async () => await this.#replace(forgotten, []);
    }
    const count = runsToMerge(runs.map((run) => liveEntries(run, oldestPeriod)));
    if (count === 0) return undefined;
    return async () => await this.#merge(runs.slice(0, count), oldestPeriod);
  }

  /** Ends the thread, and with it the step that runs, which fails. The next step starts another one. */
  async stopThread(): Promise<void> {
    await this.#thread.stop();
  }

  /** No step may be running, and none asked for later. */
  close(): void {
    for (const run of this.#runs) run.close();
    this.#runs = [];
  }

  async #merge(newest: readonly Run[], oldestPeriod: number): Promise<void> {
    const live = newest.reduce((sum, run) => sum + liveEntries(run, oldestPeriod), 0);
    const order = this.#order(live, oldestPeriod);
    const files = newest.map(({ entry }) => entry.file);
    const merged = Run.of(this.#folder, await this.#thread.call('mergeRuns', order, files));
    try {
      await this.#replace(newest, [merged]);
    } catch (error) {
      merged.close();
      this.#obsolete = [...this.#obsolete, order.file];
      throw error;
    }
  }

  /** The old ones are asked until the new one is as safe as they are. */
  async #replace(old: readonly Run[], by: readonly Run[]): Promise<void> {
    const runs = [...by, ...this.#runs.filter((run) => !old.includes(run))];
    if (this.#unnamed > 0) this.#unnamed -= old.length - by.length;
    else await this.#writeManifest(runs, this.#coveredThrough);
    this.#runs = runs;
    for (const run of old) run.close();
    this.#obsolete = [...this.#obsolete, ...old.map(({ entry }) => entry.file)];
  }

  async #removeObsolete(): Promise<void> {
    const files = this.#obsolete;
    await this.#thread.call('removeFiles', this.#folder, files);
    this.#obsolete = this.#obsolete.filter((file) => !files.includes(file));
  }

  async #writeManifest(runs: readonly Run[], coveredThrough: number): Promise<void> {
    const { owner, values, windowPeriods } = this.#wanted;
    await this.#thread.call('writeManifest', this.#folder, {
      format: FORMAT,
      owner,
      values,
      windowPeriods,
      coveredThrough,
      runs: runs.map(({ entry }) => entry),
    });
  }

  /** A name that no run ever had: a manifest can only find the runs that it was written for. */
  #order(entriesMax: number, oldestPeriod: number): RunOrder {
    const file = `${RUN_PREFIX}${randomUUID()}`;
    const { values } = this.#wanted;
    return { folder: this.#folder, file, values, entriesMax, oldestPeriod };
  }
}

function liveEntries({ entry }: Run, oldestPeriod: number): number {
  return entry.periods.reduce((sum, [period, n]) => sum + (period >= oldestPeriod ? n : 0), 0);
}
