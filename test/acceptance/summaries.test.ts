import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createMeter, sendEvent } from '../support/fixtures.ts';
import { call, errorOf, toForm } from '../support/http.ts';
import { unique } from '../support/random.ts';
import { NEWEST, newClient, refused400, SDK_LINES, type Stripe } from '../support/sdk.ts';
import { LIVE_KEY, Server } from '../support/server.ts';
import { allSummaries, summaryPage, total, type SummaryRow } from '../support/summaries.ts';
import { DAY_S, dayStart, HOUR_S, MINUTE_S } from '../support/times.ts';

let server: Server;
before(async () => {
  server = await Server.start();
});
after(async () => {
  await server.remove();
});

const start = dayStart(6);
const end = start + 5 * DAY_S;

/** A meter with one event in each of `hours`, the value being the hour. */
async function hourlyMeter(
  origin: Server,
  hours: readonly number[],
  customer: string,
): Promise<Stripe.Billing.Meter> {
  const client = newClient(origin);
  const meter = await createMeter(client);
  for (const hour of hours) {
    const timestamp = start + hour * HOUR_S;
    await sendEvent(client, meter, { customer, value: String(hour), timestamp });
  }
  return meter;
}

const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

for (const line of SDK_LINES) {
  describe(`summaries, ${line.name}`, () => {
    let client: Stripe;
    let meter: Stripe.Billing.Meter;
    const hours = range(27).map((n) => n * 4);
    before(async () => {
      client = newClient(server, { line });
      meter = await hourlyMeter(server, hours, 'cus_hours');
    });
    const query = { customer: 'cus_hours', start_time: start, end_time: end };
    const hourly = { ...query, value_grouping_window: 'hour' } as const;
    const hourOf = (row: Stripe.Billing.MeterEventSummary): number =>
      (row.start_time - start) / HOUR_S;

    test('without a window: one summary of the whole range', async () => {
      const list = await client.billing.meters.listEventSummaries(meter.id, query);
      const [row] = list.data;
      assert.match(row?.id ?? '', /^mtrusg_test_\w+$/u);
      assert.deepEqual(list, {
        object: 'list',
        url: `/v1/billing/meters/${meter.id}/event_summaries`,
        has_more: false,
        data: [
          {
            id: row?.id,
            object: 'billing.meter_event_summary',
            aggregated_value: hours.reduce((sum, hour) => sum + hour, 0),
            aggregated_value_decimal: String(hours.reduce((sum, hour) => sum + hour, 0)),
            end_time: end,
            livemode: false,
            meter: meter.id,
            start_time: start,
          },
        ],
      });
    });

    test('by the hour: newest first, empty hours left out, ten by default', async () => {
      const list = await client.billing.meters.listEventSummaries(meter.id, hourly);
      assert.equal(list.has_more, true);
      assert.equal(list.data.length, 10);
      assert.deepEqual(list.data.map(hourOf), hours.toReversed().slice(0, 10));
      for (const row of list.data) {
        assert.deepEqual(row, {
          id: row.id,
          object: 'billing.meter_event_summary',
          aggregated_value: hourOf(row),
          aggregated_value_decimal: String(hourOf(row)),
          end_time: row.start_time + HOUR_S,
          livemode: false,
          meter: meter.id,
          start_time: row.start_time,
        });
      }
      assert.equal(new Set(list.data.map(({ id }) => id)).size, 10);
    });

    test('by the day', async () => {
      const { data, has_more } = await client.billing.meters.listEventSummaries(meter.id, {
        ...query,
        value_grouping_window: 'day',
      });
      const days = range(5).toReversed();
      assert.equal(has_more, false);
      assert.deepEqual(
        data.map((row) => [row.start_time, row.end_time, row.aggregated_value]),
        days.map((day) => [
          start + day * DAY_S,
          start + (day + 1) * DAY_S,
          hours
            .filter((hour) => Math.floor(hour / 24) === day)
            .reduce((sum, hour) => sum + hour, 0),
        ]),
      );
    });

    test('auto-pagination: for await, autoPagingToArray, and backwards', async () => {
      const forward: number[] = [];
      for await (const row of client.billing.meters.listEventSummaries(meter.id, hourly)) {
        forward.push(hourOf(row));
      }
      assert.deepEqual(forward, hours.toReversed());

      const paged = await client.billing.meters
        .listEventSummaries(meter.id, { ...hourly, limit: 4 })
        .autoPagingToArray({ limit: 1000 });
      assert.deepEqual(paged.map(hourOf), hours.toReversed());

      // stripe 21 walks backwards only in lists whose URL holds no id: here it sends both cursors.
      if (line !== NEWEST) return;
      const oldest = paged.at(-1);
      const backward = await client.billing.meters
        .listEventSummaries(meter.id, { ...hourly, limit: 4, ending_before: oldest?.id ?? '' })
        .autoPagingToArray({ limit: 1000 });
      assert.deepEqual(backward.map(hourOf), hours.slice(1));
    });

    test('a page is the rows next to its cursor', async () => {
      const { meters } = client.billing;
      const all = await meters.listEventSummaries(meter.id, { ...hourly, limit: 100 });
      assert.equal(all.has_more, false);
      const ids = all.data.map(({ id }) => id);
      const page = async (
        cursor: Partial<Stripe.Billing.MeterListEventSummariesParams>,
      ): Promise<readonly [readonly string[], boolean]> => {
        const list = await meters.listEventSummaries(meter.id, { ...hourly, ...cursor });
        return [list.data.map(({ id }) => id), list.has_more];
      };
      const at = (index: number): string => ids.at(index) ?? '';
      assert.deepEqual(await page({ starting_after: at(4), limit: 3 }), [ids.slice(5, 8), true]);
      assert.deepEqual(await page({ starting_after: at(-4), limit: 3 }), [ids.slice(-3), false]);
      assert.deepEqual(await page({ starting_after: at(-1), limit: 3 }), [[], false]);
      assert.deepEqual(await page({ ending_before: at(4), limit: 3 }), [ids.slice(1, 4), true]);
      assert.deepEqual(await page({ ending_before: at(3), limit: 3 }), [ids.slice(0, 3), false]);
      assert.deepEqual(await page({ ending_before: at(0), limit: 3 }), [[], false]);
    });

    test('a customer without usage: an empty list', async () => {
      for (const window of [{}, { value_grouping_window: 'hour' }] as const) {
        const list = await client.billing.meters.listEventSummaries(meter.id, {
          ...query,
          ...window,
          customer: 'nobody',
        });
        assert.deepEqual(list, {
          object: 'list',
          url: `/v1/billing/meters/${meter.id}/event_summaries`,
          has_more: false,
          data: [],
        });
      }
      const later = { ...query, start_time: end, end_time: end + DAY_S };
      const list = await client.billing.meters.listEventSummaries(meter.id, later);
      assert.deepEqual(list.data, []);
    });
  });
}

