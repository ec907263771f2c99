import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createMeter, sendEvent } from '../support/fixtures.ts';
import { call, errorOf } from '../support/http.ts';
import { unique } from '../support/random.ts';
import { newClient, refused, refused400, SDK_LINES, type Stripe } from '../support/sdk.ts';
import { Server } from '../support/server.ts';
import { total } from '../support/summaries.ts';
import { dayStart, DAY_S, HOUR_S, nowS } from '../support/times.ts';

let server: Server;
before(async () => {
  server = await Server.start();
});
after(async () => {
  await server.remove();
});

/** A fresh customer, as Stripe presents one. */
function expected(
  customer: Stripe.Customer,
  fields: Partial<Stripe.Customer>,
): Record<string, unknown> {
  assert.match(customer.invoice_prefix ?? 'A', /^[0-9A-Z]+$/u);
  return {
    id: customer.id,
    object: 'customer',
    address: null,
    balance: 0,
    created: customer.created,
    currency: null,
    default_source: null,
    delinquent: false,
    description: null,
    discount: null,
    email: null,
    invoice_prefix: customer.invoice_prefix,
    invoice_settings: {
      custom_fields: null,
      default_payment_method: null,
      footer: null,
      rendering_options: null,
    },
    livemode: false,
    metadata: {},
    name: null,
    next_invoice_sequence: 1,
    phone: null,
    preferred_locales: [],
    shipping: null,
    tax_exempt: 'none',
    test_clock: null,
    ...fields,
  };
}

for (const line of SDK_LINES) {
  describe(`customers, ${line.name}`, () => {
    let client: Stripe;
    before(() => {
      client = newClient(server, { line });
    });

    test('a customer made with nothing has every key', async () => {
      const earliest = nowS();
      const customer = await client.customers.create();
      assert.match(customer.id, /^cus_[0-9A-Za-z]{14}$/u);
      assert.ok(customer.created >= earliest && customer.created <= nowS());
      assert.deepEqual(customer, expected(customer, {}));
      assert.deepEqual(await client.customers.retrieve(customer.id), customer);
    });

    test('a customer keeps name, email, description, phone and metadata', async () => {
      const fields = {
        name: 'Žofie & Co. = 100 %',
        email: 'zofie+test@example.com',
        description: 'line one\nline two',
        phone: '+420 123 456 789',
        metadata: { plan: 'gold', 'a key': '[x]=1', 'a.b': '%' },
      };
      const customer = await client.customers.create(fields);
      assert.deepEqual(customer, expected(customer, { ...fields }));
      assert.deepEqual(await client.customers.retrieve(customer.id), customer);
    });

    test('update sets what is sent, unsets what is sent empty, and leaves the rest', async () => {
      const customer = await client.customers.create({
        name: 'Before',
        email: 'before@example.com',
        description: 'stays',
        metadata: { stays: '1', goes: '2', changes: '3' },
      });
      const changed = await client.customers.update(customer.id, {
        name: 'After',
        email: '',
        metadata: { goes: '', changes: '4', comes: '5' },
      });
      assert.deepEqual(
        changed,
        expected(customer, {
          name: 'After',
          description: 'stays',
          metadata: { stays: '1', changes: '4', comes: '5' },
        }),
      );
      const cleared = await client.customers.update(customer.id, { metadata: '' });
      assert.deepEqual(cleared.metadata, {});
      assert.deepEqual(await client.customers.retrieve(customer.id), cleared);
    });

    test('a deleted customer is retrieved as deleted, and leaves lists', async () => {
      const customer = await client.customers.create({ email: `${unique('gone')}@example.com` });
      const deleted = { id: customer.id, object: 'customer', deleted: true };
      assert.deepEqual(await client.customers.del(customer.id), deleted);
      assert.deepEqual(await client.customers.retrieve(customer.id), deleted);
      const listed = await client.customers.list({ email: customer.email ?? '' });
      assert.deepEqual(listed.data, []);
      const missing = {
        type: 'StripeInvalidRequestError',
        status: 404,
        code: 'resource_missing',
        param: 'id',
        message: `No such customer: '${customer.id}'`,
      } as const;
      await refused(client.customers.update(customer.id, { name: 'x' }), missing, line);
      await refused(client.customers.del(customer.id), missing, line);
    });

    test('an unknown customer is 404 resource_missing, param id', async () => {
      const missing = {
        type: 'StripeInvalidRequestError',
        status: 404,
        code: 'resource_missing',
        param: 'id',
        message: `No such customer: 'cus_00000000000000'`,
      } as const;
      await refused(client.customers.retrieve('cus_00000000000000'), missing, line);
      await refused(client.customers.update('cus_00000000000000', {}), missing, line);
      await refused(client.customers.del('cus_00000000000000'), missing, line);
    });

    test('list filters by email', async () => {
      const email = `${unique('filter')}@example.com`;
      const one = await client.customers.create({ email, name: 'one' });
      await client.customers.create({ email: `other-${email}` });
      const two = await client.customers.create({ email, name: 'two' });
      assert.deepEqual((await client.customers.list({ email })).data, [two, one]);
    });

    test('unknown parameters and too much metadata are refused', async () => {
      const nope = { nope: '1' } as Stripe.CustomerCreateParams;
      await refused400(
        client.customers.create(nope),
        { code: 'parameter_unknown', param: 'nope', message: 'Received unknown parameter: nope' },
        line,
      );
      const many = Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`key${n}`, 'v']));
      const metadata = /^metadata/u;
      await refused400(client.customers.create({ metadata: many }), { param: metadata }, line);
      const longKey = { ['k'.repeat(41)]: 'v' };
      await refused400(client.customers.create({ metadata: longKey }), { param: metadata }, line);
      const longValue = { key: 'v'.repeat(501) };
      await refused400(client.customers.create({ metadata: longValue }), { param: metadata }, line);
      const fits = Object.fromEntries(
        Array.from({ length: 50 }, (_, n) => [`${n}`.padStart(40, 'k'), 'v'.repeat(500)]),
      );
      assert.deepEqual((await client.customers.create({ metadata: fits })).metadata, fits);
    });
  });
}

