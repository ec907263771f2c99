import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createMeter, sendEvent } from '../support/fixtures.ts';
import { call, errorOf, toForm, type Answer } from '../support/http.ts';
import { unique } from '../support/random.ts';
import { newClient, refused400, SDK_LINES, type Stripe } from '../support/sdk.ts';
import { LIVE_KEY, Server, TEST_KEY } from '../support/server.ts';
import { total } from '../support/summaries.ts';
import { DAY_S, dayStart, HOUR_S, nowS } from '../support/times.ts';

let server: Server;
before(async () => {
  server = await Server.start();
});
after(async () => {
  await server.remove();
});

const PATH = '/v1/billing/meter_events';
const yesterday = dayStart(1);

async function sum(meter: { readonly id: string }, customer: string): Promise<string> {
  const range = { start_time: dayStart(36), end_time: dayStart(-2) };
  return await total(server, { meter: meter.id, customer, ...range });
}

for (const line of SDK_LINES) {
  describe(`meter events, ${line.name}`, () => {
    let client: Stripe;
    let meter: Stripe.Billing.Meter;
    before(async () => {
      client = newClient(server, { line });
      meter = await createMeter(client);
    });

    test('an event with every field is answered with every field', async () => {
      const identifier = unique('every');
      const earliest = nowS();
      const event = await client.billing.meterEvents.create({
        event_name: meter.event_name,
        payload: { stripe_customer_id: 'cus_every', value: '25.50', region: 'eu/ÿ & more=1' },
        identifier,
        timestamp: yesterday,
      });
      assert.ok(event.created >= earliest && event.created <= nowS());
      assert.deepEqual(event, {
        object: 'billing.meter_event',
        created: event.created,
        event_name: meter.event_name,
        identifier,
        livemode: false,
        payload: { stripe_customer_id: 'cus_every', value: '25.50', region: 'eu/ÿ & more=1' },
        timestamp: yesterday,
      });
    });

    test('without identifier and timestamp, one is made and now is taken', async () => {
      const earliest = nowS();
      const send = async (): Promise<Stripe.Billing.MeterEvent> =>
        await client.billing.meterEvents.create({
          event_name: meter.event_name,
          payload: { stripe_customer_id: 'cus_least', value: '1' },
        });
      const [one, two] = [await send(), await send()];
      assert.ok(one.timestamp >= earliest && one.timestamp <= nowS());
      assert.match(one.identifier, /^[\w-]{16,100}$/u);
      assert.notEqual(one.identifier, two.identifier);
      assert.deepEqual(one, {
        object: 'billing.meter_event',
        created: one.created,
        event_name: meter.event_name,
        identifier: one.identifier,
        livemode: false,
        payload: { stripe_customer_id: 'cus_least', value: '1' },
        timestamp: one.timestamp,
      });
      assert.equal(await sum(meter, 'cus_least'), '2');
      // A made identifier is an identifier like any other.
      await refused400(
        sendEvent(client, meter, { customer: 'cus_least', identifier: one.identifier }),
        { code: 'duplicate_meter_event' },
        line,
      );
    });

    test('a number in the payload is the same as its text', async () => {
      const customer = unique('number');
      const payload = { stripe_customer_id: customer, value: 1e-7 } as unknown as {
        value: string;
      };
      const event = await client.billing.meterEvents.create({
        event_name: meter.event_name,
        payload,
      });
      assert.equal(event.payload['value'], '1e-7');
      assert.equal(await sum(meter, customer), '0.0000001');
    });

    test('a repeated identifier is refused and counts once', async () => {
      const identifier = unique('twice');
      const customer = unique('cus');
      await sendEvent(client, meter, { customer, value: '5', identifier });
      const error = await refused400(
        sendEvent(client, meter, { customer, value: '7', identifier }),
        {
          code: 'duplicate_meter_event',
          message:
            /^An event already exists with identifier twice\S+\. It is on meter .* differs in value/u,
        },
        line,
      );
      assert.equal(error.headers?.['stripe-should-retry'], 'false');
      assert.equal(await sum(meter, customer), '5');
    });

    test('of 64 concurrent sends of one identifier exactly one succeeds', async () => {
      const identifier = unique('race');
      const customer = unique('cus');
      const sends = Array.from({ length: 64 }, async (_, n) => {
        await sendEvent(client, meter, { customer, value: String(n + 1), identifier });
        return n + 1;
      });
      const outcomes = await Promise.allSettled(sends);
      const winners = outcomes.filter((outcome) => outcome.status === 'fulfilled');
      assert.equal(winners.length, 1);
      for (const outcome of outcomes) {
        if (outcome.status === 'fulfilled') continue;
        assert.ok(outcome.reason instanceof line.Stripe.errors.StripeInvalidRequestError);
        assert.equal(outcome.reason.code, 'duplicate_meter_event');
      }
      assert.equal(await sum(meter, customer), String(winners[0]?.value));
    });

    test('an acknowledged event is in the next summary, also of another client', async () => {
      const customer = unique('cus');
      const reader = newClient(server, { line });
      const range = { customer, start_time: dayStart(1), end_time: dayStart(-2) };
      for (let sent = 1; sent <= 20; sent++) {
        await sendEvent(client, meter, { customer, timestamp: yesterday + sent });
        const { data } = await reader.billing.meters.listEventSummaries(meter.id, range);
        assert.equal(data[0]?.aggregated_value, sent);
      }
    });
  });
}