describe('ranges are [start, end)', () => {
  test('the first second is in, the last is out, at minute-aligned edges', async () => {
    const client = newClient(server);
    const meter = await createMeter(client);
    const from = start + 7 * HOUR_S + 13 * MINUTE_S;
    const to = start + 50 * HOUR_S + 47 * MINUTE_S;
    const inside = [from, from + 1, start + 20 * HOUR_S, start + 50 * HOUR_S, to - 1];
    const outside = [from - 1, to, start + 7 * HOUR_S, to + 1, start + 51 * HOUR_S - 1];
    for (const timestamp of inside) {
      await sendEvent(client, meter, { customer: 'c', value: '1', timestamp });
    }
    for (const timestamp of outside) {
      await sendEvent(client, meter, { customer: 'c', value: '1000', timestamp });
    }
    const sum = async (start_time: number, end_time: number): Promise<string> =>
      await total(server, { meter: meter.id, customer: 'c', start_time, end_time });
    assert.equal(await sum(from, to), '5');
    assert.equal(await sum(from, from + MINUTE_S), '2');
    assert.equal(await sum(to - MINUTE_S, to), '1');
    assert.equal(await sum(to, to + MINUTE_S), '2000');
    assert.equal(await sum(start, end), '5005');
    // Any split of a range adds up to the whole.
    const cuts = [from, start + 7 * HOUR_S + 14 * MINUTE_S, start + 20 * HOUR_S, to];
    let parts = 0;
    for (const [index, cut] of cuts.slice(1).entries()) {
      parts += Number(await sum(cuts[index] ?? 0, cut));
    }
    assert.equal(parts, 5);
  });

  test('hours and days of a range hold what the range holds', async () => {
    const meter = await hourlyMeter(server, [0, 1, 23, 24, 25, 47], 'c');
    const query = { meter: meter.id, customer: 'c' } as const;
    const rows = async (
      value_grouping_window: 'hour' | 'day',
      from: number,
      to: number,
    ): Promise<readonly (readonly [number, string])[]> => {
      const times = { start_time: start + from * HOUR_S, end_time: start + to * HOUR_S };
      const found = await allSummaries(server, { ...query, ...times, value_grouping_window });
      return found.map((row) => [(row.start_time - start) / HOUR_S, row.aggregated_value]);
    };
    assert.deepEqual(await rows('hour', 1, 25), [
      [24, '24'],
      [23, '23'],
      [1, '1'],
    ]);
    assert.deepEqual(await rows('day', 24, 48), [[24, '96']]);
    assert.deepEqual(await rows('day', 0, 48), [
      [24, '96'],
      [0, '24'],
    ]);
  });

  test('a value of zero is a value', async () => {
    const meter = await hourlyMeter(server, [0], 'c');
    const rows = await allSummaries(server, {
      meter: meter.id,
      customer: 'c',
      start_time: start,
      end_time: end,
      value_grouping_window: 'day',
    });
    assert.deepEqual(
      rows.map((row) => row.aggregated_value),
      ['0'],
    );
  });

  test('years are no limit', async () => {
    const meter = await hourlyMeter(server, [5, 6], 'c');
    const wide = { start_time: 0, end_time: 4_102_444_800 };
    assert.equal(await total(server, { meter: meter.id, customer: 'c', ...wide }), '11');
    const hourly = { ...wide, value_grouping_window: 'hour' } as const;
    const rows = await allSummaries(server, { meter: meter.id, customer: 'c', ...hourly });
    assert.equal(rows.length, 2);
  });
});

