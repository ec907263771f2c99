/** Thin events to the letter: what a push leaves out, and what a fetched event always has. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createMeter, sendEvent } from '../support/fixtures.ts';
import { call } from '../support/http.ts';
import { unique } from '../support/random.ts';
import type { Stripe } from '../support/sdk.ts';
import type { Server } from '../support/server.ts';
import { openStream, tell } from '../support/stream.ts';
import { v2Event } from '../support/v2.ts';
import { until } from '../support/wait.ts';
import type { Receiver } from '../support/webhook-receiver.ts';
import { createDestination, startWithReceiver } from '../support/webhooks.ts';

type Thin = Readonly<Record<string, unknown>> & { readonly id: string };

let server: Server;
let client: Stripe;
let receiver: Receiver;
let secret: string;
before(async () => {
  ({ server, client, receiver } = await startWithReceiver());
  ({ secret } = await createDestination(client, receiver.url));
});
after(async () => {
  await receiver.close();
  await server.remove();
});

/** The first push of a type, verified. */
async function pushed(type: string): Promise<Thin> {
  const found = () => receiver.got.find(({ body }) => body.includes(`"type":"${type}"`));
  await until(type, () => found() !== undefined);
  const { body, headers } = found() ?? assert.fail();
  client.parseEventNotification(body, String(headers['stripe-signature']), secret);
  return JSON.parse(body) as Thin;
}

async function fetched({ id }: Thin): Promise<Thin> {
  const { text } = await call(server, { path: `/v2/core/events/${id}` });
  const { data } = JSON.parse((await call(server, { path: '/v2/core/events?limit=100' })).text) as {
    readonly data: readonly Thin[];
  };
  const event = JSON.parse(text) as Thin;
  assert.deepEqual(
    data.find((listed) => listed.id === id),
    event,
    'listed as it is retrieved',
  );
  return event;
}

test('of a meter: a push says why and what, a fetched event has changes and data too', async () => {
  const { id, lastResponse } = (await createMeter(client)) as Stripe.Response<Stripe.Billing.Meter>;
  const push = await pushed('v1.billing.meter.created');
  const seen = {
    id: push.id,
    object: 'v2.core.event',
    context: null,
    created: push['created'],
    livemode: false,
    // The SDK sends a key with each POST.
    reason: {
      type: 'request',
      request: { id: lastResponse.requestId, idempotency_key: lastResponse.idempotencyKey },
    },
    related_object: { id, type: 'billing.meter', url: `/v1/billing/meters/${id}` },
    snapshot_event: push.id,
    type: 'v1.billing.meter.created',
  };
  assert.deepEqual(push, seen);
  assert.deepEqual(await fetched(push), { ...seen, changes: null, data: {} });
});

test('a call without an Idempotency-Key has an empty one', async () => {
  const event_name = unique('m');
  const body = { display_name: 'M', event_name, 'default_aggregation[formula]': 'sum' };
  const { text } = await call(server, { path: '/v1/billing/meters', body });
  const { id } = JSON.parse(text) as { readonly id: string };
  await call(server, { path: `/v1/billing/meters/${id}/deactivate`, method: 'POST' });
  const push = await pushed('v1.billing.meter.deactivated');
  for (const event of [push, await fetched(push)]) {
    const { type, request } = event['reason'] as { type: string; request: Record<string, string> };
    assert.deepEqual([type, request['idempotency_key']], ['request', '']);
  }
});

test('of an alert: a push has no reason, a fetched event a null', async () => {
  const meter = await createMeter(client);
  await client.billing.alerts.create({
    title: 'Much',
    alert_type: 'usage_threshold',
    usage_threshold: { gte: 100, meter: meter.id, recurrence: 'one_time' },
  });
  await sendEvent(client, meter, { customer: 'c', value: '100.5' });
  const push = await pushed('v1.billing.alert.triggered');
  assert.ok(!('reason' in push) && 'related_object' in push);
  const { reason, changes, data } = await fetched(push);
  assert.deepEqual([reason, changes, data], [null, null, { customer: 'c', value: '100.5' }]);
});

test('of usage without a meter: a push has no related object, a fetched event a null', async () => {
  const token = await openStream(server);
  await tell(server, token, [v2Event({ event_name: unique('none') })]);
  const push = await pushed('v1.billing.meter.no_meter_found');
  assert.ok(!('reason' in push) && !('related_object' in push));
  const event = await fetched(push);
  assert.deepEqual(
    [event['reason'], event['related_object'], event['changes']],
    [null, null, null],
  );
  assert.ok('error_types' in ((event['data'] as Thin)['reason'] as object));
});
