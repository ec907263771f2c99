import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Session } from 'chdb';
import { cancelEvent, createMeter, sendEvent, type MeterFields } from '../support/fixtures.ts';
import { call, errorOf } from '../support/http.ts';
import { unique } from '../support/random.ts';
import { newClient, refused400, SDK_LINES, type Stripe } from '../support/sdk.ts';
import { LIVE_KEY, Server } from '../support/server.ts';
import { allSummaries, total } from '../support/summaries.ts';
import { DAY_S, dayStart, HOUR_S } from '../support/times.ts';

let server: Server;
before(async () => {
  server = await Server.start();
});
after(async () => {
  await server.remove();
});

const PATH = '/v1/billing/meter_event_adjustments';
const start = dayStart(3);
const range = { start_time: start, end_time: start + DAY_S };

async function valueOf(meter: { readonly id: string }, customer: string): Promise<string> {
  return await total(server, { meter: meter.id, customer, ...range });
}

for (const line of SDK_LINES) {
  describe(`adjustments, ${line.name}`, () => {
    let client: Stripe;
    before(() => {
      client = newClient(server, { line });
    });

    test('a cancelled event leaves the sum, at once; cancelling twice is the same', async () => {
      const meter = await createMeter(client);
      const [keep, drop] = [unique('keep'), unique('drop')];
      const customer = 'c';
      await sendEvent(client, meter, { customer, value: '5', timestamp: start, identifier: keep });
      await sendEvent(client, meter, { customer, value: '7', timestamp: start, identifier: drop });
      assert.equal(await valueOf(meter, customer), '12');
      const adjustment = await cancelEvent(client, meter, drop);
      assert.deepEqual(adjustment, {
        object: 'billing.meter_event_adjustment',
        cancel: { identifier: drop },
        event_name: meter.event_name,
        livemode: false,
        status: 'complete',
        type: 'cancel',
      });
      assert.equal(await valueOf(meter, customer), '5');
      assert.deepEqual(await cancelEvent(client, meter, drop), adjustment);
      assert.equal(await valueOf(meter, customer), '5');
    });

    test('the identifier of a cancelled event stays taken', async () => {
      const meter = await createMeter(client);
      const identifier = unique('taken');
      await sendEvent(client, meter, { customer: 'c', timestamp: start, identifier });
      await cancelEvent(client, meter, identifier);
      await refused400(
        sendEvent(client, meter, { customer: 'c', timestamp: start, identifier }),
        { code: 'duplicate_meter_event' },
        line,
      );
      assert.equal(await valueOf(meter, 'c'), '0');
    });

    test('an unknown identifier is refused', async () => {
      const meter = await createMeter(client);
      await refused400(
        cancelEvent(client, meter, unique('unknown')),
        { param: 'cancel[identifier]' },
        line,
      );
    });
  });
}

describe('refused adjustments change nothing', () => {
  let meter: Stripe.Billing.Meter;
  let other: Stripe.Billing.Meter;
  const identifier = unique('stays');
  before(async () => {
    const client = newClient(server);
    meter = await createMeter(client);
    other = await createMeter(client);
    await sendEvent(client, meter, { customer: 'stays', timestamp: start, identifier });
  });
  after(async () => {
    assert.equal(await valueOf(meter, 'stays'), '1');
  });

  const cases: readonly {
    readonly name: string;
    readonly fields: Readonly<Record<string, string | undefined>>;
    readonly param: RegExp;
    readonly code?: string;
  }[] = [
    {
      name: 'no type',
      fields: { type: undefined },
      param: /^type$/u,
      code: 'parameter_missing',
    },
    { name: 'another type', fields: { type: 'correct' }, param: /^type$/u },
    {
      name: 'no event_name',
      fields: { event_name: undefined },
      param: /^event_name$/u,
      code: 'parameter_missing',
    },
    {
      name: 'no cancel',
      fields: { 'cancel[identifier]': undefined },
      param: /^cancel/u,
      code: 'parameter_missing',
    },
    {
      name: 'an empty identifier',
      fields: { 'cancel[identifier]': '' },
      param: /^cancel\[identifier\]$/u,
    },
    {
      name: 'an identifier of 101 characters',
      fields: { 'cancel[identifier]': 'x'.repeat(101) },
      param: /^cancel\[identifier\]$/u,
    },
    {
      name: 'an unknown parameter inside cancel',
      fields: { 'cancel[reason]': 'x' },
      param: /^cancel\[reason\]$/u,
      code: 'parameter_unknown',
    },
    {
      name: 'an unknown parameter',
      fields: { identifier: 'x' },
      param: /^identifier$/u,
      code: 'parameter_unknown',
    },
  ];
  for (const { name, fields, param, code } of cases) {
    test(name, async () => {
      const body: Record<string, string> = {};
      const usual = { type: 'cancel', event_name: meter.event_name };
      const whole = { ...usual, 'cancel[identifier]': identifier, ...fields };
      for (const [key, value] of Object.entries(whole)) if (value !== undefined) body[key] = value;
      const answer = await call(server, { path: PATH, body });
      assert.equal(answer.status, 400, answer.text);
      assert.match(errorOf(answer).param ?? '', param);
      if (code !== undefined) assert.equal(errorOf(answer).code, code);
    });
  }

  test('the event name of another meter, or of none', async () => {
    const client = newClient(server);
    await refused400(cancelEvent(client, other, identifier), {
      param: /^(?:cancel\[identifier\]|event_name)$/u,
    });
    await refused400(cancelEvent(client, { event_name: unique('none') }, identifier), {});
  });

  test('an identifier of the other mode', async () => {
    const live = newClient(server, { key: LIVE_KEY });
    const liveMeter = await createMeter(live, { event_name: meter.event_name });
    await refused400(cancelEvent(live, liveMeter, identifier), { param: 'cancel[identifier]' });
  });
});

