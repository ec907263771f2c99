/**
 * What a server answers and sends about objects with something in them fits Stripe's published schema of v1, and has no
 * number that a client of 64-bit integers cannot read. src/cli/stripe-schema.test.ts calls every route once.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { call, errorOf } from '../support/http.ts';
import { unique } from '../support/random.ts';
import type { Server } from '../support/server.ts';
import { openStream, postStream, TELL } from '../support/stream.ts';
import { StripeSchema, unreadableNumbers } from '../support/stripe-schema.ts';
import { dayStart, nowS } from '../support/times.ts';
import { until } from '../support/wait.ts';
import type { Receiver } from '../support/webhook-receiver.ts';
import { startWithReceiver } from '../support/webhooks.ts';

const schema = StripeSchema.load();
let server: Server;
let receiver: Receiver;
before(async () => {
  ({ server, receiver } = await startWithReceiver());
});
after(async () => {
  await receiver.close();
  await server.remove();
});

type Fields = Readonly<Record<string, string | number>>;
type Found = Readonly<Record<string, unknown>> & { readonly id: string };

/** Makes a call; its answer must be readable, and fit the schema where there is one. */
async function ask(method: string, path: string, fields?: Fields, status = 200): Promise<Found> {
  const answer = await call(server, { method, path, ...(fields && { body: fields }) });
  assert.equal(answer.status, status, answer.text);
  assert.deepEqual(unreadableNumbers(answer.text), [], answer.text);
  const wrong = typeof schema === 'string' ? [] : schema.wrongWith(method, path, answer);
  assert.deepEqual(wrong ?? [], [], `${method} ${path}: ${answer.text}`);
  return JSON.parse(answer.text) as Found;
}

const get = async (path: string): Promise<Found> => await ask('GET', path);
const post = async (path: string, fields: Fields = {}): Promise<Found> =>
  await ask('POST', path, fields);

const METERS = '/v1/billing/meters';
const ALERTS = '/v1/billing/alerts';

async function aMeter(fields: Fields = {}): Promise<Found & { readonly event_name: string }> {
  const event_name = unique('m');
  const good = { display_name: 'M', event_name, 'default_aggregation[formula]': 'sum' };
  return { ...(await post(METERS, { ...good, ...fields })), event_name };
}

async function aCustomer(): Promise<Found> {
  return await post('/v1/customers', {
    name: 'Ada',
    email: 'ada@example.com',
    description: 'first',
    phone: '1',
    'metadata[k]': 'v',
  });
}

function alertFields(meter: Found, more: Fields): Fields {
  return {
    title: 'Much',
    alert_type: 'usage_threshold',
    'usage_threshold[meter]': meter.id,
    'usage_threshold[recurrence]': 'one_time',
    ...more,
  };
}

test("Stripe's schema is there", (t) => {
  if (typeof schema === 'string') t.skip(schema);
});

test('a customer with all that it may have, whole, found, and its account', async () => {
  const settings = 'invoice_settings';
  const { id } = await post('/v1/customers', {
    id: unique('mine'),
    'address[line1]': '1',
    'address[country]': 'CZ',
    balance: -5,
    business_name: 'B',
    individual_name: 'I',
    invoice_prefix: 'ABC',
    [`${settings}[custom_fields][0][name]`]: 'PO',
    [`${settings}[custom_fields][0][value]`]: '7',
    [`${settings}[default_payment_method]`]: 'pm_1',
    [`${settings}[footer]`]: 'F',
    [`${settings}[rendering_options][amount_tax_display]`]: 'exclude_tax',
    next_invoice_sequence: 2,
    'preferred_locales[0]': 'cs',
    'shipping[address][city]': 'Brno',
    'shipping[name]': 'N',
    tax_exempt: 'reverse',
    test_clock: 'clock_1',
  });
  const expand = [
    'cash_balance',
    'invoice_credit_balance',
    'sources',
    'subscriptions',
    'tax',
    'tax_ids',
  ];
  const paths = (prefix: string): string =>
    expand.map((path, n) => `expand[${n}]=${prefix}${path}`).join('&');
  await get(`/v1/customers/${id}?${paths('')}`);
  await get(`/v1/customers?test_clock=clock_1&${paths('data.')}`);
  const found = await get(
    `/v1/customers/search?query=${encodeURIComponent('created>1')}&limit=1&${paths('data.')}`,
  );
  assert.equal((found['data'] as readonly unknown[]).length, 1);
  await get('/v1/account');
});