/** Sends one event raw; `fields` replace or (undefined) remove the usual ones. */
async function post(
  meter: { readonly event_name: string },
  fields: Readonly<Record<string, string | undefined>>,
): Promise<Answer> {
  const usual = {
    event_name: meter.event_name,
    'payload[stripe_customer_id]': 'cus_raw',
    'payload[value]': '1',
  };
  const body: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...usual, ...fields })) {
    if (value !== undefined) body[name] = value;
  }
  return await call(server, { path: PATH, body });
}

describe('values', () => {
  let meter: Stripe.Billing.Meter;
  before(async () => {
    meter = await createMeter(newClient(server));
  });

  const accepted: readonly (readonly [string, string])[] = [
    ['0', '0'],
    ['-0', '0'],
    ['-5', '-5'],
    ['1.5', '1.5'],
    ['-0.000000000001', '-0.000000000001'],
    ['999999999999999', '999999999999999'],
    ['999999999999999.999999999999', '999999999999999.999999999999'],
    ['-999999999999999.999999999999', '-999999999999999.999999999999'],
    ['0.1', '0.1'],
    ['1e3', '1000'],
    ['1E3', '1000'],
    ['1e+14', '100000000000000'],
    ['1e-12', '0.000000000001'],
    ['1.25e-10', '0.000000000125'],
    ['-2.5e2', '-250'],
    ['9007199254740993e-2', '90071992547409.93'],
  ];
  for (const [text, exact] of accepted) {
    test(`${text} is accepted and counts as ${exact}`, async () => {
      const customer = unique('cus');
      const answer = await post(meter, {
        'payload[stripe_customer_id]': customer,
        'payload[value]': text,
      });
      assert.equal(answer.status, 200, answer.text);
      const event = JSON.parse(answer.text) as Stripe.Billing.MeterEvent;
      assert.equal(event.payload['value'], text, 'the payload is kept as sent');
      assert.equal(await sum(meter, customer), exact);
    });
  }

  const refusals = [
    '+5',
    ' 5',
    '5 ',
    'abc',
    'NaN',
    'Infinity',
    '-Infinity',
    '0x10',
    '1_000',
    '1,5',
    '1.2.3',
    '--1',
    '-',
    '.',
    'e5',
    '1e',
    '1e1.5',
    '1e400',
    '1e15',
    '1e-13',
    '1e999999999999',
    '1000000000000000',
    '-1000000000000000',
    '0.1234567890123',
    '١٢٣',
    '5\n',
    '5\u0000',
    'true',
    'null',
    '1;2',
    "1' OR '1'='1",
  ];
  for (const text of refusals) {
    test(`${JSON.stringify(text)} is refused with the value in the message`, async () => {
      const customer = unique('cus');
      const identifier = unique('refused');
      const refused = await post(meter, {
        'payload[stripe_customer_id]': customer,
        'payload[value]': text,
        identifier,
      });
      assert.equal(refused.status, 400, refused.text);
      const error = errorOf(refused);
      assert.equal(error.type, 'invalid_request_error');
      assert.equal(error.param, 'payload[value]');
      // What cannot be seen is escaped.
      const shown = JSON.stringify(text).replace(String.raw`\n`, String.raw`\u000a`);
      assert.ok(error.message.endsWith(` Received ${shown}.`), error.message);
      // A refused request changes nothing: its identifier is still free.
      const good = await post(meter, { 'payload[stripe_customer_id]': customer, identifier });
      assert.equal(good.status, 200, good.text);
      assert.equal(await sum(meter, customer), '1');
    });
  }

  test('an empty value is refused', async () => {
    const answer = await post(meter, { 'payload[value]': '' });
    assert.equal(answer.status, 400);
    assert.equal(errorOf(answer).param, 'payload[value]');
  });

  test('sums keep all digits where floats would not', async () => {
    const customer = unique('cus');
    const values = [
      '999999999999999.999999999999',
      '999999999999999.999999999999',
      '0.000000000001',
      '0.1',
      '0.2',
      '-0.000000000003',
    ];
    for (const value of values) {
      await post(meter, { 'payload[stripe_customer_id]': customer, 'payload[value]': value });
    }
    assert.equal(await sum(meter, customer), '2000000000000000.299999999996');
  });

  test('a sum may be negative and come back to nothing', async () => {
    const customer = unique('cus');
    const send = async (value: string): Promise<void> => {
      await post(meter, { 'payload[stripe_customer_id]': customer, 'payload[value]': value });
    };
    await send('1.5');
    await send('-4');
    assert.equal(await sum(meter, customer), '-2.5');
    await send('2.5');
    assert.equal(await sum(meter, customer), '0');
  });
});

