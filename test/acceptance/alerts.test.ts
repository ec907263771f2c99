import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createMeter, sendEvent } from '../support/fixtures.ts';
import { call, errorOf } from '../support/http.ts';
import { newClient, refused, refused400, SDK_LINES, type Stripe } from '../support/sdk.ts';
import { LIVE_KEY, Server } from '../support/server.ts';
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
  readonly gte?: number;
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
      gte,
      meter: meter.id,
      // Beyond Stripe, and so beyond its types.
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
      const alert = await createAlert(client, meter, { gte: 2.5, customer: 'cus_1' });
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
            gte: 2.5,
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

  test('an archived alert is not changed any more', async () => {
    const client = newClient(server);
    const { id } = await createAlert(client, await createMeter(client));
    await client.billing.alerts.archive(id);
    for (const change of ['activate', 'deactivate', 'archive'] as const) {
      await refused400(client.billing.alerts[change](id), { param: 'id' });
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
  };

  /** What the events say of this alert, the first first. */
  async function firedOf(client: Stripe, { id }: { readonly id: string }): Promise<Fired[]> {
    const list = client.events.list({ type: 'billing.alert.triggered', limit: 100 });
    const fired: Fired[] = [];
    for await (const { data } of list) fired.unshift(data.object as Fired);
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
    assert.deepEqual([first?.customer, first?.value], ['early', 10.25]);
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
