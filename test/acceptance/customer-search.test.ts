/** Search as Stripe's SDKs call it, and the events that tell of customers. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { unique } from '../support/random.ts';
import { newClient, refused400, SDK_LINES, type Stripe } from '../support/sdk.ts';
import { LIVE_KEY, Server } from '../support/server.ts';
import {
  createDestination,
  createEndpoint,
  deliveryOf,
  startWithReceiver,
} from '../support/webhooks.ts';

let server: Server;
before(async () => {
  server = await Server.start();
});
after(async () => {
  await server.remove();
});

for (const line of SDK_LINES) {
  describe(`search, ${line.name}`, () => {
    let client: Stripe;
    before(() => {
      client = newClient(server, { line });
    });
    const found = async (query: string): Promise<string[]> =>
      (await client.customers.search({ query })).data.map(({ id }) => id);

    test('what was created is found at once, by each field; changed and deleted as well', async () => {
      const mark = unique('mark');
      const amy = await client.customers.create({
        name: `Amy ${mark} Pond`,
        email: `amy+${mark}@example.com`,
        phone: '+19999999999',
        metadata: { mark, 'the key': `it's "${mark}"` },
      });
      const rory = await client.customers.create({ name: `Rory ${mark}`, metadata: { mark } });
      const both = [rory.id, amy.id];
      for (const [query, ids] of [
        [`name:'amy ${mark.toUpperCase()} pond'`, [amy.id]],
        [`name:"${mark}"`, both],
        [`name~"${mark.slice(2)}"`, both],
        [`email:'AMY+${mark}@example.com'`, [amy.id]],
        [`email~'${mark}@exam'`, [amy.id]],
        [`metadata['mark']:'${mark}'`, both],
        [String.raw`metadata["the key"]:'it\'s "${mark}"'`, [amy.id]],
        [`metadata['mark']:'${mark}' AND -email:null`, [amy.id]],
        [`metadata['mark']:'${mark}' -metadata['the key']:null`, [amy.id]],
        [`metadata['mark']:'${mark}' phone:19999999999`, []],
        [`metadata['mark']:'${mark}' phone:'+19999999999'`, [amy.id]],
        [`name:'rory ${mark}' OR email:'amy+${mark}@example.com'`, both],
        [`metadata['mark']:'${mark}' created>${amy.created - 1} created<=${rory.created}`, both],
        [`metadata['mark']:'${mark}' created>${rory.created}`, []],
      ] as const) {
        assert.deepEqual(await found(query), ids, query);
      }
      await client.customers.update(amy.id, { metadata: { mark: 'other' } });
      await client.customers.del(rory.id);
      assert.deepEqual(await found(`metadata['mark']:'${mark}'`), []);
      assert.deepEqual(await found(`name~'${mark}'`), [amy.id]);
    });

    test('pages, with a count when it is asked for; the SDK walks them', async () => {
      const mark = unique('paged');
      const made: string[] = [];
      for (let n = 0; n < 5; n += 1) {
        made.unshift((await client.customers.create({ metadata: { mark } })).id);
      }
      const query = `metadata['mark']:'${mark}'`;
      const first = await client.customers.search({
        query,
        limit: 2,
        expand: ['total_count', 'data.tax'],
      });
      assert.deepEqual(
        [first.object, first.url, first.has_more, first.total_count],
        ['search_result', '/v1/customers/search', true, 5],
      );
      assert.deepEqual(
        first.data.map(({ id }) => id),
        made.slice(0, 2),
      );
      assert.equal(first.data[0]?.tax?.automatic_tax, 'unrecognized_location');
      const page = first.next_page ?? '';
      const second = await client.customers.search({ query, limit: 3, page });
      assert.deepEqual(
        [second.has_more, second.next_page, second.total_count],
        [false, null, undefined],
      );
      assert.deepEqual(
        second.data.map(({ id }) => id),
        made.slice(2),
      );
      const walked: string[] = [];
      for await (const { id } of client.customers.search({ query, limit: 2 })) walked.push(id);
      assert.deepEqual(walked, made);
      const wrong = { param: 'page', message: /next_page of a search with the same query/u };
      await refused400(client.customers.search({ query: `-${query}`, page }), wrong, line);
      await refused400(client.customers.search({ query, page: 'x' }), wrong, line);
    });

    test('a wrong query is refused with what is wrong, and where', async () => {
      const missing = { param: 'query', code: 'parameter_missing' };
      await refused400(client.customers.search({} as Stripe.CustomerSearchParams), missing, line);
      for (const [query, message] of [
        [
          `nmae:'x'`,
          /^Field `nmae` is an unsupported search field for resource `customers`, at char/u,
        ],
        [`name:'x' OR name:'y' AND name:'z'`, /AND and OR cannot be combined.* at character 26/u],
        [`name~'xy'`, /3 characters or more, at character 6/u],
      ] as const) {
        await refused400(client.customers.search({ query }), { param: 'query', message }, line);
      }
    });
  });
}

test('a search sees its own mode alone', async () => {
  const name = unique('mine');
  const live = newClient(server, { key: LIVE_KEY });
  await live.customers.create({ name });
  const query = `name:'${name}'`;
  assert.deepEqual((await newClient(server).customers.search({ query })).data, []);
  assert.equal((await live.customers.search({ query })).data.length, 1);
});

test('customers are told of as snapshots and as thin events, to whoever asked', async () => {
  const { server: own, client, receiver } = await startWithReceiver();
  try {
    const endpoint = await createEndpoint(client, receiver.url, {
      enabled_events: ['customer.created', 'customer.updated', 'customer.deleted'],
    });
    const thin = await createDestination(client, `${receiver.url}/thin`, {
      enabled_events: ['v1.customer.updated'],
    });
    const customer = await client.customers.create({ name: 'Amy', metadata: { a: '1', b: '2' } });
    const changed = await client.customers.update(customer.id, {
      name: 'Amelia',
      business_name: 'B',
      metadata: { b: '', c: '3' },
    });
    await client.customers.update(customer.id, { name: 'Amelia', metadata: { a: '1' } });
    await client.customers.del(customer.id);
    const { data: events } = await client.events.list({
      types: ['customer.created', 'customer.updated', 'customer.deleted'],
    });
    assert.deepEqual(
      events.map(({ type, data }) => [type, data.object, data.previous_attributes]),
      [
        ['customer.deleted', changed, undefined],
        [
          'customer.updated',
          changed,
          { name: 'Amy', business_name: null, metadata: { b: '2', c: null } },
        ],
        ['customer.created', customer, undefined],
      ],
    );
    for (const event of events) {
      const { body, signature } = await deliveryOf(receiver, event.id, '/hook');
      const got = client.webhooks.constructEvent(body, signature, endpoint.secret);
      assert.deepEqual([got.type, got.data], [event.type, event.data]);
    }
    const updated = events[1]?.id ?? '';
    const { body, signature } = await deliveryOf(receiver, updated, '/hook/thin');
    const notification = client.parseEventNotification(body, signature, thin.secret);
    assert.equal(notification.type, 'v1.customer.updated');
    assert.deepEqual((notification as { related_object?: unknown }).related_object, {
      id: customer.id,
      type: 'customer',
      url: `/v1/customers/${customer.id}`,
    });
    const fetched = await client.v2.core.events.retrieve(updated);
    assert.equal(fetched.type, 'v1.customer.updated');
  } finally {
    await own.remove();
    await receiver.close();
  }
});
