import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { cancelEvent, createMeter, sendEvent } from '../support/fixtures.ts';
import { createKey } from '../support/keys.ts';
import { unique } from '../support/random.ts';
import { newClient, refused400, SDK_LINES, type Stripe } from '../support/sdk.ts';
import { LIVE_KEY, Server } from '../support/server.ts';
import { fates, openStream, postStream, tell } from '../support/stream.ts';
import { allSummaries, total } from '../support/summaries.ts';
import { DAY_S, dayStart, HOUR_S, nowMs, nowS } from '../support/times.ts';
import { isoOf, postJson, sendToStream, v2ErrorOf, v2Event, V2_EVENTS } from '../support/v2.ts';

let server: Server;
let token: string;
before(async () => {
  server = await Server.start();
  token = await openStream(server);
});
after(async () => {
  await server.remove();
});

const start = dayStart(2);
const timestamp = isoOf(start);
// Past midnight too: events without a time are there now.
const range = { start_time: start, end_time: start + 4 * DAY_S };

async function sumOf(
  meter: { readonly id: string },
  customer = 'c',
  from: Server = server,
): Promise<string> {
  return await total(from, { meter: meter.id, customer, ...range });
}

/** Events worth 1, 2, 3 and so on. */
function numbered(meter: Stripe.Billing.Meter, count: number): ReturnType<typeof v2Event>[] {
  return Array.from({ length: count }, (_, n) =>
    v2Event(meter, { value: String(n + 1), timestamp, identifier: unique('evt') }),
  );
}

type Bad = readonly [code: string, event: object];

/** One of each kind of event that is rejected. */
async function badEvents(client: Stripe, meter: Stripe.Billing.Meter): Promise<readonly Bad[]> {
  const archived = await createMeter(client);
  await client.billing.meters.deactivate(archived.id);
  const good = v2Event(meter, { value: '1000000', timestamp });
  const { payload } = good;
  const ofValue = (value: string): object => ({ ...good, payload: { ...payload, value } });
  const inS = (seconds: number): string => isoOf(nowS() + seconds);
  return [
    ['no_meter', { ...good, event_name: unique('missing') }],
    ['archived_meter', { ...good, event_name: archived.event_name }],
    ['meter_event_no_customer_defined', { ...good, payload: { value: '1' } }],
    [
      'meter_event_no_customer_defined',
      { ...good, payload: { ...payload, stripe_customer_id: '' } },
    ],
    ['meter_event_value_not_found', { ...good, payload: { stripe_customer_id: 'c' } }],
    ['meter_event_value_not_found', ofValue('')],
    ...['abc', '+5', ' 1', '0x10', 'NaN', '1,5', '١'].map((value): Bad => [
      'meter_event_invalid_value',
      ofValue(value),
    ]),
    ['meter_event_value_too_many_digits', ofValue('1'.repeat(16))],
    ['meter_event_value_too_many_digits', ofValue('0.0000000000001')],
    ['timestamp_too_far_in_past', { ...good, timestamp: inS(-36 * DAY_S) }],
    ['timestamp_in_future', { ...good, timestamp: inS(400) }],
    ['meter_event_malformed', { ...good, timestamp: '2024-06-01' }],
    ['meter_event_malformed', { ...good, identifier: '' }],
    ['meter_event_malformed', { ...good, identifier: 'x'.repeat(101) }],
    ['meter_event_malformed', { payload }],
    ['meter_event_malformed', { event_name: meter.event_name }],
    ['meter_event_malformed', { ...good, payload: { ...payload, tag: 'x'.repeat(101) } }],
    [
      'meter_event_malformed',
      { ...good, payload: Object.fromEntries(Array.from({ length: 101 }, (_, n) => [n, 'x'])) },
    ],
    ['meter_event_malformed', { ...good, customer: 'c' }],
  ];
}