describe('what a cancelled event leaves', () => {
  type Step = readonly [identifier: string, value: string, offsetS: number];

  /** Sends the steps in order, cancels, and returns the values of the hours, oldest first. */
  async function hoursAfter(
    fields: MeterFields,
    steps: readonly Step[],
    cancelled: readonly string[],
  ): Promise<readonly (readonly [hour: number, value: string])[]> {
    const client = newClient(server);
    const meter = await createMeter(client, fields);
    const own = unique('s');
    for (const [identifier, value, offsetS] of steps) {
      await sendEvent(client, meter, {
        customer: 'c',
        value,
        timestamp: start + offsetS,
        identifier: `${own}-${identifier}`,
      });
    }
    for (const identifier of cancelled) await cancelEvent(client, meter, `${own}-${identifier}`);
    const query = { meter: meter.id, customer: 'c', ...range } as const;
    const rows = await allSummaries(server, { ...query, value_grouping_window: 'hour' });
    return rows
      .map((row) => [(row.start_time - start) / HOUR_S, row.aggregated_value] as const)
      .toReversed();
  }

  const steps: readonly Step[] = [
    ['a', '1', 60],
    ['b', '2', 120],
    ['c', '4', 30],
    ['d', '8', HOUR_S + 5],
  ];

  test('count and sum go down; an hour without events goes away', async () => {
    assert.deepEqual(await hoursAfter({ formula: 'sum' }, steps, ['b']), [
      [0, '5'],
      [1, '8'],
    ]);
    assert.deepEqual(await hoursAfter({ formula: 'count' }, steps, ['b', 'd']), [[0, '2']]);
  });

  test('last: the latest of the others returns', async () => {
    assert.deepEqual(await hoursAfter({ formula: 'last' }, steps, []), [
      [0, '2'],
      [1, '8'],
    ]);
    assert.deepEqual(await hoursAfter({ formula: 'last' }, steps, ['b']), [
      [0, '1'],
      [1, '8'],
    ]);
    assert.deepEqual(await hoursAfter({ formula: 'last' }, steps, ['b', 'a', 'd']), [[0, '4']]);
  });

  test('last: of a tie, the one received before returns', async () => {
    const tie: readonly Step[] = [
      ['a', '1', 60],
      ['b', '2', 60],
      ['c', '3', 60],
    ];
    assert.deepEqual(await hoursAfter({ formula: 'last' }, tie, []), [[0, '3']]);
    assert.deepEqual(await hoursAfter({ formula: 'last' }, tie, ['c']), [[0, '2']]);
    assert.deepEqual(await hoursAfter({ formula: 'last' }, tie, ['b']), [[0, '3']]);
    assert.deepEqual(await hoursAfter({ formula: 'last' }, tie, ['c', 'b']), [[0, '1']]);
  });

  test('event_time_window hour: the event that was replaced returns', async () => {
    const window = { event_time_window: 'hour' } as const;
    // Received last in hour 0: c, then b, then a.
    assert.deepEqual(await hoursAfter({ formula: 'sum', ...window }, steps, []), [
      [0, '4'],
      [1, '8'],
    ]);
    assert.deepEqual(await hoursAfter({ formula: 'sum', ...window }, steps, ['c']), [
      [0, '2'],
      [1, '8'],
    ]);
    assert.deepEqual(await hoursAfter({ formula: 'sum', ...window }, steps, ['a', 'b']), [
      [0, '4'],
      [1, '8'],
    ]);
    assert.deepEqual(await hoursAfter({ formula: 'count', ...window }, steps, ['c', 'd']), [
      [0, '1'],
    ]);
    assert.deepEqual(await hoursAfter({ formula: 'last', ...window }, steps, ['b', 'c']), [
      [0, '1'],
      [1, '8'],
    ]);
  });

  test('event_time_window day: the survivor keeps its own hour', async () => {
    const window = { event_time_window: 'day' } as const;
    assert.deepEqual(await hoursAfter({ formula: 'sum', ...window }, steps, []), [[1, '8']]);
    assert.deepEqual(await hoursAfter({ formula: 'sum', ...window }, steps, ['d']), [[0, '4']]);
    assert.deepEqual(
      await hoursAfter({ formula: 'sum', ...window }, steps, ['d', 'c', 'b', 'a']),
      [],
    );
  });

  test('nothing is left when all are cancelled', async () => {
    for (const formula of ['sum', 'count', 'last'] as const) {
      assert.deepEqual(await hoursAfter({ formula }, steps, ['a', 'b', 'c', 'd']), []);
    }
  });
});

