/**
 * The queries that say what became of events, as pure functions of what is asked. The events of a page are found
 * first, by sequence; what became of them is asked for these few alone.
 */
import type { MeterEvent, RejectedEvent } from '../../domain/meter-events/meter-event.ts';
import type { EventTimeWindow } from '../../domain/meter.ts';
import type { Namespace } from '../../domain/namespace.ts';
import { formatQuantity, parseQuantity } from '../../domain/quantity.ts';
import { windowMs, windowStartMs } from '../../domain/windows.ts';
import type {
  EventSearch,
  Place,
  RejectionSearch,
  SearchedMeter,
  TimeRange,
} from '../event-search.ts';
import { EVENT_COLUMNS } from './event.ts';
import { SAID_TIME_MS } from './said-time.ts';
import type { Statement } from './statement.ts';

/** Rows of EVENT_COLUMNS. */
export function findEventsSql(search: EventSearch): Statement {
  const where = new Conditions(search.namespace);
  where.add('meter IN {meters:Array(String)}', { meters: idsOf(search.meters) });
  const { identifier, customer, timestampMs, receivedAtMs, status, lastOf } = search;
  if (lastOf !== undefined) where.add('identifier IN {lastOf:Array(String)}', { lastOf });
  if (identifier !== undefined) where.add('identifier = {identifier:String}', { identifier });
  if (customer !== undefined) where.add('customer = {customer:String}', { customer });
  if (timestampMs !== undefined) where.addRange('events.timestamp', timestampMs);
  if (receivedAtMs !== undefined) where.addRange('received_at', receivedAtMs);
  for (const [key, text] of search.payload ?? []) addPayload(where, search.meters, key, text);
  if (status !== undefined) addStatus(where, search, status);
  return where.page('events', EVENT_COLUMNS, search, lastOf && 'identifier');
}

/** The row of a rejected event. */
export type RejectionRow = [
  namespace: Namespace,
  sequence: string,
  receivedAtMs: string,
  eventName: string,
  identifier: string,
  meterId: string,
  sent: string,
  code: string,
  message: string,
  requestId: string,
  duplicateOf: string,
];

const REJECTION_COLUMNS = `namespace, toString(sequence), toString(toUnixTimestamp64Milli(received_at)), event_name,
  identifier, meter, sent, code, message, request_id, toString(duplicate_of)`;

/** Rows of RejectionRow. What an event said is read out of its JSON as it was sent. */
export function findRejectionsSql(search: RejectionSearch): Statement {
  const where = new Conditions(search.namespace);
  const { eventName, code, identifier, customer, customerKeys, isDuplicate } = search;
  if (isDuplicate !== undefined) where.add(isDuplicate ? 'duplicate_of > 0' : 'duplicate_of = 0');
  if (eventName !== undefined) where.add('event_name = {eventName:String}', { eventName });
  if (code !== undefined) where.add('code = {code:String}', { code });
  if (identifier !== undefined) where.add('identifier = {identifier:String}', { identifier });
  if (customer !== undefined) {
    where.add(
      `arrayExists(key -> JSONExtractString(sent, 'payload', key) = {customer:String}, {customerKeys:Array(String)})`,
      { customer, customerKeys },
    );
  }
  if (search.timestampMs !== undefined) {
    const { fromMs, toMs } = search.timestampMs;
    // No event says a time further off.
    where.add(`${SAID_TIME_MS} BETWEEN {saidFrom:Integer} AND {saidTo:Integer}`, {
      saidFrom: Math.max(fromMs, Number.MIN_SAFE_INTEGER),
      saidTo: Math.min(toMs, Number.MAX_SAFE_INTEGER) - 1,
    });
  }
  if (search.receivedAtMs !== undefined) where.addRange('received_at', search.receivedAtMs);
  for (const [key, text] of search.payload ?? []) {
    const [name, value] = where.name('key', 'text');
    where.add(
      `JSONType(sent, 'payload', {${name}:String}) = 'String'
        AND JSONExtractString(sent, 'payload', {${name}:String}) = {${value}:String}`,
      { [name]: key, [value]: text },
    );
  }
  return where.page('rejections', REJECTION_COLUMNS, search);
}