describe('formulas', () => {
  type Sent = readonly [value: string, offsetS: number];
  async function rowsOf(
    fields: Parameters<typeof createMeter>[1],
    sent: readonly Sent[],
    window: { readonly value_grouping_window?: 'hour' | 'day' } = {},
  ): Promise<readonly (readonly [hour: number, value: string])[]> {
    const client = newClient(server);
    const meter = await createMeter(client, fields);
    for (const [value, offsetS] of sent) {
      await sendEvent(client, meter, { customer: 'c', value, timestamp: start + offsetS });
    }
    const query = { meter: meter.id, customer: 'c', start_time: start, end_time: end };
    const rows = await allSummaries(server, { ...query, ...window });
    return rows.map((row) => [(row.start_time - start) / HOUR_S, row.aggregated_value]);
  }
  const hour = { value_grouping_window: 'hour' } as const;
  const day = { value_grouping_window: 'day' } as const;
  const sent: readonly Sent[] = [
    ['5', 2 * HOUR_S],
    ['-1.5', 90],
    ['9', 30 * HOUR_S],
    ['4', 60],
    ['0.25', 2 * HOUR_S - 1],
    ['6', 30 * HOUR_S],
  ];

  test('sum', async () => {
    assert.deepEqual(await rowsOf({ formula: 'sum' }, sent), [[0, '22.75']]);
    assert.deepEqual(await rowsOf({ formula: 'sum' }, sent, hour), [
      [30, '15'],
      [2, '5'],
      [1, '0.25'],
      [0, '2.5'],
    ]);
    assert.deepEqual(await rowsOf({ formula: 'sum' }, sent, day), [
      [24, '15'],
      [0, '7.75'],
    ]);
  });

  test('count', async () => {
    assert.deepEqual(await rowsOf({ formula: 'count' }, sent), [[0, '6']]);
    assert.deepEqual(await rowsOf({ formula: 'count' }, sent, day), [
      [24, '2'],
      [0, '4'],
    ]);
  });

  test('last: the greatest time wins, whatever the order of arrival; of a tie the last received', async () => {
    assert.deepEqual(await rowsOf({ formula: 'last' }, sent), [[0, '6']]);
    assert.deepEqual(await rowsOf({ formula: 'last' }, sent, hour), [
      [30, '6'],
      [2, '5'],
      [1, '0.25'],
      [0, '-1.5'],
    ]);
    assert.deepEqual(await rowsOf({ formula: 'last' }, sent, day), [
      [24, '6'],
      [0, '5'],
    ]);
  });

  test('event_time_window hour: the last received of each hour, then the formula', async () => {
    const window = { event_time_window: 'hour' } as const;
    // Hour 0: 4 was received last though -1.5 is later in time.
    assert.deepEqual(await rowsOf({ formula: 'sum', ...window }, sent, hour), [
      [30, '6'],
      [2, '5'],
      [1, '0.25'],
      [0, '4'],
    ]);
    assert.deepEqual(await rowsOf({ formula: 'sum', ...window }, sent, day), [
      [24, '6'],
      [0, '9.25'],
    ]);
    assert.deepEqual(await rowsOf({ formula: 'sum', ...window }, sent), [[0, '15.25']]);
    assert.deepEqual(await rowsOf({ formula: 'count', ...window }, sent), [[0, '4']]);
    assert.deepEqual(await rowsOf({ formula: 'last', ...window }, sent, day), [
      [24, '6'],
      [0, '5'],
    ]);
  });

  test('event_time_window day: the last received of each day keeps its own hour', async () => {
    const window = { event_time_window: 'day' } as const;
    assert.deepEqual(await rowsOf({ formula: 'sum', ...window }, sent, hour), [
      [30, '6'],
      [1, '0.25'],
    ]);
    assert.deepEqual(await rowsOf({ formula: 'sum', ...window }, sent), [[0, '6.25']]);
    assert.deepEqual(await rowsOf({ formula: 'count', ...window }, sent), [[0, '2']]);
    assert.deepEqual(await rowsOf({ formula: 'last', ...window }, sent), [[0, '6']]);
  });

  test('event_time_window: customers do not replace each other', async () => {
    const client = newClient(server);
    const meter = await createMeter(client, { formula: 'sum', event_time_window: 'day' });
    for (const [customer, value] of [
      ['a', '1'],
      ['b', '2'],
      ['a', '3'],
    ] as const) {
      await sendEvent(client, meter, { customer, value, timestamp: start });
    }
    const query = { meter: meter.id, start_time: start, end_time: end };
    assert.equal(await total(server, { ...query, customer: 'a' }), '3');
    assert.equal(await total(server, { ...query, customer: 'b' }), '2');
  });

  test('event_time_window: an event outside the asked range still replaces one inside it', async () => {
    const client = newClient(server);
    const meter = await createMeter(client, { formula: 'sum', event_time_window: 'day' });
    await sendEvent(client, meter, { customer: 'c', value: '1', timestamp: start + 60 });
    await sendEvent(client, meter, { customer: 'c', value: '2', timestamp: start + 5 * HOUR_S });
    const query = { meter: meter.id, customer: 'c', start_time: start };
    const morning = await allSummaries(server, { ...query, end_time: start + HOUR_S });
    assert.deepEqual(morning, []);
    assert.equal(await total(server, { ...query, end_time: start + DAY_S }), '2');
  });
});

