/**
 * The account of what has left for the usage store, as rows of `moved`: one a flush, and of older ones one for several, so that
 * there are never many. The last ones say in which flush something is missing, all of them together what must be there.
 */
import type Database from 'better-sqlite3';
import { damagedError } from '../../lib/startup-error.ts';
import type { MovedRange } from '../journal.ts';
import { addTotals, packTotals, totalsOf } from '../totals.ts';
import { crcOf, expectCrc } from './check-sums.ts';

/** Never merged: some minutes at full speed. */
const SINGLE_RANGES = 64;
const RANGES_MAX = 192;

type Row = { last_block: number; last_sequence: number; totals: string; crc: number };

export class MovedRanges {
  #ranges: MovedRange[];
  #isKnown: boolean;
  readonly #insert: Database.Statement<[number, number, string, number]>;
  readonly #delete: Database.Statement<[number]>;

  /** Throws StartupError when a row is damaged. */
  constructor(db: Database.Database) {
    const rows = db.prepare<[], Row>('SELECT * FROM moved ORDER BY last_block').all();
    this.#ranges = rows.map(({ last_block, last_sequence, totals, crc }) => {
      const what = `the account of what was moved up to block ${last_block}`;
      expectCrc(db.name, what, crc, last_block, last_sequence, totals);
      return { lastBlockId: last_block, lastSequence: last_sequence, totals: totalsOf(totals) };
    });
    this.#insert = db.prepare('INSERT INTO moved VALUES (?, ?, ?, ?)');
    this.#delete = db.prepare('DELETE FROM moved WHERE last_block = ?');
    this.#isKnown = this.#expectStand(db);
  }

  /** The account must go exactly as far as the journal says that blocks have left. Answers whether there is one. */
  #expectStand(db: Database.Database): boolean {
    const stand = db
      .prepare<[], { flushed_sequence: number; moved_block: number }>(
        'SELECT flushed_sequence, moved_block FROM journal',
      )
      .get();
    const { lastSequence, lastBlockId } = this.#ranges.at(-1) ?? {
      lastSequence: 0,
      lastBlockId: 0,
    };
    if (stand?.flushed_sequence === lastSequence && stand.moved_block === lastBlockId) return true;
    if (this.#ranges.length === 0) return false;
    throw damagedError(db.name, 'it does not say how far its blocks have left');
  }

  /** Oldest first; undefined when there is no account. */
  get all(): readonly MovedRange[] | undefined {
    return this.#isKnown ? this.#ranges : undefined;
  }

  /** To be called in the transaction in which they leave. Without an account there is nothing to add to. */
  add(range: MovedRange): void {
    if (!this.#isKnown) return;
    this.#store(range);
    this.#ranges.push(range);
    if (this.#ranges.length > RANGES_MAX) this.#mergeSmallest();
  }

  /** Begins it with what has left so far. */
  begin(range: MovedRange): void {
    this.#isKnown = true;
    this.add(range);
  }

  /** Gives it up: what something that left adds up to is not known. */
  giveUp(): void {
    this.#isKnown = false;
    for (const { lastBlockId } of this.#ranges) this.#delete.run(lastBlockId);
    this.#ranges = [];
  }

  #store({ lastBlockId, lastSequence, totals }: MovedRange): void {
    const packed = packTotals(totals);
    const crc = crcOf(lastBlockId, lastSequence, packed);
    this.#insert.run(lastBlockId, lastSequence, packed, crc);
  }

  /** The two neighbours, of the older ones, that are the least events together. */
  #mergeSmallest(): void {
    const ranges = this.#ranges;
    let place = 0;
    let least = Infinity;
    for (let i = 0; i + 1 < ranges.length - SINGLE_RANGES; i += 1) {
      const events = ranges[i]!.totals.events + ranges[i + 1]!.totals.events;
      if (events < least) [place, least] = [i, events];
    }
    const [first, second] = [ranges[place]!, ranges[place + 1]!];
    const merged = { ...second, totals: addTotals(first.totals, second.totals) };
    this.#delete.run(first.lastBlockId);
    this.#delete.run(second.lastBlockId);
    this.#store(merged);
    ranges.splice(place, 2, merged);
  }
}
