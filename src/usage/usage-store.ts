/**
 * The usage store: every accepted event, every cancellation, every event of a stream that was rejected, and the
 * hourly rollup, in ClickHouse tables.
 *
 * Promises, checked by `contract.ts` on every implementation:
 * - `insert` is exactly once per token: the same batch under the same token changes nothing the second time,
 *   also when the first try failed half-way (P2). A batch that returned is on disk. Tokens end with the process: what an
 *   earlier one may have inserted is given to `account.restore`.
 * - What an `insert` stored is in every read that begins after it returned.
 * - `summarize` equals the pure `summarize()` over the stored events (P6), digit for digit (P5).
 * - A namespace never sees another one's rows (P7).
 */
import type { Cancellation, MeterEvent } from '../domain/meter-events/meter-event.ts';
import type { FlushPlan } from '../journal/journal.ts';
import type { EventTimeWindow, Formula } from '../domain/meter.ts';
import type { Namespace } from '../domain/namespace.ts';
import type { Quantity } from '../domain/quantity.ts';
import type { GroupingWindow } from '../domain/windows.ts';
import type { StoreAccount } from './account.ts';
import type { CustomerUsageReader } from './customer-usage.ts';
import type { EventSearcher } from './event-search.ts';
import type { RejectionCounter } from './rejection-counts.ts';

export type UsageStore = RejectionCounter & {
  /** When it throws, it may be asked for again, unless it was UnsureInsertError. */
  insert(batch: UsageBatch): Promise<void>;
  /**
   * One page of summaries; windows without usage are left out. Throws ApiError `parameter_invalid` when it would need
   * single events that are pruned.
   */
  summarize(query: SummaryQuery, patience?: Patience): Promise<readonly SummaryRow[]>;
  /** Single events, and what became of them. */
  readonly search: EventSearcher;
  /** What alerts need. */
  readonly customers: CustomerUsageReader;
  /** What is stored, as figures, and how it is repaired. */
  readonly account: StoreAccount;
  /** The last accepted event of this identifier on one of these meters, with its cancellation if it has one. */
  findEvent(
    namespace: Namespace,
    meterIds: readonly string[],
    identifier: string,
    patience?: Patience,
  ): Promise<StoredEvent | undefined>;
  /**
   * The identifiers of all events after `afterSequence` that were received at `sinceMs` or later, of all
   * namespaces, in chunks, in no order. One walk at a time; an insert meanwhile may or may not be in it.
   */
  identifiers(range: IdentifierRange): AsyncIterable<ReceivedIdentifiers>;
  /** The greatest sequence of any event, rejected ones included; 0 when there is none. */
  lastSequence(): Promise<number>;
  /** Events before this are pruned, 0 when none are: what summaries of whole hours need is kept of them. */
  readonly prunedBeforeMs: number;
  /** No cancellation of an event before this may be inserted any more: it is pruned, or `prune` has begun. */
  readonly closedBeforeMs: number;
  /** What `prune` would drop and settle. */
  prunable(beforeMs: number): Promise<Prunable>;
  /**
   * Drops the events before this, the start of a month, for good; summaries of whole hours stay as they are. `settled`
   * resolves when all cancellations that were accepted so far are inserted. When it throws, it may be called again.
   */
  prune(beforeMs: number, nowMs: number, settled: () => Promise<void>): Promise<void>;
  /**
   * Makes a folder that holds what is stored now and can be opened as a store, whatever comes later. No insert may run.
   * Takes no time and no space, so it must be below the store's own folder or beside it.
   */
  snapshot(folder: string): Promise<void>;
  /** When the last event of all was received, by the clock of then; 0 when there is none. */
  lastReceivedAtMs(): Promise<number>;
  readonly auditor: Auditor;
  close(): Promise<void>;
};

/**
 * How long who asks is willing to wait. The read rejects with the signal's reason at once, even if the store never
 * comes back from it; `seconds` is what the store itself may spend on one query before it gives up.
 */
export type Patience = { readonly signal: AbortSignal; readonly seconds: number };

/**
 * What was inserted may not be stored, or not on disk, and the same insert would not make it so: the process must stop
 * (P9). The next start can.
 */