describe('summary ids', () => {
  test('are the same each time, differ by what they are of, and live ones look live', async () => {
    const meter = await hourlyMeter(server, [1, 2, 3, 30], 'c');
    await sendEvent(newClient(server), meter, { customer: 'd', timestamp: start });
    const ids = async (query: Partial<Parameters<typeof summaryPage>[1]>): Promise<string[]> => {
      const whole = { meter: meter.id, customer: 'c', start_time: start, end_time: end, ...query };
      return (await allSummaries(server, whole)).map((row) => row.id);
    };
    const kinds = [
      await ids({}),
      await ids({ value_grouping_window: 'hour' }),
      await ids({ value_grouping_window: 'day' }),
      await ids({ customer: 'd' }),
    ];
    assert.deepEqual(await ids({ value_grouping_window: 'hour' }), kinds[1]);
    assert.equal(new Set(kinds.flat()).size, 1 + 4 + 2 + 1);
    for (const id of kinds.flat()) assert.match(id, /^mtrusg_test_\w+$/u);

    const live = newClient(server, { key: LIVE_KEY });
    const liveMeter = await createMeter(live);
    await sendEvent(live, liveMeter, { customer: 'c', timestamp: start });
    const { data } = await live.billing.meters.listEventSummaries(liveMeter.id, {
      customer: 'c',
      start_time: start,
      end_time: end,
    });
    assert.match(data[0]?.id ?? '', /^mtrusg_(?!test_)\w+$/u);
    assert.equal(data[0]?.livemode, true);
  });

  test('a cursor survives a restart, a kill -9 and new events', async () => {
    const own = await Server.start();
    try {
      const meter = await hourlyMeter(own, range(30), 'c');
      const query = {
        meter: meter.id,
        customer: 'c',
        start_time: start,
        end_time: end,
        value_grouping_window: 'hour',
        limit: 10,
      } as const;
      const rows: SummaryRow[] = [...(await summaryPage(own, query)).data];
      const next = async (): Promise<boolean> => {
        const starting_after = rows.at(-1)?.id ?? '';
        const page = await summaryPage(own, { ...query, starting_after });
        rows.push(...page.data);
        return page.has_more;
      };
      assert.equal((await own.stop()).code, 0);
      await own.restart();
      assert.equal(await next(), true);
      await own.kill();
      await own.restart();
      // A newer hour appears before the cursor: it does not shift the pages behind it.
      const client = newClient(own);
      await sendEvent(client, meter, { customer: 'c', timestamp: start + 40 * HOUR_S });
      assert.equal(await next(), false);
      assert.deepEqual(
        rows.map((row) => (row.start_time - start) / HOUR_S),
        range(30).toReversed(),
      );
    } finally {
      await own.remove();
    }
  });
});

