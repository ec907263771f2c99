/** All that Stripe takes and shows of a customer, ids that callers choose, filters of the list, and the account. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createMeter, sendEvent } from '../support/fixtures.ts';
import { call, errorOf } from '../support/http.ts';
import { unique } from '../support/random.ts';
import { newClient, refused, refused400, SDK_LINES, type Stripe } from '../support/sdk.ts';
import { LIVE_KEY, Server } from '../support/server.ts';
import { total } from '../support/summaries.ts';
import { dayStart, DAY_S } from '../support/times.ts';

let server: Server;
before(async () => {
  server = await Server.start();
});
after(async () => {
  await server.remove();
});

const address = {
  city: 'Brno',
  country: 'CZ',
  line1: 'Kounicova 1',
  line2: 'flat 2',
  postal_code: '602 00',
  state: 'JM',
};
const kept = {
  address,
  balance: -500,
  business_name: 'Acme s.r.o.',
  individual_name: 'Žofie',
  invoice_prefix: 'ACME1',
  invoice_settings: {
    custom_fields: [{ name: 'PO', value: '7' }],
    default_payment_method: 'pm_1',
    footer: 'Thanks',
    rendering_options: { amount_tax_display: 'exclude_tax', template: 'inrtem_1' },
  },
  next_invoice_sequence: 42,
  preferred_locales: ['cs', 'en-GB'],
  shipping: { address, name: 'Žofie', phone: '+420 1' },
  tax_exempt: 'reverse',
} as const;
const dropped = {
  cash_balance: { settings: { reconciliation_mode: 'manual' } },
  source: 'tok_visa',
  tax: { ip_address: '203.0.113.1', validate_location: 'deferred' },
  validate: true,
} as const;
const droppedOnCreate = {
  ...dropped,
  payment_method: 'pm_card_visa',
  tax_id_data: [{ type: 'eu_vat', value: 'CZ12345678' }],
} as const;

for (const line of SDK_LINES) {
  describe(`customers in full, ${line.name}`, () => {
    let client: Stripe;
    before(() => {
      client = newClient(server, { line });
    });

    test('all that Stripe takes is taken; what bills are written by is shown', async () => {
      const params = structuredClone({ ...kept, ...droppedOnCreate, test_clock: 'clock_1' });
      const customer = await client.customers.create(
        params as unknown as Stripe.CustomerCreateParams,
      );
      const shown = { ...customer };
      assert.deepEqual({ ...shown, ...kept, test_clock: 'clock_1' }, shown);
      assert.equal(customer.default_source, null);
      assert.deepEqual(await client.customers.retrieve(customer.id), customer);
      const plain = await client.customers.create();
      const update = structuredClone({
        ...kept,
        ...dropped,
      }) as unknown as Stripe.CustomerUpdateParams;
      const updated = await client.customers.update(plain.id, update);
      assert.deepEqual(updated, { ...plain, ...kept });
    });

    test('an empty text unsets; an address is set as a whole', async () => {
      const customer = await client.customers.create(
        structuredClone(kept) as unknown as Stripe.CustomerCreateParams,
      );
      const moved = await client.customers.update(customer.id, { address: { city: 'Praha' } });
      const nowhere = { country: null, line1: null, line2: null, postal_code: null, state: null };
      assert.deepEqual(moved, { ...customer, address: { ...nowhere, city: 'Praha' } });
      const footer = await client.customers.update(customer.id, {
        invoice_settings: { footer: 'Bye' },
      });
      assert.deepEqual(footer.invoice_settings, { ...customer.invoice_settings, footer: 'Bye' });
      const cleared = await client.customers.update(customer.id, {
        address: '',
        business_name: '',
        individual_name: '',
        shipping: '',
        tax_exempt: '',
      });
      const { business_name: _, individual_name: __, ...rest } = footer;
      assert.deepEqual(cleared, { ...rest, address: null, shipping: null, tax_exempt: 'none' });
    });

    test('what Stripe expands is shown whole, empty where there is nothing', async () => {
      const customer = await client.customers.create({ name: 'expanded' });
      const url = `/v1/customers/${customer.id}`;
      const list = (name: string): object => ({
        object: 'list',
        data: [],
        has_more: false,
        url: `${url}/${name}`,
      });
      const expand = [
        'default_source',
        'invoice_settings.default_payment_method',
        'subscriptions.data.items',
        'sources',
        'tax',
        'tax_ids',
        'test_clock',
      ];
      const whole = {
        ...customer,
        subscriptions: list('subscriptions'),
        sources: list('sources'),
        tax: {
          automatic_tax: 'unrecognized_location',
          ip_address: null,
          location: null,
          provider: 'stripe',
        },
        tax_ids: list('tax_ids'),
      };
      assert.deepEqual(await client.customers.retrieve(customer.id, { expand }), whole);
      assert.deepEqual(await client.customers.update(customer.id, { expand }), whole);
      const listed = await client.customers.list({
        limit: 1,
        expand: expand.map((path) => `data.${path}`),
      });
      assert.deepEqual(listed.data, [whole]);
      await refused400(
        client.customers.retrieve(customer.id, { expand: ['taxes'] }),
        { param: 'expand', message: 'This property cannot be expanded (taxes).' },
        line,
      );
    });

    test('lists take times and a clock; those of clocks are left out unless it is asked for', async () => {
      const email = `${unique('listed')}@example.com`;
      const clock = unique('clock');
      const real = await client.customers.create({ email });
      const clocked = await client.customers.create({ email, test_clock: clock });
      const ids = async (params: Stripe.CustomerListParams): Promise<string[]> =>
        (await client.customers.list({ email, ...params })).data.map(({ id }) => id);
      assert.deepEqual(await ids({}), [real.id]);
      assert.deepEqual(await ids({ test_clock: clock }), [clocked.id]);
      const { created } = real;
      for (const [range, isThere] of [
        [created, true],
        [created + 1, false],
        [{ gte: created, lte: created }, true],
        [{ gt: created }, false],
        [{ lt: created }, false],
        [{ gt: created - 1, lt: created + 1 }, true],
      ] as const) {
        assert.deepEqual(
          await ids({ created: range }),
          isThere ? [real.id] : [],
          JSON.stringify(range),
        );
      }
    });

    test('an id of one’s own: registered, metered, found, changed, deleted and registered again', async () => {
      const meter = await createMeter(client);
      for (const odd of [
        'plain',
        'a/b',
        '100 %',
        'x+y',
        'ž🚕',
        '?#&;=',
        'cus_of_stripe',
        '%2F',
        'tab\t',
      ]) {
        const id = unique('') + odd;
        const customer = await client.customers.create({
          id,
          name: odd,
        } as Stripe.CustomerCreateParams);
        assert.equal(customer.id, id);
        assert.match(customer.invoice_prefix ?? '', /^[0-9A-Z]{8}$/u);
        assert.deepEqual(await client.customers.retrieve(id), customer);
        const changed = await client.customers.update(id, { name: 'changed' });
        assert.deepEqual(changed, { ...customer, name: 'changed' });
        await sendEvent(client, meter, { customer: id, value: '2', timestamp: dayStart(1) });
        const day = { start_time: dayStart(1), end_time: dayStart(1) + DAY_S };
        assert.equal(await total(server, { meter: meter.id, customer: id, ...day }), '2');
        const taken = {
          code: 'resource_already_exists',
          param: 'id',
          message: 'Customer already exists.',
        };
        const again = { id, name: 'again' } as Stripe.CustomerCreateParams;
        await refused400(client.customers.create(again), taken, line);
        assert.deepEqual(await client.customers.del(id), { id, object: 'customer', deleted: true });
        assert.equal((await client.customers.create(again)).name, 'again');
      }
    });
  });
}

test('an id that no URL could name is refused', async () => {
  const client = newClient(server);
  const create = async (id: string): Promise<unknown> =>
    await client.customers.create({ id } as Stripe.CustomerCreateParams);
  for (const [id, message] of [
    ['search', `Invalid id: "search" is a word of the API.`],
    ['..', `Invalid id: ".." would be lost from a URL.`],
    ['a b+c', `Invalid id: "a b+c" has both spaces and plus signs.`],
    ['x'.repeat(101), /at most 100 characters/u],
  ] as const) {
    await refused400(create(id), { param: 'id', message });
  }
});

test('a plus in a URL means a space where no id has the plus, as four of Stripe’s SDKs write it', async () => {
  const client = newClient(server);
  const name = unique('Acme Corp ');
  await client.customers.create({ id: name } as Stripe.CustomerCreateParams);
  const path = `/v1/customers/${encodeURIComponent(name).replaceAll('%20', '+')}`;
  const found = await call(server, { path, method: 'GET' });
  assert.equal((JSON.parse(found.text) as { id: string }).id, name);
  const twin = name.replaceAll(' ', '+');
  await refused400(client.customers.create({ id: twin } as Stripe.CustomerCreateParams), {
    code: 'resource_already_exists',
    param: 'id',
  });
});

test('what is malformed is refused by its path', async () => {
  for (const [body, param, code] of [
    [{ email: 'nowhere' }, 'email', 'email_invalid'],
    [{ 'shipping[name]': 'x' }, 'shipping[address]', 'parameter_missing'],
    [{ 'address[town]': 'x' }, 'address[town]', 'parameter_unknown'],
    [{ balance: '1.5' }, 'balance', 'parameter_invalid_integer'],
    [{ invoice_prefix: 'no' }, 'invoice_prefix', undefined],
  ] as const) {
    const answer = await call(server, { path: '/v1/customers', body });
    assert.equal(answer.status, 400);
    const { param: named, code: coded } = errorOf(answer);
    assert.deepEqual([named, coded], [param, code]);
  }
});

test('the account of a key, for any key; no other', async () => {
  const client = newClient(server);
  const account = await client.accounts.retrieveCurrent();
  assert.match(account.id, /^acct_\w{16}$/u);
  assert.equal(account.object, 'account');
  assert.equal(account.settings?.dashboard.display_name, 'Taximeter');
  assert.deepEqual([account.country, account.default_currency], ['US', 'usd']);
  assert.ok(Number(account.created) > 1_700_000_000);
  assert.equal((account as { livemode?: boolean }).livemode, false);
  assert.deepEqual(await client.accounts.retrieve(account.id), account);
  const live = await newClient(server, { key: LIVE_KEY }).accounts.retrieveCurrent();
  assert.deepEqual(live, { ...account, livemode: true });
  await refused(client.accounts.retrieve('acct_other'), {
    type: 'StripePermissionError',
    status: 403,
    code: 'account_invalid',
    message: /does not have access to account 'acct_other'/u,
  });
});