test('customers', async () => {
  const { id } = await aCustomer();
  const path = `/v1/customers/${id}`;
  await post(path, { name: '', 'metadata[k]': '' });
  await get(path);
  await get('/v1/customers');
  await ask('DELETE', path);
  await get(path);
  await get('/v1/customers');
});

test('meters, events, cancellations, summaries', async () => {
  const custom = await aMeter({
    'default_aggregation[formula]': 'last',
    event_time_window: 'hour',
    'customer_mapping[type]': 'by_id',
    'customer_mapping[event_payload_key]': 'who',
    'value_settings[event_payload_key]': 'much',
  });
  await post(`${METERS}/${custom.id}`, { display_name: 'N' });
  await post(`${METERS}/${custom.id}/deactivate`);
  await get(`${METERS}/${custom.id}`);
  await get(`${METERS}?status=inactive`);
  await post(`${METERS}/${custom.id}/reactivate`);

  const { id, event_name } = await aMeter();
  const identifier = unique('e');
  const event = (value: string, more: Fields = {}): Fields => ({
    event_name,
    'payload[stripe_customer_id]': 'c',
    'payload[value]': value,
    ...more,
  });
  const cancel = { event_name, type: 'cancel', 'cancel[identifier]': identifier };
  await post('/v1/billing/meter_events', event('0.000000000001', { timestamp: nowS() }));
  await post('/v1/billing/meter_events', event('999999999999999.999999999999', { identifier }));
  await get(`/v1/billing/meter_events/${identifier}`);
  await post('/v1/billing/meter_event_adjustments', cancel);
  await get(`/v1/billing/meter_events?event_name=${event_name}`);
  const range = `customer=c&start_time=${dayStart(0)}&end_time=${dayStart(-2)}`;
  for (const window of ['', '&value_grouping_window=hour', '&value_grouping_window=day']) {
    const list = await get(`${METERS}/${id}/event_summaries?${range}${window}`);
    assert.equal((list['data'] as unknown[]).length, 1);
  }
});

test('alerts', async () => {
  const meter = await aMeter();
  const customer = await aCustomer();
  const filter = {
    'usage_threshold[filters][0][type]': 'customer',
    'usage_threshold[filters][0][customer]': customer.id,
  };
  const expand = ['usage_threshold.meter', 'usage_threshold.filters.customer'];
  const asked = (prefix: string): string =>
    expand.map((path, index) => `expand[${index}]=${prefix}${path}`).join('&');
  const { id } = await post(ALERTS, alertFields(meter, { 'usage_threshold[gte]': 1 }));
  const half = { 'usage_threshold[gte_decimal]': '0.5', ...filter };
  const whole = await post(`${ALERTS}?${asked('')}`, alertFields(meter, half));
  for (const recurrence of ['monthly', 'daily']) {
    const more = { ...half, 'usage_threshold[recurrence]': recurrence };
    await post(ALERTS, alertFields(meter, more));
  }
  await get(`${ALERTS}/${whole.id}?${asked('')}`);
  await get(`${ALERTS}?meter=${meter.id}&${asked('data.')}`);
  await get(`${ALERTS}?meter=${meter.id}`);
  for (const change of ['deactivate', 'activate', 'archive'])
    await post(`${ALERTS}/${id}/${change}`);
});