test('an inactive meter’s usage stays readable', async () => {
  const client = newClient(server);
  const meter = await hourlyMeter(server, [1, 2], 'c');
  await client.billing.meters.deactivate(meter.id);
  const query = { meter: meter.id, customer: 'c', start_time: start, end_time: end };
  assert.equal(await total(server, query), '3');
});

test('aggregated_value is a bare JSON number, with more digits than a float has, and the same as a string', async () => {
  const client = newClient(server);
  const meter = await createMeter(client, { formula: 'last' });
  const value = '-123456789012345.123456789012';
  await sendEvent(client, meter, { customer: 'c', value, timestamp: start });
  const query = toForm({ customer: 'c', start_time: start, end_time: end });
  const answer = await call(server, {
    path: `/v1/billing/meters/${meter.id}/event_summaries?${query}`,
  });
  assert.match(answer.text, /"aggregated_value": ?-123456789012345\.123456789012[,}\s]/u);
  assert.match(answer.text, /"aggregated_value_decimal": ?"-123456789012345\.123456789012"/u);
});

describe('refused queries', () => {
  let meter: Stripe.Billing.Meter;
  before(async () => {
    meter = await createMeter(newClient(server));
  });
  const good = { customer: 'c', start_time: start, end_time: end };
  const cases: readonly {
    readonly name: string;
    readonly query: Readonly<Record<string, string | number | undefined>>;
    readonly param: string;
    readonly code?: string;
    readonly message?: string;
  }[] = [
    {
      name: 'no customer',
      query: { customer: undefined },
      param: 'customer',
      code: 'parameter_missing',
    },
    {
      name: 'an empty customer',
      query: { customer: '' },
      param: 'customer',
      code: 'parameter_invalid_empty',
    },
    {
      name: 'no start_time',
      query: { start_time: undefined },
      param: 'start_time',
      code: 'parameter_missing',
      message: 'Missing required param: start_time.',
    },
    {
      name: 'no end_time',
      query: { end_time: undefined },
      param: 'end_time',
      code: 'parameter_missing',
    },
    {
      name: 'a start_time that is text',
      query: { start_time: '2026-01-01' },
      param: 'start_time',
      code: 'parameter_invalid_integer',
      message: 'Invalid integer: 2026-01-01',
    },
    { name: 'a start_time off the minute', query: { start_time: start + 1 }, param: 'start_time' },
    { name: 'an end_time off the minute', query: { end_time: end - 1 }, param: 'end_time' },
    {
      name: 'a start_time off the hour',
      query: { start_time: start + MINUTE_S, value_grouping_window: 'hour' },
      param: 'start_time',
    },
    {
      name: 'an end_time off the hour',
      query: { end_time: end - MINUTE_S, value_grouping_window: 'hour' },
      param: 'end_time',
    },
    {
      name: 'a start_time off the day',
      query: { start_time: start + HOUR_S, value_grouping_window: 'day' },
      param: 'start_time',
    },
    {
      name: 'an end_time off the day',
      query: { end_time: end - HOUR_S, value_grouping_window: 'day' },
      param: 'end_time',
    },
    { name: 'an empty range', query: { end_time: start }, param: 'end_time' },
    { name: 'a range backwards', query: { end_time: start - DAY_S }, param: 'end_time' },
    {
      name: 'value_grouping_window week',
      query: { value_grouping_window: 'week' },
      param: 'value_grouping_window',
    },
    { name: 'limit 0', query: { limit: 0 }, param: 'limit' },
    { name: 'limit 101', query: { limit: 101 }, param: 'limit' },
    {
      name: 'limit ten',
      query: { limit: 'ten' },
      param: 'limit',
      code: 'parameter_invalid_integer',
    },
    {
      name: 'an alien cursor',
      query: { starting_after: 'mtrusg_test_0' },
      param: 'starting_after',
    },
    { name: 'an alien cursor back', query: { ending_before: 'nonsense' }, param: 'ending_before' },
    {
      name: 'an unknown parameter',
      query: { timezone: 'UTC' },
      param: 'timezone',
      code: 'parameter_unknown',
    },
    { name: 'something to expand', query: { 'expand[]': 'data.meter' }, param: 'expand' },
  ];
  for (const { name, query, param, code, message } of cases) {
    test(name, async () => {
      const fields: Record<string, string | number> = {};
      for (const [key, value] of Object.entries({ ...good, ...query })) {
        if (value !== undefined) fields[key] = value;
      }
      const path = `/v1/billing/meters/${meter.id}/event_summaries?${toForm(fields)}`;
      const answer = await call(server, { path });
      assert.equal(answer.status, 400, answer.text);
      const error = errorOf(answer);
      assert.equal(error.type, 'invalid_request_error');
      assert.equal(error.param, param, answer.text);
      if (code !== undefined) assert.equal(error.code, code, answer.text);
      if (message !== undefined) assert.equal(error.message, message);
    });
  }

  test('both cursors at once', async () => {
    const counted = await hourlyMeter(server, [1, 2, 3], 'c');
    const list = await newClient(server).billing.meters.listEventSummaries(counted.id, {
      ...good,
      value_grouping_window: 'hour',
    });
    const [newest, , oldest] = list.data;
    await refused400(
      newClient(server).billing.meters.listEventSummaries(counted.id, {
        ...good,
        value_grouping_window: 'hour',
        starting_after: newest?.id ?? '',
        ending_before: oldest?.id ?? '',
      }),
      {},
    );
  });
});

