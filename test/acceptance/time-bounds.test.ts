/**
 * Every reader of a time or of a range of times, at both ends of what it takes and one step inside and outside of them:
 * an answer or a refusal, never a failure.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createMeter, sendEvent } from '../support/fixtures.ts';
import { call, errorOf, type Answer } from '../support/http.ts';
import { newClient, type Stripe } from '../support/sdk.ts';
import { runCli, Server } from '../support/server.ts';
import { openStream, tell } from '../support/stream.ts';
import { nowMs } from '../support/times.ts';
import { postJson, v2ErrorOf, v2Event, V2_EVENTS } from '../support/v2.ts';

/** The last second of the year 9999, as far as v1 takes times. */
const LAST_S = 253_402_300_799;
/** The last hour that the tables of the usage store can name, and the last second. */
const LAST_HOUR_S = 4_294_964_400;
const LAST_32_BIT_S = 2 ** 32 - 1;
/** As far as ClickHouse's DateTime64 reaches. */
const LAST_DATE_TIME_S = 10_413_791_999;
const NOW_MS = nowMs();

const around = (...seconds: readonly number[]): number[] =>
  seconds.flatMap((at) => [at - 1, at, at + 1]);
const TAKEN = [
  ...around(LAST_HOUR_S, LAST_32_BIT_S, LAST_DATE_TIME_S, 2 ** 31, 86_400),
  0,
  1,
  LAST_S - 1,
  LAST_S,
];
const REFUSED = [-1, LAST_S + 1, NOW_MS, NOW_MS * 1000, '1e3', '', 'soon', '0.5', '9'.repeat(30)];

let server: Server;
let meter: Stripe.Billing.Meter;
before(async () => {
  server = await Server.start();
  const client = newClient(server);
  meter = await createMeter(client);
  await sendEvent(client, meter, { customer: 'c' });
  const token = await openStream(server);
  await tell(server, token, [v2Event(meter, { value: 'x' }), v2Event(meter)]);
});
after(async () => {
  assert.doesNotMatch(server.stderr, /"level":"error"/u, 'no failure was logged');
  await server.remove();
});

async function get(path: string): Promise<Answer> {
  return await call(server, { path });
}

describe('lists take bounds of a time', () => {
  const LISTS: readonly (readonly [string, string])[] = [
    ['/v1/billing/meter_events', 'created'],
    ['/v1/billing/meter_events', 'timestamp'],
    ['/v1/billing/meter_events?status=rejected', 'created'],
    ['/v1/billing/meter_events?status=rejected', 'timestamp'],
    ['/v1/events', 'created'],
    ['/v2/core/events', 'created'],
  ];
  const OPERATORS = ['', '[gt]', '[gte]', '[lt]', '[lte]'];
  for (const [path, field] of LISTS) {
    test(`${field} of ${path}`, async () => {
      const operators = path.startsWith('/v2') ? OPERATORS.slice(1) : OPERATORS;
      const ask = async (operator: string, at: number | string): Promise<Answer> =>
        await get(`${path}${path.includes('?') ? '&' : '?'}${field}${operator}=${at}`);
      for (const operator of operators) {
        for (const at of TAKEN) {
          const answer = await ask(operator, at);
          assert.equal(answer.status, 200, `${operator} ${at}: ${answer.text}`);
          const { data } = JSON.parse(answer.text) as { data: unknown[] };
          const isBefore = operator.startsWith('[l');
          const isPast = at <= 2 ** 31 + 1 && at < NOW_MS / 1000;
          const findsAll = operator !== '' && (isBefore ? !isPast : isPast);
          assert.equal(data.length > 0, findsAll, `${operator} ${at}: ${data.length}`);
        }
        for (const at of REFUSED) {
          // v2 takes moments before 1970: nothing happened then.
          if (at === -1 && path.startsWith('/v2')) continue;
          const answer = await ask(operator, at);
          assert.equal(answer.status, 400, `${operator} ${at}: ${answer.text}`);
          const hint = /looks like milliseconds: send whole seconds\.$/u;
          const isHinted = at === NOW_MS || at === LAST_S + 1;
          assert.equal(hint.test(errorOf(answer).message), isHinted, answer.text);
        }
      }
    });
  }

  test('v2 takes RFC 3339 from the first moment to the last', async () => {
    for (const [at, isPast] of [
      ['0000-01-01T00:00:00Z', true],
      ['0000-01-01T00:00:00%2B23:59', true],
      ['1969-12-31T23:59:59.999Z', true],
      ['9999-12-31T23:59:59.999Z', false],
      ['9999-12-31T23:59:59.999-23:59', false],
    ] as const) {
      const answer = await get(`/v2/core/events?created[gte]=${at}`);
      assert.equal(answer.status, 200, answer.text);
      assert.equal((JSON.parse(answer.text) as { data: [] }).data.length > 0, isPast, at);
    }
  });
});

