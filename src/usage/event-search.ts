/** What became of events: what can be asked of the usage store about single ones, and what it answers. */
import type {
  Cancellation,
  MeterEvent,
  RejectedEvent,
} from '../domain/meter-events/meter-event.ts';
import type { Meter } from '../domain/meter.ts';
import type { Namespace } from '../domain/namespace.ts';
import type { Patience } from './usage-store.ts';

/** What is asked of an accepted event and of a rejected one alike. Every condition that is given must hold. */
type Search = {
  readonly namespace: Namespace;
  readonly identifier?: string | undefined;
  readonly customer?: string | undefined;
  /** When the usage happened, as the sender says. */
  readonly timestampMs?: TimeRange | undefined;
  readonly receivedAtMs?: TimeRange | undefined;
  /** Each key with exactly this text. */
  readonly payload?: ReadonlyMap<string, string> | undefined;
  readonly place: Place;
  readonly limit: number;
};

/** Half open, in milliseconds; infinite where there is no bound. */
export type TimeRange = { readonly fromMs: number; readonly toMs: number };

/**
 * Where a page lies in the order of acceptance: the sequences strictly between the two, from which end on.
 */
export type Place = {
  readonly after: number;
  readonly before: number;
  readonly order: 'newest_first' | 'oldest_first';
};

export type EventSearch = Search & {
  /** The events of these meters only: a row means what its meter says. */
  readonly meters: readonly SearchedMeter[];
  readonly status?: EventState['status'] | undefined;
  /** Any of these; then of each identifier only the event that was accepted last. */
  readonly lastOf?: readonly string[] | undefined;
};
export type SearchedMeter = Pick<
  Meter,
  'id' | 'formula' | 'eventTimeWindow' | 'customerKey' | 'valueKey'
>;

export type RejectionSearch = Search & {
  readonly eventName?: string | undefined;
  readonly code?: string | undefined;
  /** Duplicates alone, or all but these; both when absent. */
  readonly isDuplicate?: boolean | undefined;
  /** The payload keys that may name the customer; what is rejected need not have a meter. */
  readonly customerKeys: readonly string[];
};

/**
 * What became of an accepted event. Cancelled is said before superseded. Superseded: on a meter with an
 * `event_time_window`, an event of the same customer and window was received later, and is not cancelled.
 */
export type EventState =
  | { readonly status: 'counted' }
  | { readonly status: 'superseded'; readonly by: EventName }
  | ({ readonly status: 'cancelled' } & Pick<Cancellation, 'cancelledAtMs' | 'requestId'>);

export type EventName = Pick<MeterEvent, 'sequence' | 'identifier'>;

export type FoundEvent = { readonly event: MeterEvent; readonly state: EventState };

export type EventSearcher = {
  /** In the order of `place`; at most `limit`. */
  findEvents(search: EventSearch, patience?: Patience): Promise<readonly FoundEvent[]>;
  /** As `findEvents`, of what was answered with success and could not be counted. */
  findRejections(search: RejectionSearch, patience?: Patience): Promise<readonly RejectedEvent[]>;
};
