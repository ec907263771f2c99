/**
 * Long reads in short slices, so that the serving thread is not away for long: one slice at a time, of all reads
 * together, and a turn of the event loop after each. Namespaces take turns: one with a thousand reads, whose clients may be
 * gone, holds up another's for a slice.
 */
import { ApiError } from '../../domain/errors.ts';
import type { Namespace } from '../../domain/namespace.ts';
import type { Caller } from '../catalog.ts';
import { callerGone, Gate } from './gate.ts';
import type { Sql } from './writer.ts';

/** Half of what a request may be held up by it. */
const SLICE_MS = 5;
/** So many walks of a namespace are under way at once: each holds its page, of a megabyte or a little more. */
const UNDER_WAY_MAX = 8;
/** So many more wait: without a bound a minute's work could be piled up in a second. */
export const WAITING_MAX = 100;
/**
 * So many turns of the event loop are between two slices, or as many as take as long as a slice: in one turn libuv accepts one
 * connection, and three hundred that come at once would wait for as many slices.
 */
const TURNS_BETWEEN = 20;

/** Where a walk begins, and for whom. */
export type Walk = {
  readonly namespace: Namespace;
  readonly place: number;
  readonly caller?: Caller | undefined;
};

export class Slices {
  readonly #db: Pick<Sql, 'open'>;
  readonly #nowMs: () => number;
  /** What waits, by namespace; the one whose turn is next comes first. */
  readonly #waiting = new Map<Namespace, (() => void)[]>();
  readonly #gate = new Gate(UNDER_WAY_MAX, WAITING_MAX);

  constructor(db: Pick<Sql, 'open'>, nowMs = (): number => performance.now()) {
    this.#db = db;
    this.#nowMs = nowMs;
  }

  /**
   * Shows `see` each row from `rows(place)` on, until it answers false or there are no more. `rows` gives those beyond a
   * place, the nearest first. A row is as it is when it is seen; what comes behind the place meanwhile is not. Throws ApiError
   * `rate_limit` when too many of this namespace wait. It ends, by throwing, when its caller is gone.
   */
  async walk<Row extends { readonly ordinal: number }>(
    { namespace, place, caller }: Walk,
    rows: (place: number) => IterableIterator<Row>,
    see: (row: Row) => boolean,
  ): Promise<void> {
    await this.#gate.run(namespace, caller, async () => {
      for (let next: number | undefined = place; next !== undefined;) {
        await this.turn(namespace, caller);
        next = this.#slice(rows(next), see);
      }
    });
  }

  /**
   * To be awaited before a slice, of some ms, and as often by a caller that makes slices of its own. Throws when the catalog is closed, or the
   * caller gone.
   */
  async turn(namespace: Namespace, caller?: Caller): Promise<void> {
    if (this.#waiting.size === 0) this.#wait();
    await new Promise<void>((resolve) => {
      const ofNamespace = this.#waiting.get(namespace);
      if (ofNamespace === undefined) this.#waiting.set(namespace, [resolve]);
      else ofNamespace.push(resolve);
    });
    if (!this.#db.open) throw new ApiError('unavailable', 'Taximeter is stopping. Try again.');
    if (caller?.isGone === true) throw callerGone();
  }

  /** Yields to the event loop before the next slice. */
  #wait(turns = TURNS_BETWEEN, sinceMs?: number): void {
    setImmediate(() => {
      const nowMs = this.#nowMs();
      // The slice itself is over by the first.
      const beganMs = sinceMs ?? nowMs;
      if (turns > 1 && nowMs - beganMs < SLICE_MS) this.#wait(turns - 1, beganMs);
      else this.#next();
    });
  }

  /** Lets one go on; the next one in another turn of the loop. */
  #next(): void {
    const [first] = this.#waiting;
    if (first === undefined) return;
    const [namespace, ofNamespace] = first;
    const goOn = ofNamespace.shift();
    this.#waiting.delete(namespace);
    if (ofNamespace.length > 0) this.#waiting.set(namespace, ofNamespace);
    if (this.#waiting.size > 0) this.#wait();
    goOn?.();
  }

  /** Where to go on from; undefined when all was seen that is to be seen. */
  #slice<Row extends { readonly ordinal: number }>(
    rows: IterableIterator<Row>,
    see: (row: Row) => boolean,
  ): number | undefined {
    const endMs = this.#nowMs() + SLICE_MS;
    for (const row of rows) {
      if (!see(row)) return undefined;
      if (this.#nowMs() >= endMs) return row.ordinal;
    }
    return undefined;
  }
}