test('metadata may not grow past 50 keys by updates', async () => {
  const client = newClient(server);
  const metadata = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`key${n}`, 'v']));
  const customer = await client.customers.create({ metadata });
  await refused400(client.customers.update(customer.id, { metadata: { extra: 'v' } }), {
    param: /^metadata/u,
  });
  const swapped = await client.customers.update(customer.id, {
    metadata: { key0: '', extra: 'v' },
  });
  assert.equal(Object.keys(swapped.metadata).length, 50);
});

test('an event’s customer need not be registered', async () => {
  const client = newClient(server);
  const meter = await createMeter(client);
  await sendEvent(client, meter, { customer: 'nobody', value: '3', timestamp: dayStart(1) });
  const day = { start_time: dayStart(1), end_time: dayStart(1) + DAY_S };
  assert.equal(await total(server, { meter: meter.id, customer: 'nobody', ...day }), '3');
});

describe('with --customers registered', () => {
  let strict: Server;
  before(async () => {
    strict = await Server.start({ args: ['--customers', 'registered'] });
  });
  after(async () => {
    await strict.remove();
  });

  test('only a registered, not deleted customer’s events are accepted', async () => {
    const client = newClient(strict);
    const meter = await createMeter(client);
    const unknown = {
      code: 'resource_missing',
      param: 'payload[stripe_customer_id]',
    };
    await refused400(sendEvent(client, meter, { customer: 'cus_nobody' }), {
      ...unknown,
      message: /cus_nobody/u,
    });
    const customer = await client.customers.create();
    const day = { start_time: dayStart(1), end_time: dayStart(1) + DAY_S };
    const timestamp = dayStart(1) + HOUR_S;
    await sendEvent(client, meter, { customer: customer.id, timestamp });
    await client.customers.del(customer.id);
    await refused400(sendEvent(client, meter, { customer: customer.id, timestamp }), unknown);
    assert.equal(await total(strict, { meter: meter.id, customer: customer.id, ...day }), '1');
  });

  test('the param names the meter’s own customer key', async () => {
    const client = newClient(strict);
    const meter = await createMeter(client, { customer_key: 'user', formula: 'count' });
    const answer = await call(strict, {
      path: '/v1/billing/meter_events',
      body: { event_name: meter.event_name, 'payload[user]': 'cus_nobody' },
    });
    assert.equal(answer.status, 400);
    assert.equal(errorOf(answer).param, 'payload[user]');
  });
});

test('customers survive a restart and a kill -9, deleted ones stay deleted', async () => {
  const own = await Server.start();
  try {
    const kept = await newClient(own).customers.create({ name: 'kept', metadata: { a: 'b' } });
    const gone = await newClient(own).customers.create({ name: 'gone' });
    await newClient(own).customers.del(gone.id);
    await own.kill();
    await own.restart();
    assert.deepEqual(await newClient(own).customers.retrieve(kept.id), kept);
    assert.deepEqual((await newClient(own).customers.list()).data, [kept]);
    const deleted = await newClient(own).customers.retrieve(gone.id);
    assert.deepEqual(deleted, { id: gone.id, object: 'customer', deleted: true });
    assert.equal((await own.stop()).code, 0);
    await own.restart();
    assert.deepEqual((await newClient(own).customers.list()).data, [kept]);
  } finally {
    await own.remove();
  }
});
