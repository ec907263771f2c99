/**
 * The catalog: what changes seldom and must never be lost. Accounts, keys, sessions, meters, customers, alerts, the events
 * that tell of changes with the destinations that they go to (core-events.ts), and the first answers to keyed requests that
 * changed one of these.
 *
 * Promises, checked by `contract.ts` on every implementation:
 * - A call that returns has its change on disk; one that throws changed nothing. Where there is no room for a
 *   change, it throws ApiError `unavailable`.
 * - The answer to a keyed request is stored in the same transaction as the change that it reports, and so are the
 *   events that tell of it.
 * - A namespace never sees another one's rows (P7).
 * - Lists are newest first, in the order of creation, also within one second.
 */
import type { Alert, Trigger } from '../domain/alert.ts';
import type { AlertsOfMeters } from '../domain/alerts-of-meters.ts';
import type { CoreEvent } from '../domain/core-events/core-event.ts';
import type { Customer } from '../domain/customers/customer.ts';
import type { SearchQuery } from '../domain/customers/search-query.ts';
import type { Key } from '../domain/key.ts';
import type { Meter, MeterStatus } from '../domain/meter.ts';
import type { Namespace } from '../domain/namespace.ts';
import type { Announce, CoreEvents, Deliveries, Destinations } from './core-events.ts';

export type Catalog = {
  readonly meters: Meters;
  readonly customers: Customers;
  readonly keys: Keys;
  readonly sessions: Sessions;
  readonly alerts: Alerts;
  readonly errorReports: ErrorReports;
  readonly answers: Answers;
  readonly coreEvents: CoreEvents;
  readonly destinations: Destinations;
  readonly deliveries: Deliveries;
  /** Brings what is here at the moment of the call into a new file; resolves when it is there. Changes go on. */
  copyTo(file: string): Promise<void>;
  /** Resolves, with what failed, when a write may have got half to disk: the process must stop (P9). */
  readonly failure: Promise<unknown>;
  close(): void;
};

/** How far `Keys.find` may lag behind keys revoked by another process: too short for anyone to notice. */
export const KEYS_STALE_MS = 250;

/**
 * One page of a list: at most `limit` rows next to the cursor, which is an id and is left out itself, and none once those
 * before it have PAGE_BYTES_MAX.
 */
export type PageQuery = {
  readonly limit: number;
  readonly startingAfter?: string | undefined;
  readonly endingBefore?: string | undefined;
  readonly caller?: Caller | undefined;
};
/**
 * What the texts of a page's rows take, but for the last of them: a hundred ordinary rows take 30 to 100 KB, a hundred of the
 * longest that there can be 15 MB.
 */
export const PAGE_BYTES_MAX = 1024 * 1024;
/** Whom a long read is for. Once it is gone, the read may end by throwing any error. */
export type Caller = { readonly isGone: boolean };
/** Newest first. `hasMore` looks in the direction of travel: older rows, or newer ones with `endingBefore`. */
export type Page<T> = { readonly data: readonly T[]; readonly hasMore: boolean };

/** What to keep, beside a change, of the first answer to a keyed request; undefined when there was no key. */
export type Remember<T> = ((changed: T) => SavedAnswer) | undefined;

export type Meters = {
  /**
   * Throws ApiError `event_name_taken` (param `event_name`) when an active meter has the event name, and `too_many_meters`
   * past METERS_MAX of the namespace or METERS_OF_EVENT_NAME_MAX of the event name.
   */
  create(meter: Meter, remember?: Remember<Meter>, announce?: Announce<Meter>): Promise<void>;
  /**
   * Reads, applies `change` (pure), writes, remembers, announces: in one transaction. Undefined when there is no such
   * meter. Throws `event_name_taken` when the change would make a second active meter of an event name.
   */
  change(
    namespace: Namespace,
    id: string,
    change: (meter: Meter) => Meter,
    remember?: Remember<Meter>,
    announce?: Announce<Meter>,
  ): Promise<Meter | undefined>;
  find(namespace: Namespace, id: string): Promise<Meter | undefined>;
  /** Throws ApiError `resource_missing_in_body` (param = the cursor's name) when the cursor names no meter. */
  list(namespace: Namespace, page: PageQuery, status?: MeterStatus): Promise<Page<Meter>>;
  /**
   * The meters of an event name: the active one first if there is one, then the inactive ones, newest first.
   * From memory: ingest asks this for every event.
   */
  ofEventName(namespace: Namespace, eventName: string): readonly Meter[];
  /** All meters, in no order. From memory. */
  ofNamespace(namespace: Namespace): readonly Meter[];
};