export function toRejectedEvent(row: RejectionRow): RejectedEvent {
  const [namespace, sequence, receivedAtMs, eventName, identifier, meterId, ...rest] = row;
  const [sent, code, message, requestId, duplicateOf] = rest;
  return {
    namespace,
    sequence: Number(sequence),
    receivedAtMs: Number(receivedAtMs),
    eventName,
    identifier,
    meterId,
    sent,
    code,
    message,
    requestId,
    ...(duplicateOf === '0' ? {} : { duplicateOf: Number(duplicateOf) }),
  };
}

/** Rows of (sequence, cancelled at in ms, request id), of those of these events that are cancelled. */
export function cancellationsOfSql(events: readonly MeterEvent[]): Statement {
  return {
    sql: `
      SELECT
        toString(sequence),
        toString(toUnixTimestamp64Milli(min(cancelled_at))),
        argMin(request_id, cancelled_at)
      FROM cancellations
      WHERE namespace = {namespace:String} AND meter IN {meters:Array(String)} AND sequence IN {sequences:Array(Integer)}
      GROUP BY sequence`,
    params: {
      namespace: events[0]?.namespace ?? '',
      meters: [...new Set(events.map(({ meterId }) => meterId))],
      sequences: events.map(({ sequence }) => sequence),
    },
  };
}

/** One customer's window of a meter with an `event_time_window`. */
export type EventWindow = Pick<MeterEvent, 'meterId' | 'customer' | 'timestampMs'> & {
  readonly window: EventTimeWindow;
};

/** Rows of (number of the window in `windows`, sequence and identifier of the event that counts in it). */
export function survivorsSql(namespace: Namespace, windows: readonly EventWindow[]): Statement {
  const params: Record<string, string | number> = { namespace };
  const selects = windows.map(({ meterId, customer, timestampMs, window }, index) => {
    const fromMs = windowStartMs(window, timestampMs);
    params[`meter${index}`] = meterId;
    params[`customer${index}`] = customer;
    params[`from${index}`] = fromMs;
    params[`to${index}`] = fromMs + windowMs(window);
    return `
      SELECT ${index} AS number, toString(max(events.sequence)), argMax(identifier, events.sequence)
      FROM events
      WHERE namespace = {namespace:String}
        AND meter = {meter${index}:String}
        AND customer = {customer${index}:String}
        AND timestamp >= fromUnixTimestamp64Milli({from${index}:Integer}, 'UTC')
        AND timestamp < fromUnixTimestamp64Milli({to${index}:Integer}, 'UTC')
        AND sequence NOT IN (${CANCELLED} AND meter = {meter${index}:String})
      GROUP BY number`;
  });
  return { sql: selects.join(' UNION ALL '), params };
}

const CANCELLED = `SELECT sequence FROM cancellations WHERE namespace = {namespace:String}`;

/** What a WHERE asks for, with the values for its placeholders. */
class Conditions {
  readonly #conditions = ['namespace = {namespace:String}'];
  readonly #params: Record<string, string | number | readonly string[]>;
  #names = 0;

  constructor(namespace: Namespace) {
    this.#params = { namespace };
  }