test('sums of many events with many digits are exact', async () => {
  const client = newClient(server);
  const meter = await createMeter(client);
  const customer = unique('digits');
  let expected = 0n;
  for (let n = 1; n <= 60; n++) {
    const whole = String(n).repeat(15).slice(0, 15);
    const fraction = String(61 - n)
      .repeat(12)
      .slice(0, 12);
    const sign = n % 3 === 0 ? '-' : '';
    const value = `${sign}${whole}.${fraction}`;
    expected += BigInt(`${sign}${whole}${fraction}`);
    await sendEvent(client, meter, { customer, value, timestamp: start + n * 1000 });
  }
  const query = { meter: meter.id, customer, start_time: start, end_time: end };
  const text = await total(server, query);
  const [whole = '', fraction = ''] = text.split('.');
  assert.equal(BigInt(whole + fraction.padEnd(12, '0')), expected, text);
});

test('a cursor is of the same kind of window: another would cut the range that its answer names', async () => {
  const customer = 'cus_cursor_kinds';
  const meter = await hourlyMeter(server, [1, 3, 5, 7], customer);
  const asked = { meter: meter.id, customer, start_time: start, end_time: start + DAY_S };
  const ids = new Map<string, string>();
  for (const window of ['hour', 'day', undefined] as const) {
    const grouped = window === undefined ? {} : { value_grouping_window: window };
    const [newest] = await allSummaries(server, { ...asked, ...grouped });
    ids.set(window ?? 'none', newest?.id ?? '');
  }
  const refused = async (window: string, cursor: string): Promise<boolean> => {
    const answer = await call(server, {
      path: `/v1/billing/meters/${meter.id}/event_summaries?${toForm({
        customer,
        start_time: start,
        end_time: start + DAY_S,
        ...(window === 'none' ? {} : { value_grouping_window: window }),
        starting_after: ids.get(cursor) ?? '',
      })}`,
    });
    if (answer.status === 200) return false;
    assert.equal(errorOf(answer).param, 'starting_after');
    return true;
  };
  for (const window of ids.keys()) {
    for (const cursor of ids.keys()) {
      // One day is the whole range here: the id of the day names the same summary.
      const same = window === cursor || (window !== 'hour' && cursor !== 'hour');
      assert.equal(await refused(window, cursor), !same, `${window} after ${cursor}`);
    }
  }
});