for (const line of SDK_LINES) {
  describe(`the stream, ${line.name}`, () => {
    let client: Stripe;
    const send = async (events: readonly object[]): Promise<unknown> =>
      await sendToStream(server, line, token, { events: events as ReturnType<typeof v2Event>[] });
    before(() => {
      client = newClient(server, { line });
    });

    test('a hundred events are answered {} and counted at once, one by one', async () => {
      const [sum, last] = [
        await createMeter(client),
        await createMeter(client, { formula: 'last' }),
      ];
      const count = await createMeter(client, { formula: 'count' });
      assert.deepEqual(await send(numbered(sum, 100)), {});
      assert.deepEqual(await send(numbered(last, 100)), {});
      assert.deepEqual(await send(numbered(count, 100)), {});
      assert.equal(await sumOf(sum), '5050');
      assert.equal(await sumOf(last), '100', 'of one timestamp, the last in the list');
      assert.equal(await sumOf(count), '100');
    });

    test('101 events are refused, and none of them is counted', async () => {
      const meter = await createMeter(client);
      const events = numbered(meter, 101);
      await refused400(
        send(events),
        { code: 'invalid_fields', message: /^Invalid events: .*at most 100.* 101\.$/u },
        line,
      );
      assert.equal(await sumOf(meter), '0');
      assert.deepEqual(await send(events.slice(1)), {}, 'and their identifiers are free');
      assert.equal(await sumOf(meter), '5150');
    });

    test('a bad event, wherever it stands, harms none of its neighbours', async () => {
      const meter = await createMeter(client);
      const bad = await badEvents(client, meter);
      for (let index = 0; index < 100; index++) {
        const events: object[] = numbered(meter, 100);
        events[index] = bad[index % bad.length]![1];
        assert.deepEqual(await send(events), {});
      }
      // Each value was left out once.
      assert.equal(await sumOf(meter), String(99 * 5050));
    });

    test('many events for many meters and customers, only bad ones between', async () => {
      const meters = await Promise.all([0, 1, 2].map(async () => await createMeter(client)));
      const bad = await badEvents(client, meters[0]!);
      const good = meters.flatMap((meter) =>
        ['a', 'b', '__proto__'].map((customer) => v2Event(meter, { customer, value: '0.1' })),
      );
      assert.deepEqual(await send([...good, ...bad.map(([, event]) => event), ...good]), {});
      for (const meter of meters) {
        for (const customer of ['a', 'b', '__proto__']) {
          assert.equal(await sumOf(meter, customer), '0.2');
        }
      }
      assert.equal(await sumOf(meters[0]!), '0');
    });

    test('an event that came by the stream can be cancelled', async () => {
      const meter = await createMeter(client);
      const identifier = unique('evt');
      await send([v2Event(meter, { value: '5', identifier }), v2Event(meter, { value: '7' })]);
      await cancelEvent(client, meter, identifier);
      assert.equal(await sumOf(meter), '7');
      await send([v2Event(meter, { value: '5', identifier })]);
      assert.equal(await sumOf(meter), '7', 'its identifier stays taken');
    });
  });
}

