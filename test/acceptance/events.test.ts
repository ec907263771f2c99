/** Events as the official SDK reads them: what happened to meters, in both APIs. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createMeter } from '../support/fixtures.ts';
import { call } from '../support/http.ts';
import { unique } from '../support/random.ts';
import { newClient, refused, refused400, type Stripe } from '../support/sdk.ts';
import { LIVE_KEY, Server } from '../support/server.ts';
import { nowS } from '../support/times.ts';

describe('events', () => {
  let server: Server;
  let client: Stripe;
  before(async () => {
    server = await Server.start();
    client = newClient(server);
  });
  after(async () => await server.remove());

  /** Of one object, newest first. */
  async function thinEvents(objectId: string): Promise<Stripe.V2.Core.Event[]> {
    const { data } = await client.v2.core.events.list({ object_id: objectId, limit: 100 });
    return data;
  }

  /** A meter that was created, renamed, deactivated and reactivated. */
  async function aLife(): Promise<Stripe.Billing.Meter> {
    const meter = await createMeter(client, { display_name: 'Before' });
    await client.billing.meters.update(meter.id, { display_name: 'After' });
    await client.billing.meters.deactivate(meter.id);
    await client.billing.meters.deactivate(meter.id);
    await client.billing.meters.reactivate(meter.id);
    return meter;
  }

  test('each change of a meter is one event, under one id in both APIs', async () => {
    const meter = await aLife();
    const thin = await thinEvents(meter.id);
    const changes = ['reactivated', 'deactivated', 'updated', 'created'];
    assert.deepEqual(
      thin.map(({ type }) => type),
      changes.map((change) => `v1.billing.meter.${change}`),
    );
    for (const [index, { id, created, snapshot_event }] of thin.entries()) {
      assert.match(id, /^evt_test_\w{32}$/u);
      assert.equal(snapshot_event, id);
      const event = await client.events.retrieve(id);
      assert.equal(event.object, 'event');
      assert.equal(event.type, `billing.meter.${changes[index]}`);
      assert.equal(event.created, Math.floor(Date.parse(created) / 1000));
      assert.deepEqual([event.livemode, event.pending_webhooks], [false, 0]);
      assert.equal(event.api_version, '2026-10-28.endive');
      assert.equal((event.data.object as Stripe.Billing.Meter).id, meter.id);
    }
  });

  test('an event says the version that it is read in', async () => {
    const meter = await createMeter(client);
    const [thin] = await thinEvents(meter.id);
    assert.ok(thin);
    const read = async (path: string, headers: Record<string, string> = {}): Promise<string> =>
      (await call(server, { path, headers })).text;
    for (const [sent, said] of [
      ['2026-03-25.dahlia', '2026-03-25.dahlia'],
      ['2025-03-31.preview; a_beta=v1', '2025-03-31.preview'],
      ['2020-08-27', '2020-08-27'],
    ] as const) {
      const headers = { 'stripe-version': sent };
      for (const path of [`/v1/events/${thin.id}`, '/v1/events?limit=1']) {
        assert.match(await read(path, headers), new RegExp(`"api_version":"${said}"`, 'u'));
      }
    }
    assert.match(await read(`/v1/events/${thin.id}`), /"api_version":"2026-10-28\.endive"/u);
  });

  test('a snapshot is the object as it was then; an update says what was before', async () => {
    const meter = await aLife();
    const snapshots: Stripe.Event[] = [];
    for (const { id } of await thinEvents(meter.id))
      snapshots.push(await client.events.retrieve(id));
    const [reactivated, deactivated, updated, created] = snapshots;
    assert.deepEqual(created?.data.object, JSON.parse(JSON.stringify(meter)));
    assert.equal(created?.data.previous_attributes, undefined);
    const { data } = updated as Stripe.BillingMeterUpdatedEvent;
    assert.equal(data.object.display_name, 'After');
    assert.equal(data.previous_attributes?.display_name, 'Before');
    assert.equal(
      (deactivated as Stripe.BillingMeterDeactivatedEvent).data.object.status,
      'inactive',
    );
    const now = await client.billing.meters.retrieve(meter.id);
    assert.deepEqual(reactivated?.data.object, JSON.parse(JSON.stringify(now)));
  });

  test('an event names its request and its Idempotency-Key', async () => {
    const idempotencyKey = unique('key');
    const params = {
      display_name: 'M',
      event_name: unique('m'),
      default_aggregation: { formula: 'sum' as const },
    };
    const meter = await client.billing.meters.create(params, { idempotencyKey });
    const again = await client.billing.meters.create(params, { idempotencyKey });
    assert.equal(again.id, meter.id);
    const [thin, ...more] = await thinEvents(meter.id);
    assert.ok(thin);
    assert.equal(more.length, 0, 'a repeated request is no new event');
    const request = { id: meter.lastResponse.requestId, idempotency_key: idempotencyKey };
    const fetched = await client.v2.core.events.retrieve(thin.id);
    assert.deepEqual(fetched.reason, { type: 'request', request });
    assert.deepEqual((await client.events.retrieve(thin.id)).request, request);
    assert.ok('fetchRelatedObject' in fetched);
    const related = (await fetched.fetchRelatedObject()) as Stripe.Billing.Meter;
    assert.equal(related.event_name, params.event_name);
  });

  test('what changes nothing, and what is refused, is no event', async () => {
    const meter = await createMeter(client, { display_name: 'Same' });
    await client.billing.meters.update(meter.id, { display_name: 'Same' });
    await client.billing.meters.reactivate(meter.id);
    await refused400(client.billing.meters.update(meter.id, { display_name: '' }), {});
    assert.equal((await thinEvents(meter.id)).length, 1);
    await refused400(createMeter(client, { event_name: meter.event_name }), {});
    const [newest] = (await client.events.list({ limit: 1 })).data;
    assert.ok(newest);
    assert.equal((newest.data.object as Stripe.Billing.Meter).id, meter.id);
  });

  test('v1 lists by type, by types, by pattern, by time and by delivery, page by page', async () => {
    const meter = await aLife();
    const idsOf = async (params: Stripe.EventListParams): Promise<string[]> => {
      const ids: string[] = [];
      for await (const event of client.events.list({ limit: 2, ...params })) {
        if ((event.data.object as Stripe.Billing.Meter).id === meter.id) ids.push(event.id);
      }
      return ids;
    };
    const all = (await thinEvents(meter.id)).map(({ id }) => id);
    const [reactivated, deactivated, updated, created] = all;
    assert.deepEqual(await idsOf({}), all);
    assert.deepEqual(await idsOf({ type: 'billing.meter.updated' }), [updated]);
    assert.deepEqual(await idsOf({ type: 'billing.meter.*activated' }), [reactivated, deactivated]);
    const types = ['billing.meter.created', 'billing.meter.deactivated', 'invoice.paid'];
    assert.deepEqual(await idsOf({ types }), [deactivated, created]);
    assert.deepEqual(await idsOf({ type: 'v1.billing.meter.created' }), []);
    assert.deepEqual(await idsOf({ delivery_success: true }), all);
    assert.deepEqual(await idsOf({ delivery_success: false }), []);
    const now = nowS();
    assert.deepEqual(await idsOf({ created: { gte: meter.created } }), all);
    assert.deepEqual(await idsOf({ created: { lt: meter.created } }), []);
    assert.deepEqual(await idsOf({ created: { gt: now + 3_600 } }), []);
    const before = await client.events.list({ ending_before: String(created), limit: 1 });
    assert.deepEqual([before.data[0]?.id, before.has_more], [updated, true]);
  });

  test('v2 lists by object, by types and by time, in pages both ways', async () => {
    const meter = await aLife();
    const all = (await thinEvents(meter.id)).map(({ id }) => id);
    const [, deactivated, , created] = all;
    const paged: string[] = [];
    for await (const event of client.v2.core.events.list({ object_id: meter.id, limit: 1 })) {
      paged.push(event.id);
    }
    assert.deepEqual(paged, all);
    const types = ['v1.billing.meter.created', 'v1.billing.meter.deactivated'];
    const some = await client.v2.core.events.list({ object_id: meter.id, types });
    assert.deepEqual(
      some.data.map(({ id }) => id),
      [deactivated, created],
    );
    const none = await client.v2.core.events.list({
      object_id: meter.id,
      created: { gt: meter.created + 3600 },
    });
    assert.deepEqual(none.data, []);

    const raw = async (path: string) =>
      (await client.rawRequest('GET', path)) as unknown as Stripe.V2List<Stripe.V2.Core.Event> & {
        readonly previous_page_url: string | null;
      };
    const first = await raw(`/v2/core/events?object_id=${meter.id}&limit=3`);
    assert.equal(first.previous_page_url, null);
    const second = await raw(first.next_page_url ?? '');
    assert.deepEqual([second.data.map(({ id }) => id), second.next_page_url], [[created], null]);
    const back = await raw(second.previous_page_url ?? '');
    assert.deepEqual(
      back.data.map(({ id }) => id),
      all.slice(0, 3),
    );
    assert.equal(back.previous_page_url, null);
    const from = encodeURIComponent(new Date(meter.created * 1000).toISOString());
    const timed = `/v2/core/events?object_id=${meter.id}&created`;
    assert.equal((await raw(`${timed}[gte]=${from}`)).data.length, 4);
    assert.equal((await raw(`${timed}[lt]=${from}`)).data.length, 0);
  });

  test('nothing is seen from the other mode', async () => {
    const meter = await createMeter(client);
    const [event] = await thinEvents(meter.id);
    assert.ok(event);
    const live = newClient(server, { key: LIVE_KEY });
    const missing = { type: 'StripeInvalidRequestError', status: 404 } as const;
    await refused(live.events.retrieve(event.id), { ...missing, code: 'resource_missing' });
    await refused(live.v2.core.events.retrieve(event.id), missing);
    assert.deepEqual((await live.events.list()).data, []);
    assert.deepEqual((await live.v2.core.events.list()).data, []);
  });

  test('a wrong filter is refused with its name', async () => {
    await refused400(client.events.list({ type: 'a', types: ['b'] }), { param: 'types' });
    await refused400(client.events.list({ types: Array<string>(21).fill('a') }), {
      param: 'types',
    });
    await refused400(client.events.list({ types: ['billing.*'] }), { param: 'types' });
    await refused400(client.events.list({ starting_after: 'evt_none' }), {
      param: 'starting_after',
      code: 'resource_missing',
    });
    await refused400(client.rawRequest('GET', '/v1/events?delivery_success=maybe'), {
      param: 'delivery_success',
    });
    for (const query of ['page=x', 'page=after_evt_none', 'limit=0', 'created=5', 'nope=1']) {
      await refused400(client.rawRequest('GET', `/v2/core/events?${query}`), {});
    }
  });
});
