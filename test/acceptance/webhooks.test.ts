/** Webhooks, through the official SDK: a real receiver verifies, fetches, and refuses what is not genuine. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { createMeter } from '../support/fixtures.ts';
import { call } from '../support/http.ts';
import { unique } from '../support/random.ts';
import { newClient, NEWEST, OLDER, refused400, type Stripe } from '../support/sdk.ts';
import type { Server } from '../support/server.ts';
import { nowMs } from '../support/times.ts';
import { postJson } from '../support/v2.ts';
import { until } from '../support/wait.ts';
import { OK, type Receiver } from '../support/webhook-receiver.ts';
import {
  createDestination,
  createEndpoint,
  deliveriesTo,
  deliveryOf,
  startWithReceiver,
} from '../support/webhooks.ts';

const { StripeSignatureVerificationError } = NEWEST.Stripe.errors;

describe('webhooks', () => {
  let server: Server;
  let client: Stripe;
  let receiver: Receiver;
  before(async () => {
    ({ server, client, receiver } = await startWithReceiver());
  });
  beforeEach(async () => {
    receiver.answer = OK;
    for await (const { id } of client.v2.core.eventDestinations.list()) {
      await client.v2.core.eventDestinations.del(id);
    }
    receiver.got.length = 0;
  });
  after(async () => {
    await receiver.close();
    await server.remove();
  });

  async function idOfNewestEvent(): Promise<string> {
    const [event] = (await client.v2.core.events.list({ limit: 1 })).data;
    return event?.id ?? assert.fail();
  }

  test('a snapshot is read by constructEvent, of this SDK line and of an older one', async () => {
    const { secret } = await createEndpoint(client, receiver.url);
    const meter = await createMeter(client);
    const { body, signature, headers } = await deliveryOf(receiver, await idOfNewestEvent());
    assert.equal(headers['content-type'], 'application/json; charset=utf-8');
    for (const line of [NEWEST, OLDER]) {
      const stripe = newClient(server, { line });
      const event = stripe.webhooks.constructEvent(body, signature, secret);
      assert.equal(event.type, 'billing.meter.created');
      assert.deepEqual(event.data.object, JSON.parse(JSON.stringify(meter)));
      assert.equal(event.pending_webhooks, 1);
      assert.throws(() => stripe.parseEventNotification(body, signature, secret));
    }
  });

  test('from a thin event the event and its object are fetched', async () => {
    const { secret } = await createDestination(client, receiver.url);
    const meter = await createMeter(client);
    const { body, signature } = await deliveryOf(receiver, await idOfNewestEvent());
    const notification = client.parseEventNotification(body, signature, secret);
    assert.ok(notification.type === 'v1.billing.meter.created');
    assert.equal(notification.related_object.id, meter.id);
    const related = await notification.fetchRelatedObject();
    assert.equal(related.event_name, meter.event_name);
    const event = await notification.fetchEvent();
    assert.deepEqual([event.id, event.type], [notification.id, notification.type]);
    assert.ok(!('data' in JSON.parse(body)));
    assert.throws(() => client.webhooks.constructEvent(body, signature, secret));
  });

  test("the SDK's own handler of notifications takes them", async () => {
    const { secret } = await createDestination(client, receiver.url);
    const seen: string[] = [];
    const handler = client.notificationHandler(secret, () => assert.fail('not known to the SDK'));
    handler.on('v1.billing.meter.deactivated', async (notification) => {
      seen.push((await notification.fetchRelatedObject()).id);
    });
    handler.on('v1.billing.meter.created', async () => undefined);
    const meter = await createMeter(client);
    await client.billing.meters.deactivate(meter.id);
    await until('both', () => receiver.got.length === 2);
    for (const { body, headers } of receiver.got) {
      await handler.handle(body, String(headers['stripe-signature']));
    }
    assert.deepEqual(seen, [meter.id]);
  });

  test('what is altered, replayed late, or signed by another is not accepted', async () => {
    const { secret } = await createEndpoint(client, receiver.url);
    const other = await createEndpoint(client, `${receiver.url}/other`);
    await createMeter(client);
    const id = await idOfNewestEvent();
    const { body, signature } = await deliveryOf(receiver, id, '/hook');
    const { webhooks } = client;
    assert.equal(webhooks.constructEvent(body, signature, secret).id, id);
    const theirs = (await deliveryOf(receiver, id, '/hook/other')).signature;
    const [t = '', v1 = ''] = signature.split(',');
    const signedMs = Number(t.slice(2)) * 1000;
    const forged: [string, string, string?, number?][] = [
      [body.replace('"livemode":false', '"livemode":true'), signature],
      [`${body} `, signature],
      [body, signature.replace(/v1=./u, (start) => (start === 'v1=a' ? 'v1=b' : 'v1=a'))],
      [body, `t=${Number(t.slice(2)) + 1},${v1}`],
      [body, theirs],
      [body, signature, other.secret],
      [body, signature, secret, signedMs + 301_000],
      [body, ''],
    ];
    for (const [altered, header, key = secret, receivedMs] of forged) {
      const read = (): unknown =>
        webhooks.constructEvent(altered, header, key, undefined, undefined, receivedMs);
      assert.throws(read, StripeSignatureVerificationError, `${header} of ${altered}`);
    }
    assert.ok(
      webhooks.constructEvent(body, signature, secret, undefined, undefined, signedMs + 299_000),
    );
  });

  test('an endpoint is made, read, changed, listed and deleted; its secret is shown once', async () => {
    const made = await createEndpoint(client, receiver.url, {
      enabled_events: ['billing.meter.updated', 'invoice.paid'],
      description: 'mine',
      metadata: { a: '1', b: '2' },
      api_version: '2025-01-27.acacia',
    });
    const { secret, ...shown } = JSON.parse(JSON.stringify(made)) as typeof made;
    assert.match(made.id, /^we_\w{24}$/u);
    assert.deepEqual(JSON.parse(JSON.stringify(await client.webhookEndpoints.retrieve(made.id))), {
      ...shown,
      object: 'webhook_endpoint',
      application: null,
      status: 'enabled',
      livemode: false,
    });
    const changed = await client.webhookEndpoints.update(made.id, {
      description: '',
      disabled: true,
      metadata: { a: '', c: '3' },
      url: `${receiver.url}/new`,
    });
    assert.deepEqual(
      [changed.description, changed.status, changed.metadata, changed.url],
      [null, 'disabled', { b: '2', c: '3' }, `${receiver.url}/new`],
    );
    assert.ok(!('secret' in changed));
    await createDestination(client, receiver.url);
    const { data } = await client.webhookEndpoints.list();
    assert.deepEqual(
      data.map(({ id }) => id),
      [made.id],
      'thin destinations are of v2 alone',
    );
    const enabled = await client.webhookEndpoints.update(made.id, { disabled: false });
    assert.equal(enabled.status, 'enabled');
    const meter = await createMeter(client);
    await client.billing.meters.update(meter.id, { display_name: 'Renamed' });
    const { body, signature } = await deliveryOf(receiver, await idOfNewestEvent(), '/hook/new');
    const event = client.webhooks.constructEvent(body, signature, secret);
    assert.equal(event.api_version, '2025-01-27.acacia');
    assert.equal((await deliveriesTo(server, made.id)).length, 1, 'only what it has enabled');
    const gone = await client.webhookEndpoints.del(made.id);
    assert.deepEqual([gone.id, gone.object, gone.deleted], [made.id, 'webhook_endpoint', true]);
    assert.deepEqual((await client.webhookEndpoints.list()).data, []);
  });

  test('an endpoint that names no version gets that of the request that makes it, as a destination does', async () => {
    const version = '2026-03-25.dahlia';
    const event_name = unique('m');
    const made: [string, string][] = [];
    for (const [index, sent] of [version, `${version}; a_beta=v1`, undefined].entries()) {
      const apiVersion = sent === undefined ? {} : { 'stripe-version': sent };
      const path = `${receiver.url}/v${index}`;
      const expected = sent === undefined ? '2026-10-28.endive' : version;
      const v1 = await call(server, {
        path: '/v1/webhook_endpoints',
        body: { url: path, 'enabled_events[0]': '*' },
        headers: apiVersion,
      });
      const endpoint = JSON.parse(v1.text) as Stripe.WebhookEndpoint;
      const shown = JSON.parse(
        (await call(server, { path: `/v1/webhook_endpoints/${endpoint.id}` })).text,
      ) as Stripe.WebhookEndpoint;
      assert.deepEqual([endpoint.api_version, shown.api_version], [expected, expected]);
      const body = {
        name: 'N',
        type: 'webhook_endpoint',
        event_payload: 'snapshot',
        enabled_events: ['*'],
        webhook_endpoint: { url: `${path}/destination` },
      };
      const at = '/v2/core/event_destinations';
      const v2 = await postJson(server, { path: at, body, headers: apiVersion });
      const destination = JSON.parse(v2.text) as { readonly snapshot_api_version: string };
      assert.equal(destination.snapshot_api_version, expected, v2.text);
      const thin = { ...body, event_payload: 'thin', webhook_endpoint: { url: `${path}/thin` } };
      const ofThin = await postJson(server, { path: at, body: thin, headers: apiVersion });
      assert.match(ofThin.text, /"snapshot_api_version":null/u);
      made.push([`/hook/v${index}`, expected], [`/hook/v${index}/destination`, expected]);
    }
    // The one that makes the meter does not count.
    await createMeter(client, { event_name });
    const id = await idOfNewestEvent();
    for (const [path, expected] of made) {
      const { body } = await deliveryOf(receiver, id, path);
      assert.equal((JSON.parse(body) as Stripe.Event).api_version, expected, path);
    }
  });

  test('a version that is none is refused, and so is an empty one', async () => {
    const params = { url: receiver.url, enabled_events: ['*'] };
    for (const api_version of ['', 'latest', '2025-02-30.basil', '2026-03-25.dahlia; a_beta=v1']) {
      await refused400(
        client.webhookEndpoints.create({
          ...params,
          api_version,
        } as unknown as Stripe.WebhookEndpointCreateParams),
        { param: 'api_version' },
      );
      await refused400(
        client.v2.core.eventDestinations.create({
          name: 'N',
          type: 'webhook_endpoint',
          event_payload: 'snapshot',
          enabled_events: ['*'],
          webhook_endpoint: { url: receiver.url },
          snapshot_api_version: api_version,
        }),
        {},
      );
    }
  });

  test('a destination is made, read, changed, listed and deleted; v2 shows its URL on demand', async () => {
    const { eventDestinations } = client.v2.core;
    const made = await eventDestinations.create({
      name: 'Mine',
      description: 'of events',
      type: 'webhook_endpoint',
      event_payload: 'thin',
      enabled_events: ['v1.billing.meter.created', 'v1.billing.meter.no_meter_found'],
      webhook_endpoint: { url: receiver.url },
      metadata: { a: '1', b: '2' },
    });
    assert.match(made.id, /^ed_test_\w{32}$/u);
    assert.deepEqual(made.webhook_endpoint, { signing_secret: null, url: null });
    assert.deepEqual([made.event_payload, made.status, made.livemode], ['thin', 'enabled', false]);
    const include = ['webhook_endpoint.url'];
    const found = await eventDestinations.retrieve(made.id, { include });
    assert.equal(found.webhook_endpoint?.url, receiver.url);
    const changed = await eventDestinations.update(made.id, {
      name: 'Yours',
      metadata: { a: null, c: '3' },
      enabled_events: ['*'],
      include,
    } as Stripe.V2.Core.EventDestinationUpdateParams);
    assert.deepEqual(
      [changed.name, changed.description, changed.metadata, changed.enabled_events],
      ['Yours', 'of events', { b: '2', c: '3' }, ['*']],
    );
    const endpoint = await createEndpoint(client, receiver.url);
    const ids: string[] = [];
    for await (const { id } of eventDestinations.list({ limit: 1 })) ids.push(id);
    assert.deepEqual(ids, [endpoint.id, made.id]);

    const disabled = await eventDestinations.disable(made.id);
    assert.deepEqual(
      [disabled.status, disabled.status_details],
      ['disabled', { disabled: { reason: 'user' } }],
    );
    await createMeter(client);
    const enabled = await eventDestinations.enable(made.id);
    assert.deepEqual([enabled.status, enabled.status_details], ['enabled', null]);
    await createMeter(client);
    const newest = await idOfNewestEvent();
    await deliveryOf(receiver, newest);
    const delivered = await deliveriesTo(server, made.id);
    assert.deepEqual(
      delivered.map(({ id }) => id),
      [newest],
      'nothing of the time while it was disabled',
    );
    const gone = await eventDestinations.del(made.id);
    assert.deepEqual([gone.id, gone.object], [made.id, 'v2.core.event_destination']);
  });

  test('a ping comes to its destination alone, in the form that it takes', async () => {
    const thin = await createDestination(client, receiver.url, {
      enabled_events: ['v1.billing.meter.created'],
    });
    const endpoint = await createEndpoint(client, `${receiver.url}/v1`);
    const { id } = await client.v2.core.eventDestinations.ping(thin.id);
    const { body, signature } = await deliveryOf(receiver, id);
    const ping = client.parseEventNotification(body, signature, thin.secret);
    assert.ok(ping.type === 'v2.core.event_destination.ping');
    assert.equal((await ping.fetchRelatedObject()).id, thin.id);
    const second = await client.v2.core.eventDestinations.ping(endpoint.id);
    const snapshot = await deliveryOf(receiver, second.id);
    assert.equal(snapshot.path, '/hook/v1');
    client.webhooks.constructEvent(snapshot.body, snapshot.signature, endpoint.secret);
    assert.equal(receiver.got.length, 2);
  });

  test('after a rotation both secrets are valid, unless the old one is ended at once', async () => {
    const { id, secret } = await createDestination(client, receiver.url);
    const rotate = async (params: object = {}): Promise<string> => {
      const path = `/v2/core/event_destinations/${id}/rotate_secret`;
      const answer = (await client.rawRequest('POST', path, params)) as unknown as {
        readonly webhook_endpoint: { readonly signing_secret: string };
      };
      return answer.webhook_endpoint.signing_secret;
    };
    const isValidUnder = async (key: string): Promise<boolean> => {
      await createMeter(client);
      const { body, signature } = await deliveryOf(receiver, await idOfNewestEvent());
      try {
        client.parseEventNotification(body, signature, key);
        return true;
      } catch (error) {
        assert.ok(error instanceof StripeSignatureVerificationError);
        return false;
      }
    };
    const second = await rotate();
    assert.notEqual(second, secret);
    assert.deepEqual([await isValidUnder(secret), await isValidUnder(second)], [true, true]);
    const third = await rotate({ previous_secret_expires_at: new Date(0).toISOString() });
    assert.deepEqual([await isValidUnder(second), await isValidUnder(third)], [false, true]);
    const soon = new Date(nowMs() + 25 * 3_600_000).toISOString();
    await refused400(rotate({ previous_secret_expires_at: soon }), {});
  });

  test('every try is on record; what failed is sent again by a call', async () => {
    receiver.answer = (_got, response) => void response.writeHead(500).end('not now');
    const endpoint = await createEndpoint(client, receiver.url);
    await createMeter(client);
    const id = await idOfNewestEvent();
    const first = async () => (await deliveriesTo(server, endpoint.id))[0] ?? assert.fail();
    await until('one try', async () => (await first()).attempts.length === 1);
    const { attempts, next_attempt, ...failed } = await first();
    assert.deepEqual(failed, {
      id,
      object: 'webhook_endpoint.delivery',
      event: id,
      event_created: (await client.events.retrieve(id)).created,
      event_type: 'billing.meter.created',
      status: 'pending',
    });
    const attemptedS = Math.floor(Date.parse(attempts[0]?.attempted ?? '') / 1000);
    assert.ok((next_attempt ?? 0) >= attemptedS + 60);
    const { http_status, response, error } = attempts[0] ?? assert.fail();
    assert.deepEqual([http_status, response, error], [500, 'not now', null]);
    const unsent = await client.events.list({ delivery_success: false });
    assert.deepEqual(
      unsent.data.map((event) => event.id),
      [id],
    );

    receiver.answer = OK;
    await client.rawRequest('POST', `/v1/events/${id}/retry`, { webhook_endpoint: endpoint.id });
    await until('delivered', async () => (await first()).status === 'succeeded');
    assert.equal((await first()).attempts.length, 2);
    assert.equal((await client.events.retrieve(id)).pending_webhooks, 0);
    assert.deepEqual(await deliveriesTo(server, endpoint.id, '&status=failed'), []);
  });

  test('a retry of a request under its Idempotency-Key makes no second endpoint, and has the secret', async () => {
    const params = { url: receiver.url, enabled_events: ['*' as const] };
    const idempotencyKey = unique('key');
    const made = await client.webhookEndpoints.create(params, { idempotencyKey });
    const again = await client.webhookEndpoints.create(params, { idempotencyKey });
    assert.deepEqual([again.id, again.secret], [made.id, made.secret]);
    assert.equal((await client.webhookEndpoints.list()).data.length, 1);
  });

  test('what is wrong is refused with its name, and changes nothing', async () => {
    const { url } = receiver;
    const create = async (params: object): Promise<unknown> =>
      await client.webhookEndpoints.create(params as Stripe.WebhookEndpointCreateParams);
    const events = ['*'];
    await refused400(create({ enabled_events: events }), {
      param: 'url',
      code: 'parameter_missing',
    });
    await refused400(create({ url, enabled_events: [] }), { param: 'enabled_events' });
    await refused400(create({ url, enabled_events: ['x'] }), { param: 'enabled_events' });
    const thin = ['v1.billing.meter.created'];
    await refused400(create({ url, enabled_events: thin }), { param: 'enabled_events' });
    await refused400(create({ url: 'ftp://x', enabled_events: events }), { param: 'url' });
    await refused400(create({ url, enabled_events: events, api_version: 'new' }), {
      param: 'api_version',
    });
    await refused400(create({ url, enabled_events: events, connect: true }), { param: 'connect' });
    await refused400(create({ url, enabled_events: events, secret: 'mine' }), { param: 'secret' });
    const v2 = {
      name: 'N',
      type: 'webhook_endpoint',
      event_payload: 'thin',
      enabled_events: ['*'],
      webhook_endpoint: { url },
    };
    for (const wrong of [
      { type: 'amazon_eventbridge' },
      { event_payload: 'fat' },
      { enabled_events: ['billing.meter.created'] },
      { enabled_events: '*' },
      { events_from: ['@accounts'] },
      { snapshot_api_version: '2025-01-27.acacia' },
      { webhook_endpoint: { url: 'x' } },
      { webhook_endpoint: {} },
      { include: ['secret'] },
      { name: undefined },
    ]) {
      const path = '/v2/core/event_destinations';
      await refused400(client.rawRequest('POST', path, { ...v2, ...wrong }), {});
    }
    assert.deepEqual((await client.v2.core.eventDestinations.list()).data, []);
    const made = await createEndpoint(client, url);
    await refused400(client.webhookEndpoints.update(made.id, { url: 'http://a b' }), {});
    const path = `/v1/events/${await idOfNewestEvent()}/retry`;
    await refused400(client.rawRequest('POST', path, { webhook_endpoint: 'we_none' }), {
      param: 'webhook_endpoint',
      code: 'resource_missing',
    });
  });

  test('there are sixteen at most', async () => {
    for (let n = 0; n < 16; n++) await createEndpoint(client, receiver.url);
    const create = client.webhookEndpoints.create({ url: receiver.url, enabled_events: ['*'] });
    await refused400(create, { message: /maximum of 16 test webhook endpoints/u });
  });
});

test('without --webhook-allow-private nothing may go to the inside', async (t) => {
  const { server, receiver } = await startWithReceiver();
  t.after(async () => {
    await receiver.close();
    await server.remove();
  });
  const client = newClient(server);
  const { id } = await createEndpoint(client, receiver.url);
  await server.stop();
  await server.restart({ ...server.options, args: [] });
  const strict = newClient(server);
  for (const url of [
    receiver.url,
    'https://localhost/',
    'https://169.254.169.254/',
    'https://[::1]/',
  ]) {
    const create = strict.webhookEndpoints.create({ url, enabled_events: ['*'] });
    await refused400(create, { param: 'url' });
  }
  // One that was made while it was allowed is not called either.
  await createMeter(strict);
  await until('a try', async () => (await deliveriesTo(server, id))[0]?.attempts.length === 1);
  const [attempt] = (await deliveriesTo(server, id))[0]?.attempts ?? [];
  assert.match(attempt?.error ?? '', /^Not delivered: the URL must begin with https/u);
  assert.deepEqual(receiver.got, []);
});
