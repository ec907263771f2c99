import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createMeter, sendEvent } from '../support/fixtures.ts';
import { call, errorOf } from '../support/http.ts';
import { createKey } from '../support/keys.ts';
import { newClient, refused, refused400, SDK_LINES, type Stripe } from '../support/sdk.ts';
import { LIVE_KEY, Server } from '../support/server.ts';
import { openStream, postStream } from '../support/stream.ts';
import { dayStart } from '../support/times.ts';
import { until } from '../support/wait.ts';

let server: Server;
before(async () => {
  server = await Server.start();
});
after(async () => {
  await server.remove();
});

type Fields = {
  /** A text is sent as `gte_decimal`. */
  readonly gte?: number | string;
  readonly customer?: string;
  readonly recurrence?: string;
};

async function createAlert(
  client: Stripe,
  meter: { readonly id: string },
  { gte = 10, customer, recurrence = 'one_time' }: Fields = {},
): Promise<Stripe.Billing.Alert> {
  return await client.billing.alerts.create({
    title: 'Much',
    alert_type: 'usage_threshold',
    usage_threshold: {
      // Beyond Stripe, and so beyond its types.
      ...((typeof gte === 'string' ? { gte_decimal: gte } : { gte }) as { gte: number }),
      meter: meter.id,
      recurrence: recurrence as 'one_time',
      ...(customer === undefined ? {} : { filters: [{ type: 'customer' as const, customer }] }),
    },
  });
}

for (const line of SDK_LINES) {
  describe(`alerts, ${line.name}`, () => {
    let client: Stripe;
    before(() => {
      client = newClient(server, { line });
    });

    test('one is made, found, and shown as Stripe shows it', async () => {
      const meter = await createMeter(client);
      const alert = await createAlert(client, meter, { gte: '2.50', customer: 'cus_1' });
      const { lastResponse: _, ...shown } = alert as Stripe.Response<Stripe.Billing.Alert>;
      assert.match(alert.id, /^alrt_test_/u);
      assert.deepEqual(
        { ...shown },
        {
          id: alert.id,
          object: 'billing.alert',
          alert_type: 'usage_threshold',
          livemode: false,
          status: 'active',
          title: 'Much',
          usage_threshold: {
            filters: [{ customer: 'cus_1', type: 'customer' }],
            gte: 2,
            gte_decimal: '2.5',
            meter: meter.id,
            recurrence: 'one_time',
          },
        },
      );
      const expand = ['usage_threshold.meter'];
      const whole = await client.billing.alerts.retrieve(alert.id, { expand });
      assert.deepEqual(
        (whole.usage_threshold?.meter as Stripe.Billing.Meter | undefined)?.id,
        meter.id,
      );
    });

    test('the meter and the customer are shown whole where that is asked for', async () => {
      const meter = await createMeter(client);
      const customer = await client.customers.create({ name: 'Ada' });
      const paths = ['usage_threshold.meter', 'usage_threshold.filters.customer'];
      const { id } = await createAlert(client, meter, { customer: customer.id });
      const { alerts } = client.billing;
      const shownWhole = [
        await alerts.retrieve(id, { expand: paths }),
        (await alerts.list({ meter: meter.id, expand: paths.map((path) => `data.${path}`) }))
          .data[0],
        await alerts.deactivate(id, { expand: paths }),
        await alerts.activate(id, { expand: paths }),
        await alerts.archive(id, { expand: paths }),
        await alerts.create({
          title: 'Another',
          alert_type: 'usage_threshold',
          usage_threshold: {
            gte: 1,
            meter: meter.id,
            recurrence: 'one_time',
            filters: [{ type: 'customer', customer: customer.id }],
          },
          expand: paths,
        }),
      ];
      const whole = await client.customers.retrieve(customer.id);
      for (const alert of shownWhole) {
        const shown = alert?.usage_threshold?.filters?.[0]?.customer;
        assert.deepEqual(shown, JSON.parse(JSON.stringify(whole)));
        assert.equal(
          (alert?.usage_threshold?.meter as Stripe.Billing.Meter | undefined)?.id,
          meter.id,
        );
      }
      await client.customers.del(customer.id);
      const deleted = await alerts.retrieve(id, { expand: paths });
      assert.equal(deleted.usage_threshold?.filters?.[0]?.customer, customer.id);
      const stranger = await createAlert(client, meter, { customer: 'not_registered' });
      const unknown = await alerts.retrieve(stranger.id, { expand: paths });
      assert.equal(unknown.usage_threshold?.filters?.[0]?.customer, 'not_registered');
      const ofAll = await alerts.retrieve((await createAlert(client, meter)).id, { expand: paths });
      assert.equal(ofAll.usage_threshold?.filters, null);
    });

    test('the list is newest first, by meter, without the archived ones', async () => {
      const meter = await createMeter(client);
      const alerts = [];
      for (let n = 1; n <= 5; n += 1) alerts.unshift(await createAlert(client, meter, { gte: n }));
      await client.billing.alerts.archive(alerts[2]!.id);
      const listed = [];
      for await (const alert of client.billing.alerts.list({ meter: meter.id, limit: 2 })) {
        listed.push(alert.id);
      }
      const left = alerts.filter((_, index) => index !== 2).map(({ id }) => id);
      assert.deepEqual(listed, left);
    });

    test('activate, deactivate, archive; an archived one stays so', async () => {
      const meter = await createMeter(client);
      const { id } = await createAlert(client, meter);
      assert.equal((await client.billing.alerts.deactivate(id)).status, 'inactive');
      assert.equal((await client.billing.alerts.activate(id)).status, 'active');
      assert.equal((await client.billing.alerts.archive(id)).status, 'archived');
      assert.equal((await client.billing.alerts.retrieve(id)).status, 'archived');
    });
  });
}