test('webhook endpoints, event destinations, events and what is delivered', async () => {
  const fields = { url: receiver.url, 'enabled_events[0]': '*' };
  const endpoint = await post('/v1/webhook_endpoints', { ...fields, 'metadata[k]': 'v' });
  await post(`/v1/webhook_endpoints/${endpoint.id}`, { description: 'mine' });
  const thin = await postJsonTo('/v2/core/event_destinations', {
    name: 'Thin',
    type: 'webhook_endpoint',
    event_payload: 'thin',
    enabled_events: ['*'],
    webhook_endpoint: { url: receiver.url },
  });
  const meter = await aMeter();
  const { event_name } = meter;
  await post(`${METERS}/${meter.id}`, { display_name: 'N' });
  await post(ALERTS, alertFields(meter, { 'usage_threshold[gte_decimal]': '99.75' }));
  const payload = { 'payload[stripe_customer_id]': 'c', 'payload[value]': '100.5' };
  await post('/v1/billing/meter_events', { event_name, ...payload });
  const token = await openStream(server);
  const told = await postStream(server, token, [{ event_name, payload: { value: 'x' } }], TELL);
  assert.deepEqual(unreadableNumbers(told.text), []);
  await postJsonTo(`/v2/core/event_destinations/${thin.id}/ping`, {});

  const types = [
    'billing.meter.created',
    'billing.meter.updated',
    'billing.alert.triggered',
    'v1.billing.meter.created',
    'v1.billing.alert.triggered',
    'v1.billing.meter.error_report_triggered',
    'v2.core.event_destination.ping',
  ];
  const typesOf = (): Set<string> =>
    new Set(receiver.got.map(({ body }) => (JSON.parse(body) as { type: string }).type));
  await until('all of them', () => types.every((type) => typesOf().has(type)));
  for (const { body } of receiver.got) {
    assert.deepEqual(unreadableNumbers(body), [], body);
    if (body.includes('"object":"event"')) assertFits('event', JSON.parse(body) as Snapshot);
  }
  const { data } = (await get('/v1/events?limit=100')) as unknown as { data: readonly Snapshot[] };
  for (const event of data) assertFits('event', event);
  await get(`/v1/events/${data[0]?.id}`);
  await get('/v1/webhook_endpoints');
  await get(`/v1/webhook_endpoints/${endpoint.id}`);
  await get(`/v1/webhook_endpoints/${endpoint.id}/deliveries`);
  for (const path of ['/v2/core/events?limit=100', '/v2/core/event_destinations']) await get(path);
  await ask('DELETE', `/v1/webhook_endpoints/${endpoint.id}`);
});

type Snapshot = {
  readonly id: string;
  readonly data: { readonly object: { readonly object: string } };
};

function assertFits(name: string, event: Snapshot): void {
  if (typeof schema === 'string') return;
  assert.deepEqual(schema.wrongWithObject(name, event), [], JSON.stringify(event));
  const { object } = event.data;
  // Not every object of an event is in the document.
  assert.deepEqual(schema.wrongWithObject(object.object, object) ?? [], [], JSON.stringify(object));
}

async function postJsonTo(path: string, body: object): Promise<Found> {
  const headers = { 'content-type': 'application/json' };
  const answer = await call(server, { method: 'POST', path, body: JSON.stringify(body), headers });
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(unreadableNumbers(answer.text), [], answer.text);
  return JSON.parse(answer.text) as Found;
}

test('refusals', async () => {
  await ask('POST', METERS, { nope: '1' }, 400);
  await ask('POST', '/v1/billing/meter_events', { event_name: 'none' }, 400);
  await ask('GET', `${ALERTS}/alrt_none`, undefined, 404);
  await ask('GET', '/v1/customers?limit=0', undefined, 400);
  const answer = await call(server, { path: METERS, key: 'sk_test_wrong' });
  assert.equal(answer.status, 401);
  assert.ok(errorOf(answer).message);
  if (typeof schema !== 'string') assert.deepEqual(schema.wrongWith('GET', METERS, answer), []);
});

test('the rule about numbers finds what a client could not read', () => {
  const wrong = '{"a":0.5,"b":[1e3,9223372036854775808],"c":9223372036854775807,"d":"0.5"}';
  assert.deepEqual(unreadableNumbers(wrong), ['a: 0.5', '0: 1e3', '1: 9223372036854775808']);
  assert.deepEqual(unreadableNumbers('{"aggregated_value":0.5}'), []);
});