export type Customers = {
  /**
   * Throws ApiError `resource_already_exists` (param `id`) when the id is taken, or its twin (`twinOf`). One that was
   * deleted is free: the new customer takes its place, as the newest.
   */
  create(
    customer: Customer,
    remember?: Remember<Customer>,
    announce?: Announce<Customer>,
  ): Promise<void>;
  /** As `Meters.change`. A deleted customer counts as missing. */
  change(
    namespace: Namespace,
    id: string,
    change: (customer: Customer) => Customer,
    remember?: Remember<Customer>,
    announce?: Announce<Customer>,
  ): Promise<Customer | undefined>;
  /** Finds deleted ones too: Stripe answers `deleted: true` for them. */
  find(namespace: Namespace, id: string): Promise<Customer | undefined>;
  /**
   * Without the deleted ones. A deleted one still does as a cursor, for a client that deletes while it
   * pages; a cursor that names no customer is refused as `Meters.list` refuses it.
   */
  list(namespace: Namespace, page: PageQuery, filter?: CustomerFilter): Promise<Page<Customer>>;
  /**
   * What the query finds of the customers that are there at the moment of the call, newest first, those of test clocks
   * too. However many there are, no more than some milliseconds go by without a turn of the event loop. `page.after` is a
   * cursor, refused (param `page`) as those of lists.
   */
  search(
    namespace: Namespace,
    query: SearchQuery,
    page: SearchPage,
  ): Promise<Page<Customer> & { readonly total: number | undefined }>;
};

export type CustomerFilter = {
  /** Compared exactly, case and all (Stripe: list customers). */
  readonly email?: string | undefined;
  /** Those of this test clock; when it is left out, those of none (Stripe: list customers). */
  readonly testClock?: string | undefined;
  /** Half open. */
  readonly createdS?: { readonly from: number; readonly to: number } | undefined;
};

/** As PageQuery. */
export type SearchPage = {
  readonly limit: number;
  readonly after?: string | undefined;
  /** Whether to count all that the query finds: the price is to look at all. */
  readonly countsAll: boolean;
  readonly caller?: Caller | undefined;
};

export type Keys = {
  /** The account that the catalog was made with: the same for ever, in every process. */
  defaultAccount(): string;
  /** When the account was made; undefined when there is none. */
  accountCreatedMs(account: string): number | undefined;
  /**
   * Stores only the SHA-256 of the secret, and makes the key's account if it is a new one. Throws StartupError when there are
   * KEYS_MAX that are not revoked, since all of these are in memory.
   */
  create(key: Key, secretSha256: string): Promise<void>;
  /** Newest first, the revoked ones too. */
  list(): Promise<readonly Key[]>;
  /** False when there is no such key. Revoking twice keeps the first time. */
  revoke(id: string, nowMs: number): Promise<boolean>;
  /**
   * The key with this secret, unless it is revoked; an expired one too. From memory: a key made by another process
   * is found at once, one that it revoked is refused within `KEYS_STALE_MS`.
   */
  find(secretSha256: string): Key | undefined;
  /** The same by its id. */
  findById(id: string): Key | undefined;
  /** Whether this was the secret of a key that is revoked: who brings it has known it, and guesses nothing. */
  isRevoked(secretSha256: string): boolean;
  /** Costs no write: kept in memory until `saveUse`, so a crash may lose what was noted since. */
  noteUse(id: string, nowMs: number): void;
  /** Brings the noted uses to disk. */
  saveUse(): Promise<void>;
};

/** A meter event session: until it expires or its key is revoked, its token opens the stream of one namespace. */
export type Session = {
  readonly id: string;
  readonly namespace: Namespace;
  /** The key that opened it. */
  readonly keyId: string;
  readonly createdMs: number;
  readonly expiresAtMs: number;
};