describe('what is rejected', () => {
  test('has a code and a sentence, in the order of the list', async () => {
    const client = newClient(server);
    const meter = await createMeter(client);
    const bad = await badEvents(client, meter);
    const good = v2Event(meter);
    const told = await tell(server, token, [good, ...bad.map(([, event]) => event), good]);
    assert.deepEqual(fates(told), ['accepted', ...bad.map(([code]) => code), 'accepted']);
    for (const { code, message } of told.results.slice(1, -1)) {
      assert.match(message ?? '', /^.+\.$/u, code);
    }
    assert.equal(
      told.results.find(({ code }) => code === 'meter_event_no_customer_defined')?.message,
      'Customer mapping key stripe_customer_id not found in payload.',
    );
    assert.equal(await sumOf(meter), '2');
  });

  test('takes no identifier: the same one in a good event is new', async () => {
    const client = newClient(server);
    const meter = await createMeter(client);
    for (const [code, event] of await badEvents(client, meter)) {
      const identifier = unique('evt');
      const wrong = 'identifier' in event ? event : { ...event, identifier };
      const right = v2Event(meter, { identifier });
      const told = await tell(server, token, [wrong, right, wrong, right]);
      assert.deepEqual(fates(told), [code, 'accepted', code, 'duplicate']);
    }
  });

  test('of customers that must be registered: strangers, but not their neighbours', async () => {
    const own = await Server.start({ args: ['--customers', 'registered'] });
    try {
      const client = newClient(own);
      const meter = await createMeter(client);
      const [known, gone] = [await client.customers.create(), await client.customers.create()];
      await client.customers.del(gone.id);
      const live = await newClient(own, { key: LIVE_KEY }).customers.create();
      const identifier = unique('evt');
      const of = (customer: string, id?: string): object =>
        v2Event(meter, { customer, ...(id === undefined ? {} : { identifier: id }) });
      const told = await tell(own, await openStream(own), [
        of(known.id),
        of('cus_none', identifier),
        of(gone.id),
        of(live.id),
        of('__proto__'),
        of(known.id, identifier),
        of(known.id, identifier),
        { ...of(known.id), identifier: 5 },
        of(known.id),
      ]);
      const stranger = 'meter_event_customer_not_found';
      assert.deepEqual(fates(told), [
        'accepted',
        stranger,
        stranger,
        stranger,
        stranger,
        'accepted',
        'duplicate',
        'meter_event_malformed',
        'accepted',
      ]);
      assert.deepEqual(told.results[1], {
        identifier,
        status: 'rejected',
        code: stranger,
        message: "No such customer: 'cus_none'",
      });
      assert.equal(told.results[2]?.identifier, null, 'none was sent');
      assert.equal(await sumOf(meter, known.id, own), '3');
      for (const customer of ['cus_none', gone.id, live.id]) {
        assert.equal(await sumOf(meter, customer, own), '0');
      }
    } finally {
      await own.remove();
    }
  });
});

