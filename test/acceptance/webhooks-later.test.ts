/** Webhooks over time: the same folder a minute and a month later. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMeter } from '../support/fixtures.ts';
import { newClient, refused } from '../support/sdk.ts';
import { until } from '../support/wait.ts';
import { OK } from '../support/webhook-receiver.ts';
import { createEndpoint, deliveriesTo, startWithReceiver } from '../support/webhooks.ts';

/** The first retry comes within this. */
const FIRST_RETRY_S = 67;
const DAY_S = 86_400;

test('what failed is tried again a minute later, also after a restart, and is pruned after 30 days', async (t) => {
  const { server, receiver, client } = await startWithReceiver();
  t.after(async () => {
    await receiver.close();
    await server.remove();
  });
  receiver.answer = (_got, response) => void response.writeHead(503).end();
  const { id, secret } = await createEndpoint(client, receiver.url);
  await createMeter(client);
  await until('a try', async () => (await deliveriesTo(server, id))[0]?.attempts.length === 1);
  const restart = async (clockShiftS: number, ...more: readonly string[]): Promise<void> => {
    await server.stop();
    await server.restart({ args: ['--webhook-allow-private', ...more], clockShiftS });
  };

  receiver.answer = OK;
  await restart(0);
  const [waiting] = await deliveriesTo(server, id);
  assert.deepEqual([waiting?.status, receiver.got.length], ['pending', 1], 'it is not due yet');
  await restart(FIRST_RETRY_S);
  await until('a second try', () => receiver.got.length === 2);
  const [first, second] = receiver.got;
  const ageS = FIRST_RETRY_S + 300;
  for (const got of [first, second]) {
    const signature = String(got?.headers['stripe-signature']);
    client.webhooks.constructEvent(got?.body ?? '', signature, secret, ageS);
  }
  assert.notEqual(
    first?.headers['stripe-signature'],
    second?.headers['stripe-signature'],
    'each try is signed when it is sent, or it would be too old',
  );
  await until('settled', async () => (await deliveriesTo(server, id))[0]?.status === 'succeeded');

  const later = newClient(server);
  const [event] = (await later.v2.core.events.list()).data;
  assert.ok(event);
  await restart(29 * DAY_S);
  assert.equal((await newClient(server).v2.core.events.retrieve(event.id)).id, event.id);
  await restart(29 * DAY_S, '--events-days', '28');
  const aged = newClient(server);
  await until('pruned', async () => (await aged.v2.core.events.list()).data.length === 0);
  await refused(aged.events.retrieve(event.id), {
    type: 'StripeInvalidRequestError',
    status: 404,
    code: 'resource_missing',
  });
  assert.deepEqual(await deliveriesTo(server, id), []);
});
