import type { IncomingEvent } from '../domain/meter-events/meter-event.ts';
import type { Namespace } from '../domain/namespace.ts';

/** A duplicate as it was sent. */
export type NotedDuplicate = {
  readonly event: IncomingEvent;
  readonly eventName: string;
  /** Cut to a bounded length. */
  readonly sent: string;
  readonly requestId: string;
};

/** Some duplicates of one namespace, in the order of arrival. */
export type Batch = {
  readonly namespace: Namespace;
  readonly duplicates: readonly NotedDuplicate[];
};

/** Of one namespace, so that one that sends nothing but duplicates takes no room from the others. */
const NOTED_MAX = 2000;
/** Of all: some 10 MB, with three times that for events that are as long as they may be. */
const NOTED_OF_ALL_MAX = 10_000;
/** The events of one query. */
const BATCH_MAX = 1000;

type Waiting = {
  readonly duplicate: NotedDuplicate;
  /** The first event of its identifier has a sequence up to this one. */
  readonly upToSequence: number;
};
type Noted = { readonly waiting: Waiting[]; skipped: number };

/** Duplicates that wait to be compared, with a bound for each namespace and for all. */
export class NotedDuplicates {
  /** In turns: the namespace that was taken from goes to the end. */
  readonly #byNamespace = new Map<Namespace, Noted>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Whether one more can be noted; if not, it is counted as skipped. */
  hasRoomFor(namespace: Namespace): boolean {
    const noted = this.#of(namespace);
    if (noted.waiting.length < NOTED_MAX && this.#size < NOTED_OF_ALL_MAX) return true;
    noted.skipped += 1;
    return false;
  }

  /** Counts duplicates that were taken and cannot be compared. */
  skip(namespace: Namespace, count: number): void {
    this.#of(namespace).skipped += count;
  }

  /** `upToSequence`: the last sequence that was given out. */
  add(duplicate: NotedDuplicate, upToSequence: number): void {
    this.#of(duplicate.event.namespace).waiting.push({ duplicate, upToSequence });
    this.#size += 1;
  }

  /** The next batch of which every first event is stored; undefined when there is none. */
  take(storedSequence: number): Batch | undefined {
    for (const [namespace, noted] of this.#byNamespace) {
      const { waiting } = noted;
      const stored = waiting.findIndex(({ upToSequence }) => upToSequence > storedSequence);
      const taken = waiting.splice(0, Math.min(stored === -1 ? BATCH_MAX : stored, BATCH_MAX));
      if (taken.length === 0) continue;
      this.#size -= taken.length;
      this.#byNamespace.delete(namespace);
      this.#byNamespace.set(namespace, noted);
      return { namespace, duplicates: taken.map(({ duplicate }) => duplicate) };
    }
    return undefined;
  }

  /** How many of the namespace were skipped since the last call. */
  takeSkipped(namespace: Namespace): number {
    const noted = this.#of(namespace);
    const { skipped } = noted;
    noted.skipped = 0;
    return skipped;
  }

  #of(namespace: Namespace): Noted {
    let noted = this.#byNamespace.get(namespace);
    if (noted === undefined) {
      noted = { waiting: [], skipped: 0 };
      this.#byNamespace.set(namespace, noted);
    }
    return noted;
  }
}