describe('duplicates', () => {
  test('inside one request: the first counts', async () => {
    const meter = await createMeter(newClient(server));
    const [a, b] = [unique('a'), unique('b')];
    const events = [
      v2Event(meter, { identifier: a, value: '1' }),
      v2Event(meter, { identifier: b, value: '10' }),
      v2Event(meter, { identifier: a, value: '100' }),
      v2Event(meter, { identifier: a, value: '1' }),
      v2Event(meter, { identifier: b, value: '1000' }),
    ];
    const told = await tell(server, token, events);
    const second = 'duplicate';
    assert.deepEqual(fates(told), ['accepted', 'accepted', second, second, second]);
    assert.deepEqual(
      told.results.map(({ identifier }) => identifier),
      [a, b, a, a, b],
    );
    assert.equal(await sumOf(meter), '11');
    assert.deepEqual(fates(await tell(server, token, events)), Array(5).fill(second));
    assert.equal(await sumOf(meter), '11');
  });

  test('are known across v1, v2 and the stream, in every order, and whatever the meter', async () => {
    const client = newClient(server);
    const meters = [await createMeter(client), await createMeter(client, { formula: 'count' })];
    type Way = (meter: Stripe.Billing.Meter, identifier: string) => Promise<boolean>;
    /** Each tells whether the event was new. */
    const ways: Readonly<Record<string, Way>> = {
      v1: async (meter, identifier) =>
        await isNew(sendEvent(client, meter, { customer: 'c', identifier })),
      v2: async (meter, identifier) =>
        await isNew(client.v2.billing.meterEvents.create(v2Event(meter, { identifier }))),
      stream: async (meter, identifier) => {
        const [fate] = fates(await tell(server, token, [v2Event(meter, { identifier })]));
        return fate === 'accepted' || (assert.equal(fate, 'duplicate'), false);
      },
    };
    let counted = 0;
    for (const [first, send] of Object.entries(ways)) {
      for (const [second, sendAgain] of Object.entries(ways)) {
        for (const other of meters) {
          const identifier = unique('evt');
          assert.equal(await send(meters[0]!, identifier), true, first);
          assert.equal(await sendAgain(other, identifier), false, `${first}, then ${second}`);
          counted += 1;
        }
      }
    }
    assert.equal(await sumOf(meters[0]!), String(counted));
    assert.equal(await sumOf(meters[1]!), '0');
  });

  async function isNew(promise: Promise<unknown>): Promise<boolean> {
    const code = await promise.then(
      () => undefined,
      (error: Stripe.errors.StripeError) => error.code ?? String(error),
    );
    if (code !== undefined) assert.equal(code, 'duplicate_meter_event');
    return code === undefined;
  }

  test('of many requests at once: each identifier counts once', async () => {
    const meter = await createMeter(newClient(server));
    const events = numbered(meter, 100);
    const answers = await Promise.all(
      Array.from({ length: 20 }, async () => await tell(server, token, events)),
    );
    const accepted = answers.reduce((sum, answer) => sum + answer.accepted, 0);
    const duplicates = answers.reduce((sum, answer) => sum + answer.duplicates, 0);
    assert.deepEqual([accepted, duplicates], [100, 1900]);
    assert.equal(await sumOf(meter), '5050');
  });

  test('are apart by mode and by account', async () => {
    const identifier = unique('evt');
    const event_name = unique('both');
    const other = await createKey(server.folder, '--account', 'acct_stream');
    const keys = [undefined, LIVE_KEY, other];
    const meters = new Map<string | undefined, Stripe.Billing.Meter>();
    for (const [n, key] of keys.entries()) {
      const client = newClient(server, key === undefined ? {} : { key });
      const meter = await createMeter(client, { event_name });
      meters.set(key, meter);
      const door = key === undefined ? token : await openStream(server, key);
      const events = [v2Event(meter, { identifier, value: String(n + 1) })];
      assert.deepEqual(fates(await tell(server, door, [...events, ...events])), [
        'accepted',
        'duplicate',
      ]);
    }
    for (const [n, key] of keys.entries()) {
      const query = { meter: meters.get(key)!.id, customer: 'c', ...range };
      const found = await total(server, { ...query, ...(key === undefined ? {} : { key }) });
      assert.equal(found, String(n + 1));
    }
    const testOnly = await createMeter(newClient(server));
    const live = await openStream(server, LIVE_KEY);
    assert.deepEqual(fates(await tell(server, live, [v2Event(testOnly)])), ['no_meter']);
  });
});

describe('what is left out', () => {
  test('an identifier is made, and events without one are never duplicates', async () => {
    const meter = await createMeter(newClient(server));
    const told = await tell(server, token, [v2Event(meter), v2Event(meter), v2Event(meter)]);
    assert.deepEqual(fates(told), ['accepted', 'accepted', 'accepted']);
    const made = told.results.map(({ identifier }) => identifier ?? '');
    assert.equal(new Set(made).size, 3);
    for (const identifier of made) {
      assert.match(identifier, /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/u);
    }
    await cancelEvent(newClient(server), meter, made[0]!);
    assert.equal(await sumOf(meter), '2');
  });

  test('a time is that of arrival', async () => {
    const meter = await createMeter(newClient(server));
    const before = nowMs() / 1000;
    await tell(server, token, [v2Event(meter)]);
    const hourOf = (timeS: number): number => Math.floor(timeS / HOUR_S) * HOUR_S;
    const hours = {
      ...range,
      value_grouping_window: 'hour',
    } as const;
    const [row, ...more] = await allSummaries(server, { meter: meter.id, customer: 'c', ...hours });
    assert.deepEqual(more, []);
    assert.ok([hourOf(before), hourOf(nowMs() / 1000)].includes(row?.start_time ?? 0));
  });

  test('a null is an absent field, as on v2', async () => {
    const meter = await createMeter(newClient(server));
    const { event_name, payload } = v2Event(meter);
    const nulls = { identifier: null, timestamp: null, unknown: null };
    const cases: readonly (readonly [object, streamed: string, v2Status: number])[] = [
      [{ event_name, payload, ...nulls }, 'accepted', 200],
      [{ event_name, payload: { ...payload, tag: null } }, 'accepted', 200],
      [{ event_name, payload: { ...payload, value: null } }, 'meter_event_value_not_found', 400],
      [
        { event_name, payload: { ...payload, stripe_customer_id: null } },
        'meter_event_no_customer_defined',
        400,
      ],
      [{ event_name, payload: null }, 'meter_event_malformed', 400],
      [{ event_name: null, payload }, 'meter_event_malformed', 400],
    ];
    const told = await tell(
      server,
      token,
      cases.map(([event]) => event),
    );
    assert.deepEqual(
      fates(told),
      cases.map(([, fate]) => fate),
    );
    for (const [body, , status] of cases) {
      const answer = await postJson(server, { path: V2_EVENTS, body });
      assert.equal(answer.status, status, answer.text);
    }
    assert.equal(await sumOf(meter), '4');
  });
});

