import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createMeter } from '../support/fixtures.ts';
import { call, errorOf } from '../support/http.ts';
import { unique } from '../support/random.ts';
import { newClient, refused, refused400, SDK_LINES, type Stripe } from '../support/sdk.ts';
import { LIVE_KEY, Server } from '../support/server.ts';
import { nowS } from '../support/times.ts';

let server: Server;
before(async () => {
  server = await Server.start();
});
after(async () => {
  await server.remove();
});

for (const line of SDK_LINES) {
  describe(`meters, ${line.name}`, () => {
    let client: Stripe;
    before(() => {
      client = newClient(server, { line });
    });

    test('a meter made with the least has every key and Stripe’s defaults', async () => {
      const event_name = unique('least');
      const earliest = nowS();
      const meter = await client.billing.meters.create({
        display_name: 'Least',
        event_name,
        default_aggregation: { formula: 'sum' },
      });
      assert.match(meter.id, /^mtr_test_[0-9A-Za-z]{32}$/u);
      assert.ok(meter.created >= earliest && meter.created <= nowS());
      assert.deepEqual(meter, {
        id: meter.id,
        object: 'billing.meter',
        created: meter.created,
        customer_mapping: { event_payload_key: 'stripe_customer_id', type: 'by_id' },
        default_aggregation: { formula: 'sum' },
        display_name: 'Least',
        event_name,
        event_time_window: null,
        livemode: false,
        status: 'active',
        status_transitions: { deactivated_at: null },
        updated: meter.created,
        value_settings: { event_payload_key: 'value' },
      });
      assert.deepEqual(await client.billing.meters.retrieve(meter.id), meter);
    });

    for (const formula of ['count', 'last', 'sum'] as const) {
      for (const event_time_window of ['day', 'hour'] as const) {
        test(`a meter with every field: ${formula}, ${event_time_window}`, async () => {
          const event_name = unique('every');
          const meter = await client.billing.meters.create({
            display_name: 'Every field – “ünï”',
            event_name,
            default_aggregation: { formula },
            event_time_window,
            customer_mapping: { type: 'by_id', event_payload_key: 'user' },
            value_settings: { event_payload_key: 'bytes' },
          });
          assert.deepEqual(meter, {
            id: meter.id,
            object: 'billing.meter',
            created: meter.created,
            customer_mapping: { event_payload_key: 'user', type: 'by_id' },
            default_aggregation: { formula },
            display_name: 'Every field – “ünï”',
            event_name,
            event_time_window,
            livemode: false,
            status: 'active',
            status_transitions: { deactivated_at: null },
            updated: meter.created,
            value_settings: { event_payload_key: 'bytes' },
          });
          assert.deepEqual(await client.billing.meters.retrieve(meter.id), meter);
        });
      }
    }

    test('update changes display_name and nothing else', async () => {
      const meter = await createMeter(client);
      const renamed = await client.billing.meters.update(meter.id, { display_name: 'Renamed' });
      assert.ok(renamed.updated >= meter.updated);
      assert.deepEqual(renamed, { ...meter, display_name: 'Renamed', updated: renamed.updated });
      assert.deepEqual(await client.billing.meters.retrieve(meter.id), renamed);
    });

    test('an update without parameters changes nothing', async () => {
      const meter = await createMeter(client);
      assert.deepEqual(await client.billing.meters.update(meter.id, {}), meter);
    });

    test('deactivate, reactivate, and each of them twice', async () => {
      const meter = await createMeter(client);
      const off = await client.billing.meters.deactivate(meter.id);
      const offAt = off.status_transitions.deactivated_at;
      assert.ok(offAt !== null && offAt >= meter.created && offAt <= nowS());
      assert.deepEqual(off, {
        ...meter,
        status: 'inactive',
        status_transitions: { deactivated_at: offAt },
        updated: off.updated,
      });
      assert.deepEqual(await client.billing.meters.deactivate(meter.id), off);
      assert.deepEqual(await client.billing.meters.retrieve(meter.id), off);

      const on = await client.billing.meters.reactivate(meter.id);
      assert.deepEqual(on, { ...meter, updated: on.updated });
      assert.deepEqual(await client.billing.meters.reactivate(meter.id), on);
      assert.deepEqual(await client.billing.meters.retrieve(meter.id), on);
    });

    test('an event name belongs to one active meter', async () => {
      const first = await createMeter(client);
      const again = { event_name: first.event_name };
      await refused400(createMeter(client, again), { param: 'event_name' }, line);
      await client.billing.meters.deactivate(first.id);
      const second = await createMeter(client, again);
      assert.notEqual(second.id, first.id);
      await refused400(client.billing.meters.reactivate(first.id), { param: 'event_name' }, line);
      assert.equal((await client.billing.meters.retrieve(first.id)).status, 'inactive');
      await client.billing.meters.deactivate(second.id);
      assert.equal((await client.billing.meters.reactivate(first.id)).status, 'active');
    });

    test('of many creates at once with one event name, one wins', async () => {
      const event_name = unique('race');
      const outcomes = await Promise.allSettled(
        Array.from({ length: 16 }, async () => await createMeter(client, { event_name })),
      );
      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
    });

    test('an unknown meter is 404 resource_missing, param id', async () => {
      const id = 'mtr_test_00000000000000000000000000000000';
      const missing = {
        type: 'StripeInvalidRequestError',
        status: 404,
        code: 'resource_missing',
        param: 'id',
        message: `No such billing meter: '${id}'`,
      } as const;
      const { meters } = client.billing;
      await refused(meters.retrieve(id), missing, line);
      await refused(meters.update(id, { display_name: 'x' }), missing, line);
      await refused(meters.deactivate(id), missing, line);
      await refused(meters.reactivate(id), missing, line);
      await refused(
        meters.listEventSummaries(id, { customer: 'c', start_time: 0, end_time: 60 }),
        missing,
        line,
      );
    });
  });
}

