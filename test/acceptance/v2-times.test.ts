/** The times that Stripe's SDKs send for their language's own: whole Unix seconds, in digits or as a number. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createMeter } from '../support/fixtures.ts';
import { call, errorOf } from '../support/http.ts';
import { unique } from '../support/random.ts';
import { newClient, SDK_LINES, type Stripe } from '../support/sdk.ts';
import { Server } from '../support/server.ts';
import { openStream, tell } from '../support/stream.ts';
import { summaryPage } from '../support/summaries.ts';
import { HOUR_S, nowS } from '../support/times.ts';
import {
  isoOf,
  postJson,
  sendToStream,
  v2ErrorOf,
  v2Event,
  V2_EVENTS,
  type V2EventFields,
} from '../support/v2.ts';

let server: Server;
before(async () => {
  server = await Server.start();
});
after(async () => {
  await server.remove();
});

const hourS = Math.floor(nowS() / HOUR_S) * HOUR_S - HOUR_S;
const atS = hourS + 7;

type Found = {
  readonly identifier: string;
  readonly status: string;
  readonly timestamp: number | null;
};
async function found(query: string): Promise<readonly Found[]> {
  const answer = await call(server, { path: `/v1/billing/meter_events?limit=100&${query}` });
  assert.equal(answer.status, 200, answer.text);
  return (JSON.parse(answer.text) as { data: Found[] }).data;
}

for (const line of SDK_LINES) {
  describe(`a Date, ${line.name}`, () => {
    let client: Stripe;
    before(() => {
      client = newClient(server, { line });
    });
    // Its types say text; it takes both.
    const timestamp = new Date(atS * 1000 + 999) as unknown as string;

    test('is the time of a v2 event', async () => {
      const meter = await createMeter(client);
      const event = await client.v2.billing.meterEvents.create({ ...v2Event(meter), timestamp });
      assert.equal(event.timestamp, isoOf(atS));
      const { data } = await summaryPage(server, {
        meter: meter.id,
        customer: 'c',
        start_time: hourS,
        end_time: hourS + HOUR_S,
      });
      assert.equal(data.length, 1);
    });

    test('is the time of an event of the stream', async () => {
      const meter = await createMeter(client);
      const { authentication_token: token } = await client.v2.billing.meterEventSession.create();
      await sendToStream(server, line, token, { events: [{ ...v2Event(meter), timestamp }] });
      const [event, ...more] = await found(`event_name=${meter.event_name}`);
      assert.deepEqual([event?.status, event?.timestamp, more.length], ['counted', atS, 0]);
    });

    test('bounds a list of v2', async () => {
      const { id: object_id } = await createMeter(client);
      const listed = async (created: object): Promise<number> =>
        (await client.v2.core.events.list({ object_id, created })).data.length;
      const later = new Date((nowS() + 3600) * 1000);
      assert.deepEqual(await listed({ gte: new Date(atS * 1000), lt: later }), 1);
      assert.deepEqual(await listed({ gte: later }), 0);
    });
  });
}

describe('whole seconds', () => {
  const SAME: readonly (string | number)[] = [
    isoOf(atS),
    String(atS),
    atS,
    `${isoOf(atS - 3600).slice(0, 19)}-01:00`,
  ];

  test('are the same time in every spelling, one event at a time and in the stream', async () => {
    const meter = await createMeter(newClient(server));
    const spelled = (timestamp: string | number): object => ({
      ...v2Event(meter, { identifier: unique('evt') }),
      timestamp,
    });
    for (const timestamp of SAME) {
      const answer = await postJson(server, { path: V2_EVENTS, body: spelled(timestamp) });
      assert.equal(answer.status, 200, answer.text);
      assert.equal((JSON.parse(answer.text) as V2EventFields).timestamp, isoOf(atS));
    }
    assert.equal((await tell(server, await openStream(server), SAME.map(spelled))).accepted, 4);
    const times = (await found(`event_name=${meter.event_name}`)).map((event) => event.timestamp);
    assert.deepEqual(
      times,
      Array.from({ length: 8 }, () => atS),
    );
  });

  test('as a number or in digits are one request under a key', async () => {
    const meter = await createMeter(newClient(server));
    const headers = { 'idempotency-key': unique('key') };
    const send = async (timestamp: string | number) =>
      await postJson(server, { path: V2_EVENTS, body: { ...v2Event(meter), timestamp }, headers });
    const [first, again] = [await send(atS), await send(String(atS))];
    assert.deepEqual([again.status, again.text], [200, first.text]);
    assert.equal(again.headers['idempotent-replayed'], 'true');
  });

  test('may not be a fraction, and milliseconds are told', async () => {
    const meter = await createMeter(newClient(server));
    const token = await openStream(server);
    for (const [timestamp, code, message] of [
      [
        1.5,
        'invalid_fields',
        /: (?:timestamp )?must be an RFC 3339 time .* or whole Unix seconds, not "1\.5"\.$/u,
      ],
      ['1.0', 'invalid_fields', /not "1\.0"\.$/u],
      [
        true,
        'invalid_fields',
        /: (?:timestamp )?must be an RFC 3339 time .* or whole Unix seconds, not a boolean\.$/u,
      ],
      [atS * 1000, 'timestamp_in_future', hintOf('milliseconds', atS * 1000)],
      [`${atS * 1000}`, 'timestamp_in_future', hintOf('milliseconds', atS * 1000)],
      [`${atS}000000`, 'invalid_fields', hintBehind('microseconds')],
      [atS * 1e6, 'invalid_fields', hintBehind('microseconds')],
      [`${atS}123456789`, 'invalid_fields', hintBehind(`${atS}123456789 looks like nanoseconds`)],
      [1e30, 'invalid_fields', /not "1e\+30"\.$/u],
    ] as const) {
      const body = { ...v2Event(meter), timestamp };
      const error = v2ErrorOf(await postJson(server, { path: V2_EVENTS, body }));
      assert.equal(error.code, code);
      assert.match(error.message, message);
      const { results } = await tell(server, token, [body]);
      assert.equal(results[0]?.code, code === 'invalid_fields' ? 'meter_event_malformed' : code);
      assert.match(results[0]?.message ?? '', message);
    }
    for (const [timestamp, message] of [
      [`${atS}000`, hintOf('milliseconds', atS * 1000)],
      [`${atS}000000`, hintBehind('microseconds')],
      [`${atS}123456789`, hintBehind(`${atS}123456789 looks like nanoseconds`)],
    ] as const) {
      const form = {
        event_name: meter.event_name,
        timestamp,
        'payload[stripe_customer_id]': 'c',
        'payload[value]': 1,
      };
      const v1 = errorOf(await call(server, { path: '/v1/billing/meter_events', body: form }));
      assert.match(v1.message, message);
    }
  });
});

function hintBehind(words: string): RegExp {
  return new RegExp(`\\. .*${words}.*: send whole seconds\\.$`, 'u');
}

function hintOf(unit: string, sent: number): RegExp {
  return new RegExp(
    `^The event timestamp cannot be in future\\. ${sent} looks like ${unit}: send whole seconds\\.$`,
    'u',
  );
}

test('a rejected event is found at the time that it is shown with, and no other', async () => {
  const meter = await createMeter(newClient(server));
  const said: readonly (readonly [unknown, number | null])[] = [
    [isoOf(atS), atS],
    [String(atS + 1), atS + 1],
    [atS + 2, atS + 2],
    ['2026-11-28 07:00:00', null],
    ['20261128', 20_261_128],
    ['2026-11-28', null],
    [`${atS}.5`, null],
    [atS + 0.5, null],
    [{}, null],
    [1e19, null],
    [-5, -5],
    [atS * 1000, atS * 1000],
  ];
  const events = said.map(([timestamp], index) => ({
    ...v2Event(meter, { value: 'x', identifier: `${index}` }),
    timestamp,
  }));
  assert.equal((await tell(server, await openStream(server), events)).rejected, said.length);
  const all = `event_name=${meter.event_name}&status=rejected`;
  const shown = new Map((await found(all)).map((event) => [event.identifier, event.timestamp]));
  for (const [index, [, expected]] of said.entries()) {
    assert.equal(shown.get(`${index}`), expected, `event ${index}`);
  }
  const within = async (range: string): Promise<string[]> =>
    (await found(`${all}&${range}`)).map((event) => event.identifier).toSorted();
  assert.deepEqual(await within('timestamp[gte]=0'), ['0', '1', '11', '2', '4']);
  assert.deepEqual(await within('timestamp[lt]=9'), ['10']);
  assert.deepEqual(await within('timestamp[gt]=253402300799'), ['11']);
  assert.deepEqual(await within(`timestamp=${atS + 1}`), ['1']);
  assert.deepEqual(await within(`timestamp[gt]=${atS}&timestamp[lte]=${atS + 2}`), ['1', '2']);
});

test('without a time, a rejected event is of the time when it came', async () => {
  const meter = await createMeter(newClient(server));
  await tell(server, await openStream(server), [v2Event(meter, { value: 'x' })]);
  const all = `event_name=${meter.event_name}&status=rejected`;
  const [event] = await found(all);
  assert.ok(event !== undefined && Math.abs((event.timestamp ?? 0) - nowS()) < 3600);
  assert.equal((await found(`${all}&timestamp=${event.timestamp}`)).length, 1);
});