test('times: any offset of RFC 3339, and their milliseconds', async () => {
  const client = newClient(server);
  const [meter, last] = [await createMeter(client), await createMeter(client, { formula: 'last' })];
  const day = timestamp.slice(0, 10);
  const next = isoOf(start + DAY_S).slice(0, 10);
  const hours: Readonly<Record<string, number>> = {
    [`${day}T01:00:00Z`]: 1,
    [`${day}t02:00:00.5z`]: 2,
    [`${day}T03:59:59.999999Z`]: 3,
    [`${day}T04:00:00-00:00`]: 4,
    [`${day}T10:30:00+05:30`]: 5,
    [`${day}T20:00:00.001-10:00`]: 30,
    [`${next}T07:59:00+23:59`]: 8,
  };
  const events = Object.entries(hours).map(([at, hour]) =>
    v2Event(meter, { timestamp: at, value: String(hour) }),
  );
  assert.equal((await tell(server, token, events)).accepted, events.length);
  const query = {
    meter: meter.id,
    customer: 'c',
    ...range,
    value_grouping_window: 'hour',
  } as const;
  const rows = await allSummaries(server, query);
  const found = rows.map((row) => [(row.start_time - start) / HOUR_S, row.aggregated_value]);
  const expected = Object.values(hours).toSorted((a, b) => b - a);
  assert.deepEqual(
    found,
    expected.map((hour) => [hour, String(hour)]),
  );
  const at = (ms: string): string => timestamp.replace('.000Z', `.${ms}Z`);
  await tell(server, token, [
    v2Event(last, { value: '1', timestamp: at('900') }),
    v2Event(last, { value: '2', timestamp: at('100') }),
  ]);
  assert.equal(await sumOf(last), '1');
});

describe('--stream-events-max', () => {
  test('up to 10,000 events', async () => {
    const own = await Server.start({ args: ['--stream-events-max', '10000'] });
    try {
      const meter = await createMeter(newClient(own));
      const door = await openStream(own);
      const events = numbered(meter, 10_001);
      const refused = await postStream(own, door, events);
      assert.equal(refused.status, 400, refused.text);
      assert.match(v2ErrorOf(refused).message, /at most 10000.* 10001\./u);
      const answer = await postStream(own, door, events.slice(0, 10_000));
      assert.equal(answer.text, '{}');
      assert.equal(await sumOf(meter, 'c', own), String((10_000 * 10_001) / 2));
    } finally {
      await own.remove();
    }
  });

  test('may be less than the default', async () => {
    const own = await Server.start({ env: { TAXIMETER_STREAM_EVENTS_MAX: '1' } });
    try {
      const meter = await createMeter(newClient(own));
      const door = await openStream(own);
      assert.equal((await postStream(own, door, numbered(meter, 2))).status, 400);
      assert.equal((await postStream(own, door, numbered(meter, 1))).text, '{}');
      assert.equal(await sumOf(meter, 'c', own), '1');
    } finally {
      await own.remove();
    }
  });
});
