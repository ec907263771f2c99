import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from './random.ts';
import { prepareRequest, Sent, type LoadRequest, type RequestOptions } from './requests.ts';

const UUID = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/u;
const OPTIONS: RequestOptions = {
  kind: 'stream',
  secret: 'secret',
  events: 100,
  duplicates: 0,
  nowMs: Date.UTC(2026, 10, 25),
};
type Event = {
  event_name: string;
  identifier: string;
  timestamp: string;
  payload: { stripe_customer_id: string; value: string };
};

function read({ bytes }: LoadRequest): { head: string; body: string } {
  const [head = '', body = ''] = bytes.toString().split('\r\n\r\n');
  assert.equal(Number(/^Content-Length: (\d+)$/mu.exec(head)?.[1]), body.length);
  return { head, body };
}

function eventsOf(request: LoadRequest): readonly Event[] {
  return (JSON.parse(read(request).body) as { events: Event[] }).events;
}

test('a stream request holds its events whole, however often it is made anew', () => {
  const request = prepareRequest(OPTIONS, new Random(), new Sent());
  for (let time = 0; time < 100; time += 1) {
    const events = eventsOf(request);
    assert.equal(events.length, 100);
    for (const event of events) {
      assert.equal(event.event_name, 'requests');
      assert.match(event.identifier, UUID);
      assert.match(event.payload.stripe_customer_id, /^cus_\d{4}$/u);
      assert.match(event.payload.value, /^1\d\.\d\d$/u);
      const ageMs = OPTIONS.nowMs - Date.parse(event.timestamp);
      assert.ok(ageMs >= 0 && ageMs < 60_000);
    }
    request.refresh();
  }
});

test('a v1 request is one event with a key of its own', () => {
  const request = prepareRequest({ ...OPTIONS, kind: 'v1' }, new Random(), new Sent());
  const keys = new Set<string>();
  for (let time = 0; time < 100; time += 1) {
    const { head, body } = read(request);
    const form = new URLSearchParams(body);
    assert.equal(form.get('event_name'), 'requests');
    assert.match(String(form.get('identifier')), UUID);
    assert.match(String(form.get('payload[stripe_customer_id]')), /^cus_\d{4}$/u);
    assert.match(String(form.get('payload[value]')), /^1\d\.\d\d$/u);
    keys.add(String(/^Idempotency-Key: stripe-node-retry-(.+)$/mu.exec(head)?.[1]));
    request.refresh();
  }
  assert.equal(keys.size, 100);
  assert.ok([...keys].every((key) => UUID.test(key)));
});

test('no identifier comes twice when no duplicates are asked for', () => {
  const request = prepareRequest(OPTIONS, new Random(), new Sent());
  const seen = new Set<string>();
  for (let time = 0; time < 1000; time += 1) {
    for (const { identifier } of eventsOf(request)) seen.add(identifier);
    request.refresh();
  }
  assert.equal(seen.size, 100_000);
});

test('the asked share of events has an identifier that was sent before', () => {
  const random = new Random(Uint32Array.of(1, 2, 3, 4));
  const request = prepareRequest({ ...OPTIONS, duplicates: 0.9 }, random, new Sent());
  const seen = new Set<string>();
  for (let first = 0; first < Sent.COUNT; first += OPTIONS.events) {
    for (const { identifier } of eventsOf(request)) seen.add(identifier);
    request.refresh();
  }
  assert.equal(seen.size, Sent.COUNT);
  let repeated = 0;
  for (let time = 0; time < 500; time += 1) {
    for (const { identifier } of eventsOf(request)) {
      if (seen.has(identifier)) repeated += 1;
      seen.add(identifier);
    }
    request.refresh();
  }
  assert.ok(repeated > 44_500 && repeated < 45_500, `${repeated} of 50,000`);
});
