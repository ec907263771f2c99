import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { call, errorOf } from '../support/http.ts';
import { createMeter } from '../support/fixtures.ts';
import { newClient, refused400, SDK_LINES, type Stripe } from '../support/sdk.ts';
import { LIVE_KEY, Server } from '../support/server.ts';

const COUNT = 25;
let server: Server;
let meters: Stripe.Billing.Meter[];
let customers: Stripe.Customer[];

/** Newest first: every second meter is inactive. Most are made within one second, so order is by creation. */
before(async () => {
  server = await Server.start();
  const client = newClient(server);
  meters = [];
  customers = [];
  for (let n = 0; n < COUNT; n++) {
    const meter = await createMeter(client, { display_name: `Meter ${n}` });
    meters.unshift(n % 2 === 0 ? meter : await client.billing.meters.deactivate(meter.id));
    customers.unshift(await client.customers.create({ name: `Customer ${n}` }));
  }
});
after(async () => {
  await server.remove();
});

type Item = { readonly id: string };
type ListParams = {
  limit?: number;
  starting_after?: string;
  ending_before?: string;
};

const resources: readonly {
  readonly name: string;
  readonly url: string;
  readonly list: (client: Stripe, params: ListParams) => Stripe.ApiListPromise<Item>;
  readonly all: () => readonly Item[];
}[] = [
  {
    name: 'meters',
    url: '/v1/billing/meters',
    list: (client, params) => client.billing.meters.list(params),
    all: () => meters,
  },
  {
    name: 'customers',
    url: '/v1/customers',
    list: (client, params) => client.customers.list(params),
    all: () => customers,
  },
];

for (const line of SDK_LINES) {
  for (const { name, url, list, all } of resources) {
    describe(`a list of ${name}, ${line.name}`, () => {
      let client: Stripe;
      before(() => {
        client = newClient(server, { line });
      });

      test('newest first, ten by default', async () => {
        assert.deepEqual(await list(client, {}), {
          object: 'list',
          url,
          has_more: true,
          data: all().slice(0, 10),
        });
      });

      test('limit 1 to 100', async () => {
        const one = await list(client, { limit: 1 });
        assert.deepEqual([one.data, one.has_more], [all().slice(0, 1), true]);
        const whole = await list(client, { limit: 100 });
        assert.deepEqual([whole.data, whole.has_more], [all(), false]);
        const exact = await list(client, { limit: COUNT });
        assert.deepEqual([exact.data, exact.has_more], [all(), false]);
        await refused400(list(client, { limit: 0 }), { param: 'limit' }, line);
        await refused400(list(client, { limit: 101 }), { param: 'limit' }, line);
        await refused400(list(client, { limit: -1 }), { param: 'limit' }, line);
        await refused400(
          list(client, { limit: 1.5 }),
          { param: 'limit', code: 'parameter_invalid_integer' },
          line,
        );
      });

      test('pages next to a cursor', async () => {
        const page = async (params: ListParams): Promise<readonly [readonly Item[], boolean]> => {
          const { data, has_more } = await list(client, { limit: 4, ...params });
          return [data, has_more];
        };
        const at = (index: number): string => all().at(index)?.id ?? '';
        assert.deepEqual(await page({ starting_after: at(0) }), [all().slice(1, 5), true]);
        assert.deepEqual(await page({ starting_after: at(-5) }), [all().slice(-4), false]);
        assert.deepEqual(await page({ starting_after: at(-1) }), [[], false]);
        assert.deepEqual(await page({ ending_before: at(-1) }), [all().slice(-5, -1), true]);
        assert.deepEqual(await page({ ending_before: at(4) }), [all().slice(0, 4), false]);
        assert.deepEqual(await page({ ending_before: at(2) }), [all().slice(0, 2), false]);
        assert.deepEqual(await page({ ending_before: at(0) }), [[], false]);
      });

      test('auto-pagination forwards: for await and autoPagingToArray', async () => {
        const seen: Item[] = [];
        for await (const item of list(client, {})) seen.push(item);
        assert.deepEqual(seen, all());
        assert.deepEqual(await list(client, { limit: 3 }).autoPagingToArray({ limit: 100 }), all());
        assert.deepEqual(
          await list(client, { limit: 3 }).autoPagingToArray({ limit: 7 }),
          all().slice(0, 7),
        );
      });

      test('auto-pagination backwards: oldest first, up to the newest', async () => {
        const oldest = all().at(-1)?.id ?? '';
        const expected = all().slice(0, -1).toReversed();
        const seen: Item[] = [];
        for await (const item of list(client, { limit: 7, ending_before: oldest })) seen.push(item);
        assert.deepEqual(seen, expected);
        const array = list(client, { limit: 5, ending_before: oldest });
        assert.deepEqual(await array.autoPagingToArray({ limit: 100 }), expected);
      });

      test('a cursor that names nothing is refused', async () => {
        const missing = { code: 'resource_missing' } as const;
        await refused400(
          list(client, { starting_after: 'nothing' }),
          { ...missing, param: 'starting_after' },
          line,
        );
        await refused400(
          list(client, { ending_before: 'nothing' }),
          { ...missing, param: 'ending_before' },
          line,
        );
      });

      test('both cursors at once are refused', async () => {
        const at = (index: number): string => all().at(index)?.id ?? '';
        await refused400(list(client, { starting_after: at(0), ending_before: at(5) }), {}, line);
      });

      test('the other mode’s list is empty, and its cursors unknown', async () => {
        const live = newClient(server, { line, key: LIVE_KEY });
        assert.deepEqual((await list(live, {})).data, []);
        const alien = list(live, { starting_after: all()[3]?.id ?? '' });
        await refused400(alien, { param: 'starting_after' }, line);
      });
    });
  }

  describe(`meters by status, ${line.name}`, () => {
    test('active, inactive, with pages', async () => {
      const client = newClient(server, { line });
      for (const status of ['active', 'inactive'] as const) {
        const expected = meters.filter((meter) => meter.status === status);
        const listed = await client.billing.meters
          .list({ status, limit: 3 })
          .autoPagingToArray({ limit: 100 });
        assert.deepEqual(listed, expected);
        const first = await client.billing.meters.list({ status, limit: expected.length });
        assert.deepEqual([first.data, first.has_more], [expected, false]);
      }
      await refused400(
        client.billing.meters.list({ status: 'archived' }),
        { param: 'status', message: 'Invalid status: must be one of active or inactive' },
        line,
      );
    });

    test('a cursor may be a meter that the filter leaves out', async () => {
      const client = newClient(server, { line });
      const index = meters.findIndex((meter) => meter.status === 'inactive');
      const { data } = await client.billing.meters.list({
        status: 'active',
        starting_after: meters[index]?.id ?? '',
        limit: 100,
      });
      assert.deepEqual(
        data,
        meters.slice(index).filter((meter) => meter.status === 'active'),
      );
    });
  });
}

test('parameters of a list that no list has', async () => {
  for (const { url } of resources) {
    const answer = await call(server, { path: `${url}?page=2` });
    assert.equal(answer.status, 400);
    const { code, param, message } = errorOf(answer);
    assert.deepEqual(
      { code, param, message },
      { code: 'parameter_unknown', param: 'page', message: 'Received unknown parameter: page' },
    );
  }
});

test('lists keep their order over a restart', async () => {
  await server.stop();
  await server.restart();
  for (const { list, all } of resources) {
    assert.deepEqual((await list(newClient(server), { limit: 100 })).data, all());
  }
});
