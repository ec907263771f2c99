/**
 * What the catalog keeps of core events: each with the change that it tells of, in one transaction, and with one
 * delivery for each destination that wants it. So a crash neither loses nor invents an event, and what was not delivered
 * is found on the next start.
 */
import type { CoreEvent, Payload } from '../domain/core-events/core-event.ts';
import type { Attempt, Delivery, DeliveryState } from '../domain/core-events/delivery.ts';
import type { Destination } from '../domain/core-events/destination.ts';
import type { Namespace } from '../domain/namespace.ts';
import type { Page, PageQuery, Remember } from './catalog.ts';

/**
 * What a change tells of. It is asked within the transaction, with what was changed and what that was before (undefined:
 * newly made), and only when something changed. Its events are kept with the change, or neither is.
 */
export type Announce<T> = ((after: T, before: T | undefined) => readonly CoreEvent[]) | undefined;

export type CoreEvents = {
  /**
   * Keeps events that tell of no row in the catalog, in one transaction. With `only`, the id of a destination, they go
   * there and nowhere else, whatever it wants: undefined when there is no such destination.
   */
  record(
    events: readonly CoreEvent[],
    options?: { readonly only?: string; readonly remember?: Remember<readonly CoreEvent[]> },
  ): Promise<'recorded' | undefined>;
  find(namespace: Namespace, id: string): Promise<FoundCoreEvent | undefined>;
  /**
   * Those that the API of `payload` has a type for. Throws ApiError `resource_missing_in_body` when the cursor names no
   * event. Of very many events with a filter that few pass, a page may have fewer than its limit and say that there are
   * more; never none.
   */
  list(
    namespace: Namespace,
    payload: Payload,
    page: PageQuery,
    filter?: CoreEventFilter,
  ): Promise<Page<FoundCoreEvent>>;
  /** Forgets events made before `beforeMs` with their deliveries, and the deliveries to destinations that were deleted. */
  prune(beforeMs: number): Promise<void>;
};

/** How many deliveries have not succeeded: Stripe's `pending_webhooks`. */
export type FoundCoreEvent = CoreEvent & { readonly pendingWebhooks: number };

export type CoreEventFilter = {
  /** Any of these types; `*` in one stands for any text. */
  readonly types?: readonly string[] | undefined;
  readonly objectId?: string | undefined;
  /** Half open. */
  readonly createdMs?: { readonly fromMs: number; readonly toMs: number } | undefined;
  /** Whether every delivery succeeded. */
  readonly delivered?: boolean | undefined;
};

export type Destinations = {
  /** Throws ApiError `too_many_destinations` past DESTINATIONS_MAX of the namespace. */
  create(destination: Destination, remember?: Remember<Destination>): Promise<void>;
  /** As `Meters.change`. A deleted one counts as missing, and nothing is delivered to it any more. */
  change(
    namespace: Namespace,
    id: string,
    change: (destination: Destination) => Destination,
    remember?: Remember<Destination>,
    announce?: Announce<Destination>,
  ): Promise<Destination | undefined>;
  /** Not the deleted ones. */
  find(namespace: Namespace, id: string): Promise<Destination | undefined>;
  /** Without the deleted ones, which still do as a cursor. With `payload`: only those that take it. */
  list(namespace: Namespace, page: PageQuery, payload?: Payload): Promise<Page<Destination>>;
};

/** Names a destination within the process; not its id, which is unique only within a namespace. */
export type Lane = number;

/** A delivery that is due. */
export type Due = {
  readonly lane: Lane;
  /** Names the delivery, for `settle`. */
  readonly delivery: number;
  readonly event: FoundCoreEvent;
  readonly destination: Destination;
  /** Tries before this one, since it began or was sent again. */
  readonly tries: number;
  readonly attempts: readonly Attempt[];
};

/** What became of a try. */
export type Settled = Pick<Due, 'lane' | 'delivery' | 'attempts'> & {
  readonly tries: number;
  readonly state: DeliveryState;
  /** When to try again; null unless `state` is pending. */
  readonly dueMs: number | null;
  /** Of the destination from now on. */
  readonly failingSinceMs: number | null;
};

export type Deliveries = {
  /** Newest event first; cursors are ids of events. Throws as `CoreEvents.list` does for a cursor without a delivery. */
  list(
    namespace: Namespace,
    destinationId: string,
    page: PageQuery,
    state?: DeliveryState,
  ): Promise<Page<Delivery>>;
  /**
   * Makes the event due now, as if it were new: at one destination whatever types it wants (unless it is disabled, or
   * the event has nothing that it takes), or else at every one that wants it. Answers the ids of those; undefined when
   * there is no such event, or no such destination.
   */
  resend(
    namespace: Namespace,
    eventId: string,
    destinationId: string | undefined,
    nowMs: number,
  ): Promise<readonly string[] | undefined>;

  /** Each lane that has something pending, with the time when the first of it is due. */
  lanes(): readonly { readonly lane: Lane; readonly dueMs: number }[];
  /** The same of one lane; undefined when nothing is pending. */
  dueMs(lane: Lane): number | undefined;
  /** What is due first in the lane, events in the order they were made; undefined when nothing is due by `nowMs`. */
  findDue(lane: Lane, nowMs: number): Due | undefined;
  /**
   * Keeps the outcomes of tries, without waiting for the disk: what a crash loses of it is delivered again. What was
   * deleted meanwhile stays deleted.
   */
  settle(outcomes: readonly Settled[]): void;
  /** `listener` is called when deliveries become due by `record` or `resend`; perhaps before their commit, so look later. */
  onDue(listener: (lanes: readonly Lane[]) => void): void;
};
