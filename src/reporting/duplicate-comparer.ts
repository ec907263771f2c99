/**
 * Finds out, behind the answer of the stream, which duplicates do not say what the first event of their identifier said,
 * or come after it was cancelled, and keeps each of these as a fact that can be listed and reported. The hot path only notes
 * them; what is known to repeat the first event is not even noted.
 *
 * Everything has a bound: what is noted, the events of one query, the share of time that queries take. Past it duplicates are
 * counted as skipped, and the next one that is kept says how many. What is noted is in memory: a crash loses it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Catalog } from '../catalog/catalog.ts';
import { describeDuplicate, differencesOf } from '../domain/meter-events/duplicate.ts';
import { rejectDuplicate } from '../domain/meter-events/rejections.ts';
import type { Ingest } from '../ingest/ingest.ts';
import type { Meter } from '../domain/meter.ts';
import type { Namespace } from '../domain/namespace.ts';
import { toQuantity } from '../domain/quantity.ts';
import type { EventSearcher, FoundEvent } from '../usage/event-search.ts';
import { NotedDuplicates, type Batch, type NotedDuplicate } from './noted-duplicates.ts';

export type DuplicateComparerParts = {
  readonly meters: Pick<Catalog['meters'], 'ofNamespace'>;
  readonly search: Pick<EventSearcher, 'findEvents'>;
  readonly ingest: Pick<
    Ingest,
    'traceDuplicate' | 'flushedSequence' | 'lastSequence' | 'settled' | 'onDisk'
  >;
  /** The usage store was not able to say; these duplicates are skipped. */
  readonly onFailure: (error: unknown) => void;
};

/** After each query it rests for nine times as long as that took: a tenth of one reader at most. */
const REST = 9;
/** How long the usage store may take for a query. */
const QUERY_SECONDS = 10;
/** How long a stop waits for what is noted. */
const CLOSE_MS = 5000;

export class DuplicateComparer {
  /** How many were compared, by what came of it, and how many came too fast for that. */
  readonly counts = { equal: 0, differing: 0, unknown: 0, skipped: 0 };
  readonly #parts: DuplicateComparerParts;
  readonly #noted = new NotedDuplicates();
  #running: Promise<void> | undefined;
  #restsUntilMs = 0;

  constructor(parts: DuplicateComparerParts) {
    this.#parts = parts;
  }

  /** To be asked before `note`; a duplicate for which there is no room is counted. */
  hasRoomFor(namespace: Namespace): boolean {
    const hasRoom = this.#noted.hasRoomFor(namespace);
    if (!hasRoom) this.counts.skipped += 1;
    return hasRoom;
  }

  /** In the turn in which it was found to be a duplicate. */
  note(duplicate: NotedDuplicate): void {
    this.#noted.add(duplicate, this.#parts.ingest.lastSequence);
  }

  /** To be called often: begins to compare the next batch when one is due. */
  compareIfDue(): void {
    if (this.#running !== undefined || performance.now() < this.#restsUntilMs) return;
    const batch = this.#noted.take(this.#parts.ingest.flushedSequence);
    if (batch === undefined) return;
    this.#running = this.#compare(batch).finally(() => {
      this.#running = undefined;
    });
  }

  /** Compares what is noted, or as much of it as a few seconds allow; what was kept by then is on disk. */
  async close(): Promise<void> {
    const timeout = new AbortController();
    const { signal } = timeout;
    const late = delay(CLOSE_MS, undefined, { signal }).catch(() => undefined);
    await Promise.race([this.#compareAll().catch(this.#parts.onFailure), late]);
    timeout.abort();
  }

  async #compareAll(): Promise<void> {
    await this.#running;
    if (this.#noted.size === 0) return;
    await this.#parts.ingest.settled();
    let batch = this.#noted.take(Infinity);
    for (; batch !== undefined; batch = this.#noted.take(Infinity)) await this.#compare(batch);
    await this.#parts.ingest.onDisk();
  }

  /** Never throws: what cannot be compared is skipped. */
  async #compare(batch: Batch): Promise<void> {
    const startMs = performance.now();
    try {
      const meters = new Map(
        this.#parts.meters.ofNamespace(batch.namespace).map((meter) => [meter.id, meter]),
      );
      const firsts = await this.#findFirsts(batch, [...meters.values()]);
      for (const duplicate of batch.duplicates) {
        this.#judge(duplicate, firsts.get(duplicate.event.identifier), meters);
      }
    } catch (error) {
      this.#skip(batch);
      this.#parts.onFailure(error);
    }
    const endMs = performance.now();
    this.#restsUntilMs = endMs + REST * (endMs - startMs);
  }

  #skip({ namespace, duplicates }: Batch): void {
    this.counts.skipped += duplicates.length;
    this.#noted.skip(namespace, duplicates.length);
  }

  async #findFirsts(
    { namespace, duplicates }: Batch,
    meters: readonly Meter[],
  ): Promise<ReadonlyMap<string, FoundEvent>> {
    const lastOf = [...new Set(duplicates.map(({ event }) => event.identifier))];
    const place = { after: 0, before: Number.MAX_SAFE_INTEGER, order: 'newest_first' } as const;
    const found = await this.#parts.search.findEvents(
      { namespace, meters, lastOf, place, limit: lastOf.length },
      { signal: AbortSignal.timeout(QUERY_SECONDS * 1000), seconds: QUERY_SECONDS },
    );
    return new Map(found.map((first) => [first.event.identifier, first]));
  }

  #judge(
    duplicate: NotedDuplicate,
    first: FoundEvent | undefined,
    meters: ReadonlyMap<string, Meter>,
  ): void {
    const { event } = duplicate;
    const meter = meters.get(event.meterId);
    const firstMeter = first && meters.get(first.event.meterId);
    // The first event was pruned, or two identifiers have one hash.
    if (first === undefined || meter === undefined || firstMeter === undefined) {
      this.counts.unknown += 1;
      return;
    }
    const second = { meter, event: { ...event, value: toQuantity(event.value) } };
    const of = { meter: firstMeter, event: first.event };
    const differences = differencesOf(of, second, event.timestampIsSent);
    const { state } = first;
    const cancelledAtMs = state.status === 'cancelled' ? state.cancelledAtMs : undefined;
    if (differences.length === 0 && cancelledAtMs === undefined) {
      this.counts.equal += 1;
      return;
    }
    this.counts.differing += 1;
    const told = { ...first.event, meter: firstMeter, cancelledAtMs };
    this.#keep(duplicate, first, describeDuplicate(told, differences, true));
  }

  #keep(
    { event, eventName, sent, requestId }: NotedDuplicate,
    first: FoundEvent,
    message: string,
  ): void {
    const { namespace, receivedAtMs, identifier, meterId } = event;
    const skipped = this.#noted.takeSkipped(namespace);
    this.#parts.ingest.traceDuplicate({
      namespace,
      receivedAtMs,
      eventName,
      identifier,
      meterId,
      sent,
      ...rejectDuplicate(skipped === 0 ? message : `${message} ${tooFast(skipped)}`),
      requestId,
      duplicateOf: first.event.sequence,
    });
  }
}

function tooFast(skipped: number): string {
  return `${skipped} other duplicates were not compared: they came too fast, or the usage store did not answer.`;
}