  add(condition: string, params: Statement['params'] = {}): void {
    this.#conditions.push(`(${condition})`);
    Object.assign(this.#params, params);
  }

  addRange(column: string, { fromMs, toMs }: TimeRange): void {
    const [from, to] = this.name('from', 'to');
    const compare = (operator: string, name: string, timeMs: number): void => {
      if (!Number.isFinite(timeMs)) return;
      this.add(`${column} ${operator} fromUnixTimestamp64Milli({${name}:Integer}, 'UTC')`, {
        [name]: timeMs,
      });
    };
    compare('>=', from, fromMs);
    compare('<', to, toMs);
  }

  /** Two names for placeholders that no other condition has. */
  name(first: string, second: string): readonly [string, string] {
    this.#names += 1;
    return [`${first}${this.#names}`, `${second}${this.#names}`];
  }

  /**
   * In this form ClickHouse looks into few granules, those whose minmax index promises the most. `oneOf`: of rows with
   * the same value in this column only the first.
   */
  page(
    table: string,
    columns: string,
    { place, limit }: { readonly place: Place; readonly limit: number },
    oneOf?: string,
  ): Statement {
    const { after, before, order } = place;
    this.add('sequence > {after:Integer} AND sequence < {before:Integer}', { after, before });
    return {
      sql: `
        SELECT ${columns}
        FROM ${table}
        WHERE ${this.#conditions.join('\n          AND ')}
        ORDER BY ${table}.sequence ${order === 'newest_first' ? 'DESC' : 'ASC'}
        ${oneOf === undefined ? '' : `LIMIT 1 BY ${oneOf}`}
        LIMIT {limit:Integer}`,
      params: { ...this.#params, limit },
    };
  }
}

/** A row says its customer and its value in columns of their own (see `restOf`). */
function addPayload(
  where: Conditions,
  meters: readonly SearchedMeter[],
  key: string,
  text: string,
): void {
  const [name, value] = where.name('key', 'text');
  const [customerMeters, valueMeters] = where.name('customerMeters', 'valueMeters');
  const any = [
    `mapContains(payload, {${name}:String}) AND payload[{${name}:String}] = {${value}:String}`,
    `meter IN {${customerMeters}:Array(String)} AND customer = {${value}:String}`,
  ];
  const quantity = parseQuantity(text);
  if (typeof quantity === 'bigint' && formatQuantity(quantity) === text) {
    any.push(
      `meter IN {${valueMeters}:Array(String)} AND NOT mapContains(payload, {${name}:String})
        AND value = toDecimal128({${value}:String}, 12)`,
    );
  }
  where.add(any.map((one) => `(${one})`).join(' OR '), {
    [name]: key,
    [value]: text,
    [customerMeters]: idsOf(meters.filter(({ customerKey }) => customerKey === key)),
    [valueMeters]: idsOf(
      meters.filter(
        ({ formula, customerKey, valueKey }) =>
          formula !== 'count' && valueKey === key && customerKey !== key,
      ),
    ),
  });
}

function addStatus(
  where: Conditions,
  search: EventSearch,
  status: NonNullable<EventSearch['status']>,
): void {
  if (status === 'cancelled') return where.add(`sequence IN (${CANCELLED})`);
  where.add(`sequence NOT IN (${CANCELLED})`);
  const windowed = search.meters.filter(({ eventTimeWindow }) => eventTimeWindow !== null);
  const params = {
    windowed: idsOf(windowed),
    hourly: idsOf(windowed.filter(({ eventTimeWindow }) => eventTimeWindow === 'hour')),
    daily: idsOf(windowed.filter(({ eventTimeWindow }) => eventTimeWindow === 'day')),
  };
  const survives = `sequence IN (${allSurvivors(search, 'hourly', 'hour')} UNION ALL ${allSurvivors(search, 'daily', 'day')})`;
  if (status === 'superseded') {
    where.add(`meter IN {windowed:Array(String)} AND NOT ${survives}`, params);
  } else if (windowed.length > 0) {
    where.add(`meter NOT IN {windowed:Array(String)} OR ${survives}`, params);
  }
}

/** The sequences of the events that count, one a customer and window. */
function allSurvivors(
  { customer }: EventSearch,
  meters: 'hourly' | 'daily',
  window: EventTimeWindow,
): string {
  return `
    SELECT max(sequence) FROM events
    WHERE namespace = {namespace:String}
      AND meter IN {${meters}:Array(String)}
      ${customer === undefined ? '' : 'AND customer = {customer:String}'}
      AND sequence NOT IN (${CANCELLED})
    GROUP BY meter, customer, intDiv(toUnixTimestamp(timestamp), ${windowMs(window) / 1000})`;
}

function idsOf(meters: readonly SearchedMeter[]): readonly string[] {
  return meters.map(({ id }) => id);
}