describe('what is wrong with an alert is named', () => {
  test('by its parameter', async () => {
    const client = newClient(server);
    const meter = await createMeter(client);
    const good = {
      title: 'x',
      alert_type: 'usage_threshold',
      'usage_threshold[gte]': '1',
      'usage_threshold[meter]': meter.id,
      'usage_threshold[recurrence]': 'one_time',
    };
    const wrong: readonly (readonly [Record<string, string>, string])[] = [
      [{ title: '' }, 'title'],
      [{ alert_type: 'spend_threshold' }, 'alert_type'],
      [{ 'usage_threshold[gte]': '0' }, 'usage_threshold[gte]'],
      [{ 'usage_threshold[gte]': '1.0' }, 'usage_threshold[gte]'],
      [{ 'usage_threshold[gte]': '1e3' }, 'usage_threshold[gte]'],
      [{ 'usage_threshold[gte]': '1'.repeat(16) }, 'usage_threshold[gte]'],
      [{ 'usage_threshold[gte_decimal]': '1' }, 'usage_threshold[gte_decimal]'],
      [{ 'usage_threshold[gte]': '-1' }, 'usage_threshold[gte]'],
      [{ 'usage_threshold[gte]': 'x' }, 'usage_threshold[gte]'],
      [{ 'usage_threshold[meter]': 'mtr_none' }, 'usage_threshold[meter]'],
      [{ 'usage_threshold[recurrence]': 'yearly' }, 'usage_threshold[recurrence]'],
      [{ 'usage_threshold[filters][0][type]': 'plan' }, 'usage_threshold[filters][0][type]'],
      [
        { 'usage_threshold[filters][0][type]': 'customer' },
        'usage_threshold[filters][0][customer]',
      ],
      [{ 'usage_threshold[filters][1][type]': 'customer' }, 'usage_threshold[filters]'],
      [{ 'expand[0]': 'meter' }, 'expand'],
    ];
    for (const [change, param] of wrong) {
      const answer = await call(server, {
        path: '/v1/billing/alerts',
        body: { ...good, ...change },
      });
      assert.equal(answer.status, 400, answer.text);
      assert.equal(errorOf(answer).param, param, answer.text);
    }
  });

  test('a fraction belongs in gte_decimal, and one of the two is sent', async () => {
    const client = newClient(server);
    const meter = await createMeter(client);
    await refused400(createAlert(client, meter, { gte: 0.5 }), {
      code: 'parameter_invalid_integer',
      param: 'usage_threshold[gte]',
      message:
        'Invalid integer: 0.5. For a threshold with a fraction, send usage_threshold[gte_decimal] instead.',
    });
    const sent = {
      title: 'x',
      alert_type: 'usage_threshold',
      'usage_threshold[meter]': meter.id,
      'usage_threshold[recurrence]': 'one_time',
    };
    const create = async (more: Record<string, string>) =>
      await call(server, { path: '/v1/billing/alerts', body: { ...sent, ...more } });
    const none = errorOf(await create({}));
    assert.deepEqual([none.code, none.param], ['parameter_missing', 'usage_threshold[gte]']);
    for (const wrong of ['0', '-0.5', '', 'x', '1.1234567890123', '1'.repeat(16)]) {
      const answer = await create({ 'usage_threshold[gte_decimal]': wrong });
      assert.deepEqual(
        [answer.status, errorOf(answer).param],
        [400, 'usage_threshold[gte_decimal]'],
        answer.text,
      );
    }
    const blank = errorOf(await create({ 'usage_threshold[gte_decimal]': '1\u00a0' }));
    assert.match(blank.message, /12 fraction digits, not "1\\u00a0"\.$/u);
    const whole = errorOf(await create({ 'usage_threshold[gte]': ' 1' }));
    assert.match(whole.message, /^Invalid integer: " 1"\. For /u);
    // As the SDKs of Python and Java write a decimal.
    const tiny = await create({ 'usage_threshold[gte_decimal]': '1E-7' });
    assert.match(tiny.text, /"gte":0,"gte_decimal":"0\.0000001"/u);
    const large = await create({ 'usage_threshold[gte_decimal]': '999999999999999.999999999999' });
    const digits = /"gte":999999999999999,"gte_decimal":"999999999999999\.999999999999"/u;
    assert.match(large.text, digits);
    const { id } = JSON.parse(large.text) as { id: string };
    const found = await call(server, { path: `/v1/billing/alerts/${id}` });
    assert.match(found.text, digits);
    const listed = await call(server, { path: `/v1/billing/alerts?meter=${meter.id}` });
    assert.match(listed.text, digits);
  });

  test('an archived alert is not changed any more', async () => {
    const client = newClient(server);
    const { id } = await createAlert(client, await createMeter(client));
    await client.billing.alerts.archive(id);
    for (const change of ['activate', 'deactivate', 'archive'] as const) {
      await refused400(client.billing.alerts[change](id), { param: 'id' });
    }
  });

  test('a key is shown whole only what it may read', async () => {
    const client = newClient(server);
    const { id } = await createAlert(client, await createMeter(client), { customer: 'c' });
    const keyOf = async (scopes: string) =>
      newClient(server, {
        key: await createKey(server.folder, '--restricted', '--scope', scopes),
      });
    const reader = await keyOf('alerts.read');
    assert.equal((await reader.billing.alerts.retrieve(id)).id, id);
    for (const [path, scope] of [
      ['usage_threshold.meter', 'meters.read'],
      ['usage_threshold.filters.customer', 'customers.read'],
    ] as const) {
      const denied = {
        type: 'StripePermissionError',
        status: 403,
        message: new RegExp(`Having the '${scope}' permission would allow`, 'u'),
      } as const;
      await refused(reader.billing.alerts.retrieve(id, { expand: [path] }), denied);
      await refused(reader.billing.alerts.list({ expand: [`data.${path}`] }), denied);
      const both = await keyOf(`alerts.read,${scope}`);
      assert.equal((await both.billing.alerts.retrieve(id, { expand: [path] })).id, id);
    }
  });

  test('another mode’s alert looks like one that is not there', async () => {
    const { id } = await createAlert(newClient(server), await createMeter(newClient(server)));
    const live = newClient(server, { key: LIVE_KEY });
    await refused(live.billing.alerts.retrieve(id), {
      type: 'StripeInvalidRequestError',
      status: 404,
      code: 'resource_missing',
      message: `No such billing alert: '${id}'`,
    });
  });
});