export class UnsureInsertError extends Error {
  override readonly name = 'UnsureInsertError';
}

/** A query took longer than it may (see Patience), or read more than a search may. One that asks for less is answered. */
export class ReadLimitError extends Error {
  override readonly name = 'ReadLimitError';
  readonly limit: 'seconds' | 'bytes';

  constructor(limit: ReadLimitError['limit'], cause: unknown) {
    super(`A query has reached its limit of ${limit}.`, { cause });
    this.limit = limit;
  }
}

/** Rows in the forms of `event-columns.ts` and `rows.ts`; the token names exactly these bytes, for ever. */
export type UsageBatch = Pick<
  FlushPlan,
  'token' | 'eventsFormat' | 'events' | 'cancellations' | 'rejections'
>;

export type SummaryQuery = {
  readonly namespace: Namespace;
  readonly meterId: string;
  readonly customer: string;
  readonly formula: Formula;
  readonly eventTimeWindow: EventTimeWindow | null;
  /** Null: one row for the whole range. */
  readonly groupingWindow: GroupingWindow | null;
  /** Half open, whole minutes; whole windows when grouped. */
  readonly startMs: number;
  readonly endMs: number;
  readonly order: 'newest_first' | 'oldest_first';
  readonly limit: number;
};

/** `startMs` is the window's start, or the range's when there is no grouping. */
export type SummaryRow = { readonly startMs: number; readonly value: Quantity };

export type StoredEvent = {
  readonly event: MeterEvent;
  readonly cancellation: Pick<Cancellation, 'cancelledAtMs' | 'requestId'> | undefined;
};

export type IdentifierRange = {
  /** 0 for all. Who remembers what came up to a sequence goes on from there. */
  readonly afterSequence: number;
  readonly sinceMs: number;
};

/** Some identifiers of one namespace, by columns: millions are read on start. */
export type ReceivedIdentifiers = {
  readonly namespace: Namespace;
  readonly count: number;
  /** Identifier i is the UTF-8 text of `lengths[i]` bytes from `starts[i]`. They stay as they are. */
  readonly bytes: Uint8Array;
  readonly starts: Uint32Array;
  readonly lengths: Uint32Array;
  readonly receivedAtMs: Float64Array;
};

/** Finds what P6 rules out. */
export type Auditor = {
  /** Recounts every hour of the range from the events and compares it with the rollup. */
  hours(range: AuditRange): Promise<Audit>;
  /** Parts of which a file is not as it was written, with the reason. Reads everything that is stored. */
  damagedParts(): Promise<readonly string[]>;
  /** Somebody's hour in which there is usage, by a number in [0, 1); undefined when there is none. */
  draw(place: number): Promise<DrawnHour | undefined>;
};

/** What is left out is not looked at. Times are widened to whole hours; half open. */
export type AuditRange = {
  readonly namespace?: Namespace | undefined;
  readonly meterId?: string | undefined;
  readonly customer?: string | undefined;
  readonly startMs?: number | undefined;
  readonly endMs?: number | undefined;
};

export type Audit = {
  readonly events: number;
  readonly hours: number;
  /** Hours in which the rollup and the events differ. */
  readonly differences: number;
  readonly first: HourDifference | undefined;
};

export type DrawnHour = {
  readonly namespace: Namespace;
  readonly meterId: string;
  readonly customer: string;
  readonly hourMs: number;
};

/** As text: how many, their sum, the last one and the last one received. */
export type HourFigures = readonly [count: string, sum: string, last: string, lastReceived: string];

export type HourDifference = DrawnHour & {
  readonly ofEvents: HourFigures;
  readonly ofRollup: HourFigures;
};

export type Prunable = {
  /** Oldest first; `month` such as `2026-01`. */
  readonly months: readonly {
    readonly month: string;
    readonly events: number;
    readonly bytes: number;
  }[];
  /** Customer hours of them in which there are cancellations. */
  readonly cancelledHours: number;
  /** When the last of these events arrived; -Infinity when there are none. */
  readonly lastReceivedAtMs: number;
};