describe('payloads', () => {
  test('a count meter needs no value and ignores one', async () => {
    const meter = await createMeter(newClient(server), { formula: 'count' });
    const customer = unique('cus');
    const key = { 'payload[stripe_customer_id]': customer };
    assert.equal((await post(meter, { ...key, 'payload[value]': undefined })).status, 200);
    assert.equal((await post(meter, { ...key, 'payload[value]': 'not a number' })).status, 200);
    assert.equal((await post(meter, { ...key, 'payload[value]': '40' })).status, 200);
    assert.equal(await sum(meter, customer), '3');
  });

  test('a meter’s own keys name the customer and the value', async () => {
    const client = newClient(server);
    const meter = await createMeter(client, { customer_key: 'user', value_key: 'bytes' });
    const customer = unique('cus');
    const event = await client.billing.meterEvents.create({
      event_name: meter.event_name,
      payload: { user: customer, bytes: '12', value: 'ignored', stripe_customer_id: 'ignored' },
    });
    assert.equal(event.payload['value'], 'ignored');
    assert.equal(await sum(meter, customer), '12');
    await refused400(
      client.billing.meterEvents.create({
        event_name: meter.event_name,
        payload: { stripe_customer_id: customer, bytes: '12' },
      }),
      { param: 'payload[user]' },
    );
    await refused400(
      client.billing.meterEvents.create({
        event_name: meter.event_name,
        payload: { user: customer, value: '12' },
      }),
      { param: 'payload[bytes]' },
    );
    await refused400(
      client.billing.meterEvents.create({
        event_name: meter.event_name,
        payload: { user: customer, bytes: 'many' },
      }),
      { param: 'payload[bytes]', message: /many/u },
    );
  });

  const customers = [
    "Robert'); DROP TABLE events;--",
    'ünï çødé 😀',
    'tab\tnewline\nreturn\r',
    'a&b=c[d]%25+e',
    '\\ \' " ` {x:String} ?1 $1',
    '__proto__',
    'constructor',
    '1e5',
    ' leading and trailing ',
  ];
  for (const name of customers) {
    test(`customer ${JSON.stringify(name)} is a customer like any other`, async () => {
      const meter = await createMeter(newClient(server));
      const client = newClient(server);
      const other = await sendEvent(client, meter, { customer: `${name}.`, value: '100' });
      assert.equal(other.payload['stripe_customer_id'], `${name}.`);
      const event = await sendEvent(client, meter, { customer: name, value: '7' });
      assert.equal(event.payload['stripe_customer_id'], name);
      assert.equal(await sum(meter, name), '7');
    });
  }

  test('keys that JavaScript objects have are plain keys', async () => {
    const meter = await createMeter(newClient(server));
    const answer = await post(meter, {
      'payload[__proto__]': 'p',
      'payload[constructor]': 'c',
      'payload[toString]': 't',
    });
    assert.equal(answer.status, 200, answer.text);
    const { payload } = JSON.parse(answer.text) as { readonly payload: object };
    assert.deepEqual(
      new Map(Object.entries(payload)),
      new Map([
        ['stripe_customer_id', 'cus_raw'],
        ['value', '1'],
        ['__proto__', 'p'],
        ['constructor', 'c'],
        ['toString', 't'],
      ]),
    );
  });
});