describe('an alert fires', () => {
  type Fired = {
    readonly alert: Stripe.Billing.Alert;
    readonly customer: string;
    readonly value: number;
    readonly value_decimal: string;
  };

  /** What the events say of this alert, the first first. */
  async function firedOf(client: Stripe, { id }: { readonly id: string }): Promise<Fired[]> {
    const list = client.events.list({ type: 'billing.alert.triggered', limit: 100 });
    const fired: Fired[] = [];
    for await (const { data } of list) fired.unshift(data.object as unknown as Fired);
    return fired.filter(({ alert }) => alert.id === id);
  }

  async function untilFired(client: Stripe, alert: { readonly id: string }, count: number) {
    await until(`${count} times`, async () => (await firedOf(client, alert)).length >= count);
    const fired = await firedOf(client, alert);
    assert.equal(fired.length, count);
    return fired;
  }

  test('once for each customer, with the exact value, on earlier and later usage together', async () => {
    const client = newClient(server);
    const meter = await createMeter(client);
    await sendEvent(client, meter, { customer: 'early', value: '9.5' });
    await sendEvent(client, meter, { customer: 'over', value: '20' });
    const alert = await createAlert(client, meter, { gte: 10 });
    await sendEvent(client, meter, { customer: 'late', value: '3' });
    await sendEvent(client, meter, { customer: 'early', value: '0.75' });
    const [first] = await untilFired(client, alert, 1);
    assert.deepEqual([first?.customer, first?.value, first?.value_decimal], ['early', 10, '10.25']);
    const shown = first?.alert.usage_threshold?.meter as Stripe.Billing.Meter | undefined;
    assert.equal(shown?.id, meter.id);
    await sendEvent(client, meter, { customer: 'early', value: '5' });
    await sendEvent(client, meter, { customer: 'late', value: '7' });
    const [, second] = await untilFired(client, alert, 2);
    assert.deepEqual([second?.customer, second?.value], ['late', 10]);
    // Who was over the threshold before fires on what is reported after it.
    await sendEvent(client, meter, { customer: 'over', value: '1' });
    const [, , third] = await untilFired(client, alert, 3);
    assert.deepEqual([third?.customer, third?.value], ['over', 21]);
  });

  test('at a threshold with a fraction, not before it', async () => {
    const own = await Server.start();
    const made = await createMeter(newClient(own));
    const alert = await createAlert(newClient(own), made, { gte: '100.2' });
    // As it is stored, too.
    await own.stop();
    await own.restart();
    const client = newClient(own);
    const meter = await client.billing.meters.retrieve(made.id);
    await sendEvent(client, meter, { customer: 'below', value: '100.199999999999' });
    await sendEvent(client, meter, { customer: 'at', value: '100.2' });
    const [at] = await untilFired(client, alert, 1);
    assert.deepEqual([at?.customer, at?.value, at?.value_decimal], ['at', 100, '100.2']);
    const shown = at?.alert.usage_threshold as unknown as Record<string, unknown> | undefined;
    assert.deepEqual([shown?.['gte'], shown?.['gte_decimal']], [100, '100.2']);
    await own.remove();
  });

  test('with a value beyond 64 bits as the greatest that they hold, and all its digits', async () => {
    const client = newClient(server);
    const meter = await createMeter(client);
    await createAlert(client, meter, { gte: 999_999_999_999_999 });
    const token = await openStream(server);
    const event = {
      event_name: meter.event_name,
      payload: { stripe_customer_id: 'c', value: '999999999999999.5' },
    };
    for (let sent = 0; sent < 9300; sent += 100) {
      const answer = await postStream(server, token, Array<object>(100).fill(event));
      assert.equal(answer.status, 200, answer.text);
    }
    const [start, end] = [dayStart(1), dayStart(-1)];
    const total = await call(server, {
      path: `/v1/billing/meters/${meter.id}/event_summaries?customer=c&start_time=${start}&end_time=${end}`,
    });
    assert.match(total.text, /"aggregated_value_decimal":"9299999999999995350"/u);
    // The first fired before all had come; this one counts them.
    const all = await createAlert(client, meter, { gte: 1 });
    await sendEvent(client, meter, { customer: 'c', value: '0.25' });
    await untilFired(client, all, 1);
    const told = await call(server, { path: '/v1/events?type=billing.alert.triggered&limit=1' });
    assert.match(
      told.text,
      /"value":9223372036854775807,"value_decimal":"9299999999999995350\.25"/u,
    );
  });

  test('daily once for each day, also for one that has passed', async () => {
    const client = newClient(server);
    const meter = await createMeter(client);
    const alert = await createAlert(client, meter, { gte: 5, recurrence: 'daily', customer: 'c' });
    const days = [dayStart(1), dayStart(3)];
    for (const timestamp of days) {
      await sendEvent(client, meter, { customer: 'c', value: '3', timestamp });
      await sendEvent(client, meter, { customer: 'other', value: '9', timestamp });
    }
    for (const timestamp of days) {
      await sendEvent(client, meter, { customer: 'c', value: '4', timestamp: timestamp + 60 });
    }
    const fired = await untilFired(client, alert, 2);
    assert.deepEqual(
      fired.map(({ customer, value }) => [customer, value]),
      [
        ['c', 7],
        ['c', 7],
      ],
    );
  });

  test('once, whatever is killed in between', async () => {
    const own = await Server.start();
    const meter = await createMeter(newClient(own));
    const alert = await createAlert(newClient(own), meter, { gte: 10 });
    const customers = Array.from({ length: 12 }, (_, n) => `c${n}`);
    for (const [n, customer] of customers.entries()) {
      // A restarted server listens on another port.
      await sendEvent(newClient(own), meter, { customer, value: '10' });
      if (n % 4 !== 3) continue;
      await own.kill();
      await own.restart();
    }
    const fired = await untilFired(newClient(own), alert, customers.length);
    assert.deepEqual(new Set(fired.map(({ customer }) => customer)), new Set(customers));
    await own.remove();
  });
});
