import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anEvent } from '../../catalog/contract/core-event-fixtures.ts';
import type { CoreEvent } from './core-event.ts';
import { deliveryBody, parseExactly, presentThinEvent } from './wire.ts';

test('numbers leave with the digits that they came with', () => {
  for (const json of ['{"a":[1.10,12345678901234567890.5,-0,1e400],"b":"1.10"}', '1.0', 'null']) {
    assert.equal(JSON.stringify(parseExactly(json)), json);
  }
});

function sent(event: CoreEvent): Record<string, unknown> {
  const body = deliveryBody({ ...event, pendingWebhooks: 1 }, null);
  return JSON.parse(body) as Record<string, unknown>;
}

function fetched(event: CoreEvent): Record<string, unknown> {
  return JSON.parse(JSON.stringify(presentThinEvent(event))) as Record<string, unknown>;
}

test('a notification has neither data nor changes, a fetched event has both', () => {
  const event = anEvent('evt_1', { thin: { type: 'x', data: '{"n":1.0}' } });
  assert.ok(!('data' in sent(event)) && !('changes' in sent(event)));
  assert.match(JSON.stringify(presentThinEvent(event)), /"data":\{"n":1.0\}/u);
  const bare = anEvent('evt_2', { thin: { type: 'x', data: null } });
  assert.deepEqual([fetched(bare)['changes'], fetched(bare)['data']], [null, {}]);
});

test('a notification leaves out what is not there, a fetched event says null', () => {
  const event = anEvent('evt_1', { request: null, relatedObject: null });
  assert.ok(!('reason' in sent(event)) && !('related_object' in sent(event)));
  assert.deepEqual([fetched(event)['reason'], fetched(event)['related_object']], [null, null]);
});

test('the idempotency key is a string in v2, also where there was none, and null in v1', () => {
  const event = { ...anEvent('evt_1'), request: { id: 'req_1', idempotencyKey: null } };
  const reason = { type: 'request', request: { id: 'req_1', idempotency_key: '' } };
  assert.deepEqual([sent(event)['reason'], fetched(event)['reason']], [reason, reason]);
  const snapshot = deliveryBody({ ...event, pendingWebhooks: 1 }, '2025-01-27.acacia');
  assert.match(snapshot, /"request":\{"id":"req_1","idempotency_key":null\}/u);
});

test('a snapshot says the version that it is asked in', () => {
  const event = { ...anEvent('evt_1'), pendingWebhooks: 1 };
  const parsed = JSON.parse(deliveryBody(event, '2025-01-27.acacia')) as { api_version: string };
  assert.equal(parsed.api_version, '2025-01-27.acacia');
});