describe('refusals', () => {
  let meter: Stripe.Billing.Meter;
  before(async () => {
    meter = await createMeter(newClient(server));
  });

  const cases: readonly {
    readonly name: string;
    readonly fields: Readonly<Record<string, string | undefined>>;
    readonly param: string | RegExp;
    readonly code?: string;
    readonly message?: string;
  }[] = [
    {
      name: 'no event_name',
      fields: { event_name: undefined },
      param: 'event_name',
      code: 'parameter_missing',
      message: 'Missing required param: event_name.',
    },
    {
      name: 'an empty event_name',
      fields: { event_name: '' },
      param: 'event_name',
      code: 'parameter_invalid_empty',
    },
    { name: 'an event_name of 101', fields: { event_name: 'x'.repeat(101) }, param: 'event_name' },
    {
      name: 'no payload',
      fields: { 'payload[stripe_customer_id]': undefined, 'payload[value]': undefined },
      param: 'payload',
      code: 'parameter_missing',
    },
    {
      name: 'a payload that is text',
      fields: {
        'payload[stripe_customer_id]': undefined,
        'payload[value]': undefined,
        payload: 'text',
      },
      param: 'payload',
    },
    {
      name: 'no customer in the payload',
      fields: { 'payload[stripe_customer_id]': undefined },
      param: 'payload[stripe_customer_id]',
    },
    {
      name: 'an empty customer',
      fields: { 'payload[stripe_customer_id]': '' },
      param: 'payload[stripe_customer_id]',
    },
    {
      name: 'no value in the payload',
      fields: { 'payload[value]': undefined },
      param: 'payload[value]',
    },
    {
      name: 'a map inside the payload',
      fields: { 'payload[deep][er]': 'x' },
      param: /^payload\[deep\]/u,
    },
    {
      name: 'a list inside the payload',
      fields: { 'payload[list][0]': 'x' },
      param: /^payload\[list\]/u,
    },
    {
      name: 'a payload text of 101 characters',
      fields: { 'payload[note]': 'x'.repeat(101) },
      param: 'payload[note]',
    },
    { name: 'an identifier of 101', fields: { identifier: 'x'.repeat(101) }, param: 'identifier' },
    {
      name: 'an empty identifier',
      fields: { identifier: '' },
      param: 'identifier',
      code: 'parameter_invalid_empty',
    },
    {
      name: 'a timestamp that is text',
      fields: { timestamp: 'yesterday' },
      param: 'timestamp',
      code: 'parameter_invalid_integer',
      message: 'Invalid integer: yesterday',
    },
    {
      name: 'a timestamp with a fraction',
      fields: { timestamp: `${yesterday}.5` },
      param: 'timestamp',
      code: 'parameter_invalid_integer',
    },
    {
      name: 'a timestamp in milliseconds',
      fields: { timestamp: `${yesterday}000` },
      param: 'timestamp',
      code: 'timestamp_in_future',
    },
    {
      name: 'a negative timestamp',
      fields: { timestamp: '-1' },
      param: 'timestamp',
    },
    {
      name: 'an unknown parameter',
      fields: { customer: 'x' },
      param: 'customer',
      code: 'parameter_unknown',
      message: 'Received unknown parameter: customer',
    },
  ];
  for (const { name, fields, param, code, message } of cases) {
    test(`${name} is refused and changes nothing`, async () => {
      const customer = unique('cus');
      const identifier = unique('id');
      const usual = { 'payload[stripe_customer_id]': customer, identifier };
      const answer = await post(meter, { ...usual, ...fields });
      assert.equal(answer.status, 400, answer.text);
      const error = errorOf(answer);
      assert.equal(error.type, 'invalid_request_error');
      if (param instanceof RegExp) assert.match(error.param ?? '', param);
      else assert.equal(error.param, param, answer.text);
      if (code !== undefined) assert.equal(error.code, code, answer.text);
      if (message !== undefined) assert.equal(error.message, message);
      assert.equal((await post(meter, usual)).status, 200);
      assert.equal(await sum(meter, customer), '1');
    });
  }

  test('an identifier and payload texts of 100 characters fit', async () => {
    const identifier = unique('long').padEnd(100, 'ü');
    const answer = await post(meter, { identifier, 'payload[note]': 'é'.repeat(100) });
    assert.equal(answer.status, 200, answer.text);
    const event = JSON.parse(answer.text) as Stripe.Billing.MeterEvent;
    assert.equal(event.identifier, identifier);
    assert.equal(errorOf(await post(meter, { identifier })).code, 'duplicate_meter_event');
  });

  test('an event name without a meter, or with an inactive one', async () => {
    const client = newClient(server);
    const event_name = unique('none');
    const message = `No active meter found for event name "${event_name}".`;
    const payload = { stripe_customer_id: 'c', value: '1' };
    await refused400(client.billing.meterEvents.create({ event_name, payload }), {
      code: 'no_meter',
      message,
    });
    const inactive = await createMeter(client, { event_name });
    await client.billing.meterEvents.create({ event_name, payload });
    await client.billing.meters.deactivate(inactive.id);
    await refused400(client.billing.meterEvents.create({ event_name, payload }), {
      code: 'archived_meter',
      message,
    });
    const second = await createMeter(client, { event_name });
    await client.billing.meterEvents.create({ event_name, payload });
    assert.equal(await sum(inactive, 'c'), '1', 'usage stays with the meter that took it');
    assert.equal(await sum(second, 'c'), '1');
    await client.billing.meters.deactivate(second.id);
    await client.billing.meters.reactivate(inactive.id);
    await client.billing.meterEvents.create({ event_name, payload });
    assert.equal(await sum(inactive, 'c'), '2');
  });
});

