/** One good call of each route: with the names of what is there, and a new identifier, it is answered 200. */
import assert from 'node:assert/strict';
import type { Route } from '../../api/route.ts';

/** The names of what a namespace holds. */
export type Names = {
  readonly meter: string;
  readonly eventName: string;
  readonly customer: string;
  readonly account: string;
  readonly identifier: string;
  readonly alert: string;
  readonly event: string;
  readonly endpoint: string;
  readonly destination: string;
};

export type Sent = {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
};
export type Fields = Readonly<Record<string, unknown>>;

/** What each call sends beside the ids in its path, which are filled in by what stands before them. */
const FIELDS: Readonly<Record<string, (names: Names) => Fields>> = {
  'POST /v1/billing/meters': ({ eventName }) => ({
    display_name: 'M',
    event_name: `another ${eventName}`,
    'default_aggregation[formula]': 'sum',
  }),
  'GET /v1/billing/meters/:id': () => ({}),
  'POST /v1/billing/meters/:id': () => ({ display_name: 'N' }),
  'GET /v1/billing/meters': ({ meter }) => ({ ending_before: meter }),
  'POST /v1/billing/meters/:id/deactivate': () => ({}),
  'POST /v1/billing/meters/:id/reactivate': () => ({}),
  'GET /v1/billing/meters/:id/event_summaries': ({ customer }) => ({
    customer,
    start_time: 0,
    end_time: 86_400,
  }),
  'POST /v1/billing/meter_events': (names) => ({
    event_name: names.eventName,
    'payload[stripe_customer_id]': names.customer,
    'payload[value]': 1,
    identifier: names.identifier,
  }),
  'GET /v1/billing/meter_events': ({ identifier }) => ({ identifier }),
  'GET /v1/billing/meter_events/:identifier': () => ({}),
  'POST /v2/billing/meter_events': anEvent,
  'POST /v2/billing/meter_event_stream': (names) => ({ events: [anEvent(names)] }),
  'POST /v2/billing/meter_event_session': () => ({}),
  'POST /v1/billing/meter_event_adjustments': ({ eventName, identifier }) => ({
    event_name: eventName,
    type: 'cancel',
    'cancel[identifier]': identifier,
  }),
  'POST /v2/billing/meter_event_adjustments': ({ eventName, identifier }) => ({
    event_name: eventName,
    type: 'cancel',
    cancel: { identifier },
  }),
  'POST /v1/billing/alerts': ({ meter }) => ({
    title: 'A',
    alert_type: 'usage_threshold',
    'usage_threshold[meter]': meter,
    'usage_threshold[gte]': 1000,
    'usage_threshold[recurrence]': 'one_time',
  }),
  'GET /v1/billing/alerts/:id': () => ({}),
  'GET /v1/billing/alerts': ({ alert }) => ({ ending_before: alert }),
  'POST /v1/billing/alerts/:id/activate': () => ({}),
  'POST /v1/billing/alerts/:id/deactivate': () => ({}),
  'POST /v1/billing/alerts/:id/archive': () => ({}),
  'GET /v1/events': ({ event }) => ({ ending_before: event }),
  'GET /v1/events/:id': () => ({}),
  'POST /v1/events/:id/retry': () => ({}),
  'POST /v1/webhook_endpoints': () => ({ url: 'https://example.com', 'enabled_events[0]': '*' }),
  'GET /v1/webhook_endpoints/:id': () => ({}),
  'POST /v1/webhook_endpoints/:id': () => ({ description: 'W' }),
  'GET /v1/webhook_endpoints': ({ endpoint }) => ({ ending_before: endpoint }),
  'GET /v1/webhook_endpoints/:id/deliveries': () => ({}),
  'DELETE /v1/webhook_endpoints/:id': () => ({}),
  'POST /v2/core/event_destinations': () => ({
    name: 'D',
    type: 'webhook_endpoint',
    event_payload: 'thin',
    enabled_events: ['*'],
    webhook_endpoint: { url: 'https://example.com' },
  }),
  'GET /v2/core/event_destinations/:id': () => ({}),
  'POST /v2/core/event_destinations/:id': () => ({ name: 'E' }),
  'GET /v2/core/event_destinations': () => ({ limit: 1 }),
  'POST /v2/core/event_destinations/:id/ping': () => ({}),
  'POST /v2/core/event_destinations/:id/rotate_secret': () => ({}),
  'POST /v2/core/event_destinations/:id/disable': () => ({}),
  'POST /v2/core/event_destinations/:id/enable': () => ({}),
  'DELETE /v2/core/event_destinations/:id': () => ({}),
  'GET /v2/core/events': ({ meter }) => ({ object_id: meter }),
  'GET /v2/core/events/:id': () => ({}),
  'POST /v1/customers': () => ({ name: 'C' }),
  'GET /v1/customers/:id': () => ({}),
  'POST /v1/customers/:id': () => ({ name: 'D' }),
  'DELETE /v1/customers/:id': () => ({}),
  'GET /v1/customers': ({ customer }) => ({ starting_after: customer }),
  'GET /v1/customers/search': ({ customer }) => ({ query: `-name:'${customer}'` }),
  'GET /v1/account': () => ({}),
  'GET /v1/accounts/:id': () => ({}),
};

function anEvent({ eventName, customer, identifier }: Names): Fields {
  return {
    event_name: eventName,
    payload: { stripe_customer_id: customer, value: '1' },
    identifier,
  };
}

/** What `:id` in a path names. */
function kindOf(path: string): keyof Names {
  if (path.startsWith('/v1/customers')) return 'customer';
  if (path.startsWith('/v1/accounts')) return 'account';
  if (/^\/v\d\/(?:core\/)?events/u.test(path)) return 'event';
  if (path.startsWith('/v1/webhook_endpoints')) return 'endpoint';
  if (path.startsWith('/v2/core/event_destinations')) return 'destination';
  return path.startsWith('/v1/billing/alerts') ? 'alert' : 'meter';
}

/** The call of a route with these names, as it goes on the wire; without a key. `change` makes another of it. */
export function exampleCall(
  origin: string,
  route: Route,
  names: Names,
  change = (fields: Fields): Fields => fields,
): Sent {
  const { method, path } = route;
  const example = FIELDS[`${method} ${path}`]?.(names);
  assert.ok(example, `example-calls.ts has no call of ${method} ${path}: write one`);
  const fields = change(example);
  const url =
    origin + path.replace(':identifier', names.identifier).replace(':id', names[kindOf(path)]);
  // Who prefers it is told what became of each event of a stream.
  const headers = { prefer: 'return=representation' };
  if (route.body !== undefined) {
    const type = { 'content-type': 'application/json' };
    return { url, method, headers: { ...headers, ...type }, body: JSON.stringify(fields) };
  }
  const form = String(new URLSearchParams(fields as Record<string, string>));
  if (method !== 'POST') return { url: `${url}?${form}`, method, headers };
  const type = { 'content-type': 'application/x-www-form-urlencoded' };
  return { url, method, headers: { ...headers, ...type }, body: form };
}