describe('summaries', () => {
  const WINDOWS = {
    '': 60,
    '&value_grouping_window=hour': 3600,
    '&value_grouping_window=day': 86_400,
  };
  const ends = [0, LAST_HOUR_S, LAST_32_BIT_S + 1, LAST_DATE_TIME_S + 1, LAST_S + 1, 1_900_000_000];

  test('any range that is taken is answered, and empty past the last hour that can be stored', async () => {
    const client = newClient(server);
    const windowed = await createMeter(client, { event_time_window: 'day' });
    await sendEvent(client, windowed, { customer: 'c' });
    for (const [window, lengthS] of Object.entries(WINDOWS)) {
      const times = [
        ...new Set(
          ends.flatMap((at) => [-1, 0, 1].map((n) => (Math.floor(at / lengthS) + n) * lengthS)),
        ),
      ];
      for (const { id } of [meter, windowed]) {
        for (const from of times) {
          for (const to of times) {
            const range = `customer=c&start_time=${from}&end_time=${to}${window}`;
            const answer = await get(`/v1/billing/meters/${id}/event_summaries?${range}`);
            const isTaken = from >= 0 && to <= LAST_S && from < to;
            assert.equal(answer.status, isTaken ? 200 : 400, `${range}: ${answer.text}`);
            if (!isTaken) continue;
            const { data } = JSON.parse(answer.text) as { data: unknown[] };
            const isThere = from * 1000 <= NOW_MS && to * 1000 > NOW_MS;
            assert.equal(data.length, isThere ? 1 : 0, range);
          }
        }
      }
    }
  });

  test('times in milliseconds are told', async () => {
    const ms = NOW_MS - (NOW_MS % 86_400_000);
    const range = `customer=c&start_time=${ms}&end_time=${ms + 86_400_000}`;
    const answer = await get(`/v1/billing/meters/${meter.id}/event_summaries?${range}`);
    assert.deepEqual(errorOf(answer), {
      code: 'parameter_invalid_integer',
      doc_url: 'https://stripe.com/docs/error-codes/parameter-invalid-integer',
      message: `Invalid integer: start_time must be from 0 to ${LAST_S}, and is ${ms}. ${ms} looks like milliseconds: send whole seconds.`,
      param: 'start_time',
      type: 'invalid_request_error',
    });
  });
});

describe('an event has a time in the past 35 days', () => {
  const PAST = 'timestamp_too_far_in_past';
  const FUTURE = 'timestamp_in_future';
  const [past, future] = [
    [0, 1, 86_400],
    [LAST_HOUR_S, LAST_32_BIT_S, LAST_DATE_TIME_S, LAST_S, LAST_S + 1, NOW_MS],
  ];

  test('in v1', async () => {
    const codeAt = async (at: number): Promise<string | undefined> => {
      const body = {
        event_name: meter.event_name,
        timestamp: at,
        'payload[stripe_customer_id]': 'c',
        'payload[value]': 1,
      };
      const answer = await call(server, { path: '/v1/billing/meter_events', body });
      assert.equal(answer.status, 400);
      return errorOf(answer).code;
    };
    for (const at of past) assert.equal(await codeAt(at), PAST, String(at));
    for (const at of [...future, 999_999_999_999_999]) assert.equal(await codeAt(at), FUTURE);
    for (const at of [-1, 1e15, 1.5]) assert.equal(await codeAt(at), 'parameter_invalid_integer');
  });

  const texts = {
    [PAST]: [...past, -1, '0000-01-01T00:00:00Z', '1969-12-31T23:59:59Z', '-62167219200'],
    [FUTURE]: [...future, '9999-12-31T23:59:59.999-23:59', '9007199254740', 9_007_199_254_740],
    wrong: [1.5, 1e15, '1e9', '9007199254741', '0000-01-01', '', '2024-02-30T00:00:00Z', 1e300],
  };

  test('in v2', async () => {
    for (const [code, times] of Object.entries(texts)) {
      for (const timestamp of times) {
        const body = { ...v2Event(meter), timestamp };
        const answer = await postJson(server, { path: V2_EVENTS, body });
        assert.equal(answer.status, 400, answer.text);
        assert.equal(
          v2ErrorOf(answer).code,
          code === 'wrong' ? 'invalid_fields' : code,
          answer.text,
        );
      }
    }
  });

  test('in the stream', async () => {
    const token = await openStream(server);
    for (const [code, times] of Object.entries(texts)) {
      const events = times.map((timestamp) => ({ ...v2Event(meter), timestamp }));
      const expected = code === 'wrong' ? 'meter_event_malformed' : code;
      for (const [index, result] of (await tell(server, token, events)).results.entries()) {
        assert.equal(result.code, expected, `${times[index]}: ${result.message}`);
      }
    }
  });
});

test('commands take days from the first to the last of the calendar', async () => {
  const own = await Server.start();
  try {
    const client = newClient(own);
    await sendEvent(client, await createMeter(client), { customer: 'c' });
    await own.stop();
    const run = async (...args: string[]) => await runCli([...args, '--data', own.folder]);
    for (const [flag, day, finds] of [
      ['--from', '0000-01-01', 1],
      ['--from', '2106-02-07', 0],
      ['--from', '9999-12-31', 0],
      ['--to', '0000-01-01', 0],
      ['--to', '1970-01-01', 0],
      ['--to', '9999-12-31', 1],
    ] as const) {
      const { code, stdout, stderr } = await run('audit', flag, day);
      assert.equal(code, 0, stderr);
      assert.match(stdout, new RegExp(`^${finds} events `, 'u'), `${flag} ${day}`);
    }
    for (const [month, says] of [
      ['0000-01-01', /--before is the first day of a month/u],
      ['1970-02-01', /^There are no events before 1970-02-01/u],
      ['9999-12-01', /can still come/u],
    ] as const) {
      const { code, stdout, stderr } = await run('prune', '--before', month);
      assert.match(stdout + stderr, says, month);
      assert.equal(code, stdout === '' ? 1 : 0);
    }
  } finally {
    await own.remove();
  }
});