describe('timestamps', () => {
  test('from 35 days back to 5 minutes ahead', async () => {
    const client = newClient(server);
    const meter = await createMeter(client);
    const customer = unique('cus');
    const at = async (offsetS: number): Promise<unknown> =>
      await sendEvent(client, meter, { customer, timestamp: nowS() + offsetS });
    await at(-35 * DAY_S + 30);
    await at(270);
    await refused400(at(-35 * DAY_S - 30), {
      param: 'timestamp',
      code: 'timestamp_too_far_in_past',
    });
    await refused400(at(-400 * DAY_S), { param: 'timestamp', code: 'timestamp_too_far_in_past' });
    await refused400(at(330), { param: 'timestamp', code: 'timestamp_in_future' });
    assert.equal(await sum(meter, customer), '2');
  });

  test('--past-days widens the range for backfills', async () => {
    const own = await Server.start({ args: ['--past-days', '5000'] });
    try {
      const client = newClient(own);
      const meter = await createMeter(client);
      const timestamp = dayStart(4000) + HOUR_S;
      await sendEvent(client, meter, { customer: 'c', value: '3', timestamp });
      await refused400(sendEvent(client, meter, { customer: 'c', timestamp: dayStart(5002) }), {
        param: 'timestamp',
        code: 'timestamp_too_far_in_past',
      });
      const { data } = await client.billing.meters.listEventSummaries(meter.id, {
        customer: 'c',
        start_time: dayStart(4000),
        end_time: dayStart(3999),
        value_grouping_window: 'hour',
      });
      assert.deepEqual(
        data.map((row) => [row.start_time, row.aggregated_value]),
        [[timestamp, 3]],
      );
    } finally {
      await own.remove();
    }
  });
});