describe('meters, refused parameters', () => {
  const good = (): Record<string, string> => ({
    display_name: 'Good',
    event_name: unique('good'),
    'default_aggregation[formula]': 'sum',
  });

  const cases: readonly {
    readonly name: string;
    readonly change: Readonly<Record<string, string | undefined>>;
    readonly param: string;
    readonly code?: string | undefined;
    readonly message?: string;
  }[] = [
    missing('display_name'),
    missing('event_name'),
    {
      ...missing('default_aggregation[formula]'),
      param: 'default_aggregation',
    },
    empty('display_name'),
    empty('event_name'),
    tooLong('display_name', 250),
    tooLong('event_name', 100),
    tooLong('value_settings[event_payload_key]', 100),
    {
      ...tooLong('customer_mapping[event_payload_key]', 100),
      change: {
        'customer_mapping[event_payload_key]': 'k'.repeat(101),
        'customer_mapping[type]': 'by_id',
      },
    },
    {
      name: 'formula max',
      change: { 'default_aggregation[formula]': 'max' },
      param: 'default_aggregation[formula]',
      message: 'Invalid default_aggregation[formula]: must be one of count, last, or sum',
    },
    {
      name: 'event_time_window week',
      change: { event_time_window: 'week' },
      param: 'event_time_window',
      message: 'Invalid event_time_window: must be one of day or hour',
    },
    {
      name: 'customer mapping by name',
      change: {
        'customer_mapping[type]': 'by_name',
        'customer_mapping[event_payload_key]': 'k',
      },
      param: 'customer_mapping[type]',
    },
    {
      name: 'customer mapping without type',
      change: { 'customer_mapping[event_payload_key]': 'k' },
      param: 'customer_mapping[type]',
      code: 'parameter_missing',
    },
    {
      name: 'customer mapping without key',
      change: { 'customer_mapping[type]': 'by_id' },
      param: 'customer_mapping[event_payload_key]',
      code: 'parameter_missing',
    },
    {
      name: 'a list where text is expected',
      change: { display_name: undefined, 'display_name[0]': 'x' },
      param: 'display_name',
    },
    {
      name: 'text where a map is expected',
      change: { 'default_aggregation[formula]': undefined, default_aggregation: 'sum' },
      param: 'default_aggregation',
    },
    {
      name: 'a preview parameter',
      change: { 'dimension_payload_keys[0]': 'region' },
      param: 'dimension_payload_keys',
      code: 'parameter_unknown',
      message: 'Received unknown parameter: dimension_payload_keys',
    },
    {
      name: 'an unknown parameter inside a known one',
      change: { 'default_aggregation[window]': 'day' },
      param: 'default_aggregation[window]',
      code: 'parameter_unknown',
    },
  ];

  for (const { name, change, param, code, message } of cases) {
    test(`create refuses ${name}`, async () => {
      const fields = { ...good(), ...change };
      const body: Record<string, string> = {};
      for (const [key, value] of Object.entries(fields)) {
        if (value !== undefined) body[key] = value;
      }
      const answer = await call(server, { path: '/v1/billing/meters', body });
      assert.equal(answer.status, 400, answer.text);
      const error = errorOf(answer);
      assert.equal(error.type, 'invalid_request_error');
      // A missing inner key may be reported at the map that holds it or at the key itself.
      if (name === 'no default_aggregation[formula]') assert.ok(error.param?.startsWith(param));
      else assert.equal(error.param, param, answer.text);
      if (code !== undefined) assert.equal(error.code, code, answer.text);
      if (message !== undefined) assert.equal(error.message, message);
      assert.ok(error.message.length > 0);
    });
  }

  test('the longest names fit: 250 and 100 characters, whatever their bytes', async () => {
    const meter = await newClient(server).billing.meters.create({
      display_name: 'ü'.repeat(250),
      event_name: unique('long').padEnd(100, 'é'),
      default_aggregation: { formula: 'sum' },
      customer_mapping: { type: 'by_id', event_payload_key: 'k'.repeat(100) },
      value_settings: { event_payload_key: 'v'.repeat(100) },
    });
    assert.equal(meter.display_name.length, 250);
    assert.equal(meter.event_name.length, 100);
  });

  test('a refused create leaves no meter behind', async () => {
    const client = newClient(server);
    const event_name = unique('left');
    await call(server, { path: '/v1/billing/meters', body: { ...good(), event_name, nope: '1' } });
    assert.equal((await createMeter(client, { event_name })).event_name, event_name);
  });

  test('update refuses what is not display_name', async () => {
    const client = newClient(server);
    const meter = await createMeter(client);
    const immutable: Readonly<Record<string, unknown>> = {
      event_name: 'other',
      status: 'inactive',
      default_aggregation: { formula: 'count' },
    };
    for (const [param, value] of Object.entries(immutable)) {
      const update = client.billing.meters.update(meter.id, { [param]: value });
      await refused400(update, { code: 'parameter_unknown', param });
    }
    await refused400(client.billing.meters.update(meter.id, { display_name: '' }), {
      param: 'display_name',
    });
    await refused400(client.billing.meters.update(meter.id, { display_name: 'x'.repeat(251) }), {
      param: 'display_name',
    });
    assert.deepEqual(await client.billing.meters.retrieve(meter.id), meter);
  });

  function missing(param: string): (typeof cases)[number] {
    return {
      name: `no ${param}`,
      change: { [param]: undefined },
      param,
      code: 'parameter_missing',
    };
  }
  function empty(param: string): (typeof cases)[number] {
    return {
      name: `an empty ${param}`,
      change: { [param]: '' },
      param,
      code: 'parameter_invalid_empty',
    };
  }
  function tooLong(param: string, limit: number): (typeof cases)[number] {
    return {
      name: `a ${param} of ${limit + 1} characters`,
      change: { [param]: 'x'.repeat(limit + 1) },
      param,
    };
  }
});

test('a live meter has a live id', async () => {
  const meter = await createMeter(newClient(server, { key: LIVE_KEY }));
  assert.match(meter.id, /^mtr_(?!test_)[0-9A-Za-z]+$/u);
  assert.equal(meter.livemode, true);
});

test('meters survive a restart and a kill -9', async () => {
  const own = await Server.start();
  try {
    const kept = await createMeter(newClient(own));
    const off = await createMeter(newClient(own));
    const offNow = await newClient(own).billing.meters.deactivate(off.id);
    assert.equal((await own.stop()).code, 0);
    await own.restart();
    assert.deepEqual(await newClient(own).billing.meters.retrieve(kept.id), kept);
    const renamed = await newClient(own).billing.meters.update(kept.id, { display_name: 'After' });
    await own.kill();
    await own.restart();
    const client = newClient(own);
    assert.deepEqual(await client.billing.meters.retrieve(kept.id), renamed);
    assert.deepEqual((await client.billing.meters.list()).data, [offNow, renamed]);
  } finally {
    await own.remove();
  }
});