/** How long an expired session is still known as one, so that its client is told that it has expired. */
export const SESSION_KEPT_MS = 24 * 60 * 60 * 1000;
/** How many of a namespace are known at once: a hundred new ones a second, for a quarter of an hour. */
export const SESSIONS_MAX = 100_000;
/** How many of these one key may have: what one takes, by mistake or in the wrong hands, leaves room for the others. */
export const SESSIONS_OF_KEY_MAX = SESSIONS_MAX / 2;

export type Sessions = {
  /**
   * Stores only the SHA-256 of the token. Forgets sessions that expired SESSION_KEPT_MS ago. When the namespace has
   * SESSIONS_MAX, it forgets some of a key that is not usable any more (all are, unless `isUsable` is given), or one that has
   * expired; when the key itself has
   * SESSIONS_OF_KEY_MAX, an expired one of its own. Throws ApiError `rate_limit` when there is none to forget.
   */
  create(
    session: Session,
    tokenSha256: string,
    isUsable?: (keyId: string) => boolean,
  ): Promise<void>;
  /** An expired one too, for SESSION_KEPT_MS at least. From memory: the stream asks this for every request. */
  find(tokenSha256: string): Session | undefined;
};

export type Alerts = {
  /** Throws ApiError `too_many_alerts` past ALERTS_MAX of the namespace, and past ALERTS_ABOUT_ONE_MAX. */
  create(alert: Alert, remember?: Remember<Alert>): Promise<void>;
  /** As `Meters.change`. Throws `too_many_alerts` when the change would make one active past ALERTS_ABOUT_ONE_MAX. */
  change(
    namespace: Namespace,
    id: string,
    change: (alert: Alert) => Alert,
    remember?: Remember<Alert>,
  ): Promise<Alert | undefined>;
  /** Finds archived ones too. */
  find(namespace: Namespace, id: string): Promise<Alert | undefined>;
  /** Without the archived ones, which still do as a cursor; a cursor that names none is refused. */
  list(namespace: Namespace, page: PageQuery, meterId?: string): Promise<Page<Alert>>;
  /** From memory: the active ones, of all namespaces. */
  readonly active: Pick<AlertsOfMeters, 'meterIds' | 'hasMeter' | 'about' | 'count'>;
  /**
   * Writes down that alerts fired, each with the events that tell of it, in one transaction. Answers how many did: one that
   * had for this customer and period, or is not active any more, is left out with its events.
   */
  trigger(fired: readonly Fired[]): Promise<number>;
  hasTriggered(alertId: string, customer: string, periodStartMs: number): boolean;
  /** Up to which event it is known that all were looked at; 0 at first. */
  readonly seenSequence: number;
  saveSeenSequence(sequence: number): Promise<void>;
};

/** An alert that fired, and the events that tell of it. */
export type Fired = { readonly trigger: Trigger; readonly events: readonly CoreEvent[] };

export type ErrorReports = {
  /** Up to which event all rejections were reported; undefined before the first time. */
  readonly seenSequence: number | undefined;
  /** Keeps the events that tell of rejections, and that all up to this sequence are told of, in one transaction. */
  record(events: readonly CoreEvent[], seenSequence: number): Promise<void>;
};

/** The first answer to a keyed request. */
export type SavedAnswer = {
  readonly namespace: Namespace;
  readonly idempotencyKey: string;
  /** The key that was answered; empty when an earlier version did not write it down. */
  readonly keyId: string;
  /** Hash of method, path and parameters: tells a retry from another request with the same key. */
  readonly fingerprint: string;
  readonly status: number;
  readonly body: string;
  readonly requestId: string;
  readonly createdMs: number;
};

export type Answers = {
  find(namespace: Namespace, idempotencyKey: string): Promise<SavedAnswer | undefined>;
  /** Every remembered key, for the table in memory that is asked first. */
  keys(): Iterable<{
    readonly namespace: Namespace;
    readonly idempotencyKey: string;
    readonly createdMs: number;
  }>;
  /** Forgets answers made before `beforeMs`. */
  prune(beforeMs: number): Promise<void>;
};