describe('forms, as curl and SDKs spell them', () => {
  const spellings: readonly (readonly [string, (event_name: string) => string])[] = [
    ['raw brackets', (name) => `event_name=${name}&payload[stripe_customer_id]=c&payload[value]=2`],
    [
      'encoded brackets',
      (name) => `event_name=${name}&payload%5Bstripe_customer_id%5D=c&payload%5bvalue%5d=2`,
    ],
    [
      'encoded values and names',
      (name) => `%65vent_name=${name}&payload[stripe%5Fcustomer_id]=%63&payload[value]=%32`,
    ],
    [
      'empty pairs between',
      (name) => `&event_name=${name}&&payload[stripe_customer_id]=c&payload[value]=2&`,
    ],
    ['any order', (name) => `payload[value]=2&event_name=${name}&payload[stripe_customer_id]=c`],
  ];
  for (const [spelling, body] of spellings) {
    test(spelling, async () => {
      const meter = await createMeter(newClient(server));
      const answer = await call(server, { path: PATH, body: body(meter.event_name) });
      assert.equal(answer.status, 200, answer.text);
      assert.equal(await sum(meter, 'c'), '2');
    });
  }

  test('a plus is a space, and a charset in the content type does no harm', async () => {
    const meter = await createMeter(newClient(server));
    const answer = await call(server, {
      path: PATH,
      body: `event_name=${meter.event_name}&payload[stripe_customer_id]=a+b%2Bc&payload[value]=2`,
      headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(await sum(meter, 'a b+c'), '2');
  });

  test('a chunked body without a length', async () => {
    const meter = await createMeter(newClient(server));
    const body = toForm({
      event_name: meter.event_name,
      'payload[stripe_customer_id]': 'c',
      'payload[value]': '2',
    });
    const answer = await fetch(`${server.url}${PATH}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${TEST_KEY}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new Blob([body]).stream(),
      duplex: 'half',
    });
    assert.equal(answer.status, 200, await answer.text());
    assert.equal(await sum(meter, 'c'), '2');
  });

  test('the same parameter twice is refused', async () => {
    const meter = await createMeter(newClient(server));
    const usual = `event_name=${meter.event_name}&payload[stripe_customer_id]=c&payload[value]=2`;
    const twice = [
      [`${usual}&payload[value]=3`, 'payload[value]'],
      [`${usual}&payload%5Bvalue%5D=2`, 'payload[value]'],
      [`${usual}&event_name=other`, 'event_name'],
    ] as const;
    for (const [body, param] of twice) {
      const answer = await call(server, { path: PATH, body });
      assert.equal(answer.status, 400, answer.text);
      assert.equal(errorOf(answer).param, param);
    }
    assert.equal(await sum(meter, 'c'), '0');
  });
});

describe('identifiers', () => {
  test('are one set for all meters of a mode, and another for the other mode', async () => {
    const client = newClient(server);
    const live = newClient(server, { key: LIVE_KEY });
    const identifier = unique('id');
    const first = await createMeter(client);
    const second = await createMeter(client);
    await sendEvent(client, first, { customer: 'c', identifier });
    await refused400(sendEvent(client, second, { customer: 'd', identifier }), {
      code: 'duplicate_meter_event',
    });
    const liveMeter = await createMeter(live, { event_name: first.event_name });
    const event = await sendEvent(live, liveMeter, { customer: 'c', identifier });
    assert.equal(event.livemode, true);
  });

  test('differ by case and by any byte', async () => {
    const client = newClient(server);
    const meter = await createMeter(client);
    const stem = unique('Case');
    const texts = [stem, stem.toLowerCase(), `${stem} `, `${stem}é`, `${stem}e\u0301`];
    for (const identifier of texts) await sendEvent(client, meter, { customer: 'c', identifier });
    assert.equal(await sum(meter, 'c'), String(texts.length));
  });

  test('stay taken after a restart, after a kill -9, and for 35 days', async () => {
    const own = await Server.start();
    try {
      const meter = await createMeter(newClient(own));
      const timestamp = dayStart(0);
      const send = async (identifier: string): Promise<unknown> =>
        await sendEvent(newClient(own), meter, { customer: 'c', timestamp, identifier });
      const taken = { code: 'duplicate_meter_event' } as const;
      await send('one');
      assert.equal((await own.stop()).code, 0);
      await own.restart();
      await refused400(send('one'), taken);
      await send('two');
      await own.kill();
      await own.restart();
      await refused400(send('one'), taken);
      await refused400(send('two'), taken);
      await own.stop();
      await own.restart({ clockShiftS: 33 * DAY_S });
      await refused400(send('one'), taken);
      await refused400(send('two'), taken);
      const range = { start_time: timestamp, end_time: timestamp + DAY_S };
      assert.equal(await total(own, { meter: meter.id, customer: 'c', ...range }), '2');
    } finally {
      await own.remove();
    }
  });
});

test('events that arrive late and out of order count where their time says', async () => {
  const client = newClient(server);
  const meter = await createMeter(client);
  const start = dayStart(5);
  const offsets = [23, 2, 11, 0, 2, 47, 23, 5].map((hour) => hour * HOUR_S);
  for (const [index, offset] of offsets.entries()) {
    const timestamp = start + offset + index;
    await sendEvent(client, meter, { customer: 'late', value: String(10 ** index), timestamp });
  }
  const { data } = await client.billing.meters.listEventSummaries(meter.id, {
    customer: 'late',
    start_time: start,
    end_time: start + 2 * DAY_S,
    value_grouping_window: 'hour',
  });
  assert.deepEqual(
    data.map((row) => [(row.start_time - start) / HOUR_S, row.aggregated_value]),
    [
      [47, 100_000],
      [23, 1_000_001],
      [11, 100],
      [5, 10_000_000],
      [2, 10_010],
      [0, 1000],
    ],
  );
});
