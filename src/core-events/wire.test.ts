import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anEvent } from '../catalog/contract/core-event-fixtures.ts';
import { deliveryBody, parseExactly, presentThinEvent } from './wire.ts';

test('numbers leave with the digits that they came with', () => {
  for (const json of ['{"a":[1.10,12345678901234567890.5,-0,1e400],"b":"1.10"}', '1.0', 'null']) {
    assert.equal(JSON.stringify(parseExactly(json)), json);
  }
});

test('a notification has no data, a fetched event has', () => {
  const event = {
    ...anEvent('evt_1', { thin: { type: 'x', data: '{"n":1.0}' } }),
    pendingWebhooks: 1,
  };
  assert.ok(!deliveryBody(event, 'thin', null).includes('"data"'));
  assert.match(JSON.stringify(presentThinEvent(event)), /"data":\{"n":1.0\}/u);
});

test('a snapshot says the version that its destination asked for', () => {
  const event = { ...anEvent('evt_1'), pendingWebhooks: 1 };
  const parsed = (version: string | null): { api_version: string } =>
    JSON.parse(deliveryBody(event, 'snapshot', version)) as { api_version: string };
  assert.equal(parsed('2025-01-27.acacia').api_version, '2025-01-27.acacia');
  assert.match(parsed(null).api_version, /^2026-/u);
});