test('cancels survive a restart and a kill -9', async () => {
  const own = await Server.start();
  try {
    const meter = await createMeter(newClient(own));
    const events = [
      ['a', '1'],
      ['b', '2'],
      ['c', '4'],
    ] as const;
    for (const [identifier, value] of events) {
      await sendEvent(newClient(own), meter, {
        customer: 'c',
        value,
        timestamp: start,
        identifier,
      });
    }
    const sum = async (): Promise<string> =>
      await total(own, { meter: meter.id, customer: 'c', ...range });
    await cancelEvent(newClient(own), meter, 'a');
    await own.kill();
    await own.restart();
    assert.equal(await sum(), '6');
    await cancelEvent(newClient(own), meter, 'b');
    assert.equal((await own.stop()).code, 0);
    await own.restart();
    assert.equal(await sum(), '4');
    assert.equal((await cancelEvent(newClient(own), meter, 'a')).status, 'complete');
    assert.equal(await sum(), '4');
  } finally {
    await own.remove();
  }
});

test('without --cancel-window-hours an event can be cancelled weeks later', async () => {
  const own = await Server.start();
  try {
    const meter = await createMeter(newClient(own));
    await sendEvent(newClient(own), meter, { customer: 'c', timestamp: start, identifier: 'old' });
    await own.stop();
    await own.restart({ clockShiftS: 30 * DAY_S });
    await cancelEvent(newClient(own), meter, 'old');
    assert.equal(await total(own, { meter: meter.id, customer: 'c', ...range }), '0');
  } finally {
    await own.remove();
  }
});

test('--cancel-window-hours counts from when the event was received', async () => {
  const args = ['--cancel-window-hours', '24'];
  const own = await Server.start({ args });
  try {
    const meter = await createMeter(newClient(own));
    const send = async (identifier: string): Promise<unknown> =>
      await sendEvent(newClient(own), meter, { customer: 'c', timestamp: start, identifier });
    await send('early');
    await send('late');
    await send('never');
    // Three days old by its own time, but just received.
    await cancelEvent(newClient(own), meter, 'early');
    await own.stop();
    await own.restart({ args, clockShiftS: 23 * HOUR_S });
    await cancelEvent(newClient(own), meter, 'late');
    await own.stop();
    await own.restart({ args, clockShiftS: 25 * HOUR_S });
    await refused400(cancelEvent(newClient(own), meter, 'never'), { param: 'cancel[identifier]' });
    assert.equal(await total(own, { meter: meter.id, customer: 'c', ...range }), '1');
  } finally {
    await own.remove();
  }
});

test('one event cancelled by many at once has one cancellation on record', async () => {
  const own = await Server.start();
  const client = newClient(own);
  const meter = await createMeter(client);
  const identifier = unique('evt');
  await sendEvent(client, meter, { customer: 'cus_1', value: '1', identifier });
  await Promise.all(Array.from({ length: 8 }, () => cancelEvent(client, meter, identifier)));
  await own.stop();
  const records = new Session(join(own.folder, 'usage'));
  assert.equal(records.query('SELECT count() FROM cancellations', 'TSV').trim(), '1');
  records.close();
  await own.remove();
});
