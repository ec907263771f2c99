/** What nobody sends by accident: it is refused or kept as it is, harms no neighbour, and is never a 5xx. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { createMeter } from '../support/fixtures.ts';
import { call, type Answer } from '../support/http.ts';
import { unique } from '../support/random.ts';
import { newClient, type Stripe } from '../support/sdk.ts';
import { Server } from '../support/server.ts';
import { fates, openStream, postStream, tell } from '../support/stream.ts';
import { total } from '../support/summaries.ts';
import { DAY_S, dayStart } from '../support/times.ts';
import { isoOf, postJson, v2ErrorOf, v2Event, V2_EVENTS, V2_STREAM } from '../support/v2.ts';

let server: Server;
let token: string;
let meter: Stripe.Billing.Meter;
before(async () => {
  server = await Server.start();
  token = await openStream(server);
  meter = await createMeter(newClient(server));
});
after(async () => {
  await server.remove();
});

const start = dayStart(2);
const timestamp = isoOf(start);
const MALFORMED = 'meter_event_malformed';

async function sumOf(of: { readonly id: string }, customer = 'c'): Promise<string> {
  const range = { start_time: start, end_time: start + DAY_S };
  return await total(server, { meter: of.id, customer, ...range });
}

/** Sends JSON texts as the events of one request, between two good ones that must be counted, and reads it back. */
async function fatesOf(events: readonly string[]): Promise<string[]> {
  const own = await createMeter(newClient(server));
  const neighbour = JSON.stringify(v2Event(own, { timestamp, customer: 'neighbour' }));
  const body = `{"events":[${[neighbour, ...events, neighbour].join(',')}]}`;
  const found = fates(await tell(server, token, body));
  assert.deepEqual([found.at(0), found.at(-1)], ['accepted', 'accepted']);
  // Behind the barrier: whatever was sent, the usage store has taken it.
  assert.equal(await sumOf(own, 'neighbour'), '2');
  return found.slice(1, -1);
}

/** An event as JSON, with fields put in as they stand. */
function eventText(fields: Readonly<Record<string, string>> = {}): string {
  const all: Readonly<Record<string, string>> = {
    event_name: JSON.stringify(meter.event_name),
    payload: '{"stripe_customer_id":"c","value":"1"}',
    timestamp: JSON.stringify(timestamp),
    ...fields,
  };
  return `{${Object.entries(all)
    .map(([name, value]) => `"${name}":${value}`)
    .join(',')}}`;
}

function payloadOf(pairs: string): string {
  return `{"stripe_customer_id":"c","value":"1",${pairs}}`;
}

describe('names that objects are born with', () => {
  const NAMES = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', 'toJSON'];
  for (const name of NAMES) {
    test(`${name}: no field of a body or an event, a key of a payload like any other`, async () => {
      for (const value of ['[]', '{}', '"x"', '1', '{"events":[]}']) {
        const answer = await postStream(server, token, `{"events":[],"${name}":${value}}`);
        assert.equal(answer.status, 400, answer.text);
        assert.equal(v2ErrorOf(answer).message, `Received unknown parameter: ${name}`);
      }
      const cases: readonly (readonly [string, fate: string])[] = [
        [`{"${name}":${eventText()}}`, MALFORMED],
        [`{"${name}":{"event_name":"${meter.event_name}"},"payload":{}}`, MALFORMED],
        [eventText({ [name]: '"x"' }), MALFORMED],
        [eventText({ [name]: '{"payload":{}}' }), MALFORMED],
        [eventText({ payload: `{"${name}":{"stripe_customer_id":"c","value":"1"}}` }), MALFORMED],
        [eventText({ payload: payloadOf(`"${name}":{"value":"5"}`) }), MALFORMED],
        [eventText({ payload: payloadOf(`"${name}":"x"`) }), 'accepted'],
        [eventText({ event_name: `"${name}"` }), 'no_meter'],
        [eventText({ identifier: `"${unique(name)}"` }), 'accepted'],
      ];
      const found = await fatesOf(cases.map(([event]) => event));
      assert.deepEqual(
        found,
        cases.map(([, fate]) => fate),
      );
    });

    test(`${name}: a meter's customer key, value key, event name, and a customer`, async () => {
      const client = newClient(server);
      const own = await createMeter(client, { event_name: unique(name), customer_key: name });
      const other = await createMeter(client, { value_key: name });
      const of = ({ event_name }: Stripe.Billing.Meter, payload: string): string =>
        eventText({ event_name: JSON.stringify(event_name), payload });
      const found = await fatesOf([
        of(own, `{"${name}":"${name}","value":"2"}`),
        of(own, '{"value":"2"}'),
        of(own, payloadOf('"a":"b"')),
        of(own, `{"${name}":{},"value":"2"}`),
        of(own, `{"${name}":null,"value":"2"}`),
        of(other, `{"stripe_customer_id":"${name}","${name}":"3"}`),
        of(other, `{"stripe_customer_id":"${name}","value":"3"}`),
      ]);
      assert.deepEqual(found, [
        'accepted',
        'meter_event_no_customer_defined',
        'meter_event_no_customer_defined',
        MALFORMED,
        'meter_event_no_customer_defined',
        'accepted',
        'meter_event_value_not_found',
      ]);
      assert.equal(await sumOf(own, name), '2');
      assert.equal(await sumOf(other, name), '3');
    });
  }
});

test('what is no text where one is due', async () => {
  const OTHERS = ['1', '0', '-1e400', 'true', 'false', '[]', '["x"]', '{}', '""', '{"a":"b"}'];
  const events = OTHERS.flatMap((other) => [
    eventText({ event_name: other }),
    eventText({ identifier: other }),
  ]);
  // Whole numbers are times, and far off.
  const times = OTHERS.filter((other) => !['1', '0'].includes(other)).map((other) =>
    eventText({ timestamp: other }),
  );
  const payloads = OTHERS.filter((other) => other !== '""').flatMap((other) => [
    eventText({ payload: payloadOf(`"tag":${other}`) }),
    eventText({ payload: `{"stripe_customer_id":${other},"value":"1"}` }),
    eventText({ payload: `{"stripe_customer_id":"c","value":${other}}` }),
  ]);
  const found = await fatesOf([...events, ...times, ...payloads]);
  assert.deepEqual(new Set(found), new Set([MALFORMED]));
});

test('events that are no objects, and payloads that are none', async () => {
  const none = ['null', '1', '"x"', '""', 'true', '[]', '[[]]', '[{}]'];
  const payloads = none.map((payload) => eventText({ payload }));
  const found = await fatesOf([...none, '{}', ...payloads]);
  assert.deepEqual(new Set(found), new Set([MALFORMED]));
});

describe('Unicode', () => {
  test('half a surrogate pair, anywhere, is no text', async () => {
    const found = await fatesOf(
      [String.raw`"\ud83d"`, String.raw`"\ude95"`, String.raw`"a\ud83db"`].flatMap((half) => [
        eventText({ identifier: half }),
        eventText({ event_name: half }),
        eventText({ timestamp: half }),
        eventText({ payload: `{"stripe_customer_id":${half},"value":"1"}` }),
        eventText({ payload: `{"stripe_customer_id":"c","value":${half}}` }),
        eventText({ payload: payloadOf(`"tag":${half}`) }),
        eventText({ payload: payloadOf(`${half}:"tag"`) }),
        `{${half}:1}`,
      ]),
    );
    assert.deepEqual(new Set(found), new Set([MALFORMED]));
    const answer = await postStream(server, token, String.raw`{"\ud83d":1}`);
    assert.equal(answer.status, 400);
    assert.ok(v2ErrorOf(answer).message.isWellFormed());
  });

  test('what is cut for the record is not cut inside a character', async () => {
    // Wherever the cuts are, one of two neighbouring lengths would halve a pair.
    const long = '🚕'.repeat(2000);
    const events = ['', 'x'].flatMap((shift) => [
      `{"${shift}${long}":1}`,
      eventText({ payload: payloadOf(`"${shift}${long}":"x"`) }),
      eventText({ payload: payloadOf(`"tag":"${shift}${long}"`) }),
      eventText({ event_name: `"${shift}${long}"` }),
      `"${shift}${long}"`,
    ]);
    assert.deepEqual(new Set(await fatesOf(events)), new Set([MALFORMED]));
    const refused = await postStream(server, token, `{"x${long}":1}`);
    assert.ok(v2ErrorOf(refused).message.isWellFormed());
  });

  test('identifiers are compared as they were sent, also by a server that was started again', async () => {
    const own = await Server.start();
    try {
      const ownMeter = await createMeter(newClient(own));
      const door = await openStream(own);
      const identifiers = [
        'é'.normalize('NFC'),
        'é'.normalize('NFD'),
        'E',
        'e',
        'e ',
        ' e',
        '\u0000',
        '\u0000\u0000',
        'a\u0000',
        'a',
        '\u0000a',
        '🚕',
        '🚕'.repeat(50),
        '\u{10ffff}',
        '\ufeff',
        '\ufffd',
        '\u2028',
        '"\\',
        '\n',
        '__proto__',
      ];
      const events = identifiers.map((identifier) => v2Event(ownMeter, { identifier, timestamp }));
      assert.equal((await tell(own, door, events)).accepted, events.length);
      assert.equal((await tell(own, door, events)).duplicates, events.length);
      await own.kill();
      await own.restart();
      const told = await tell(own, door, events);
      assert.equal(told.duplicates, events.length);
      assert.deepEqual(
        told.results.map(({ identifier }) => identifier),
        identifiers,
      );
      const range = { start_time: start, end_time: start + DAY_S };
      const query = { meter: ownMeter.id, customer: 'c', ...range };
      assert.equal(await total(own, query), String(events.length));
    } finally {
      await own.remove();
    }
  });

  test('customers and payloads keep every character', async () => {
    const customers = ['\u0000', 'a\u0000b', '🚕'.repeat(50), '\ufeff', "'; DROP TABLE events --"];
    const events = customers.map((customer) =>
      JSON.stringify({
        ...v2Event(meter, { customer, timestamp }),
        payload: { stripe_customer_id: customer, value: '2', '': '', '\u0000': '\u0000🚕' },
      }),
    );
    assert.deepEqual(new Set(await fatesOf(events)), new Set(['accepted']));
    for (const customer of customers) assert.equal(await sumOf(meter, customer), '2');
  });
});

describe('depth', () => {
  const listOf = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
  const hashOf = (levels: number): string => '{"a":'.repeat(levels) + '1' + '}'.repeat(levels);
  const list = listOf(10_000);
  const hash = hashOf(10_000);

  test('ten thousand levels are an event that is rejected, wherever they stand in it', async () => {
    for (const deep of [list, hash]) {
      for (const event of [
        deep,
        eventText({ payload: deep }),
        eventText({ payload: payloadOf(`"tag":${deep}`) }),
        eventText({ identifier: deep }),
        eventText({ unknown: deep }),
      ]) {
        assert.deepEqual(await fatesOf([event]), [MALFORMED]);
      }
    }
  });

  test('in place of the body or the list they are refused', async () => {
    for (const body of [list, hash, `{"events":${hash}}`, `{"deep":${list}}`]) {
      const answer = await postStream(server, token, body);
      assert.equal(answer.status, 400, answer.text.slice(0, 200));
    }
    // As the list, it holds one event.
    const listed = await postStream(server, token, `{"events":${list}}`);
    assert.equal(listed.text, '{}');
  });
});

describe('bodies that are refused', () => {
  async function refused(body: string, code: string): Promise<void> {
    const answer = await postStream(server, token, body);
    assert.equal(answer.status, 400, answer.text);
    assert.equal(v2ErrorOf(answer).code, code, body);
    assert.equal(answer.headers['stripe-should-retry'], 'false');
  }

  test('no JSON, no object, no list', async () => {
    for (const body of [
      '[]',
      'null',
      '1',
      '"x"',
      '{',
      '{"events":[}',
      '\u0000',
      '{"events":[]}x',
    ]) {
      await refused(body, 'body_invalid');
    }
    for (const events of ['null', '{}', '"x"', '1', 'true', '{"0":{},"length":1}']) {
      await refused(`{"events":${events}}`, 'invalid_fields');
    }
    for (const body of ['{}', '', '{"event":[]}', '{"events":[],"x":1}', '{"events":[],"":1}']) {
      await refused(body, 'invalid_fields');
    }
    await refused(JSON.stringify([v2Event(meter)]), 'body_invalid');
  });

  test('an empty list is an answer of nothing', async () => {
    const answer = await postStream(server, token, []);
    assert.deepEqual([answer.status, answer.text], [200, '{}']);
    assert.deepEqual(await tell(server, token, []), {
      accepted: 0,
      duplicates: 0,
      rejected: 0,
      results: [],
    });
  });

  test('one event too many, bad ones included', async () => {
    for (const event of [v2Event(meter, { timestamp, customer: 'many' }), null, {}]) {
      const answer = await postStream(server, token, Array(101).fill(event));
      assert.equal(answer.status, 400, answer.text);
    }
    assert.equal(await sumOf(meter, 'many'), '0');
  });

  test('gzip that is not said, a coding that is not taken, bytes that are no UTF-8, parameters in the query', async () => {
    const bytes = gzipSync(JSON.stringify({ events: [v2Event(meter)] }));
    const send = async (
      body: Buffer,
      headers: Readonly<Record<string, string>>,
    ): Promise<Answer> => {
      const response = await fetch(server.url + V2_STREAM, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          ...headers,
        },
        body: new Uint8Array(body),
      });
      return { status: response.status, headers: {}, text: await response.text() };
    };
    const deflate = { 'content-encoding': 'deflate' };
    assert.match(v2ErrorOf(await send(bytes, deflate)).message, /^Invalid Content-Encoding: /u);
    assert.match(v2ErrorOf(await send(bytes, {})).message, /UTF-8/u);
    const half = Buffer.from(`{"events":[${eventText({ identifier: '"é"' })}]}`, 'latin1');
    assert.match(v2ErrorOf(await send(half, {})).message, /UTF-8/u);
    const path = `${V2_STREAM}?events[]=x`;
    const answer = await postJson(server, { path, body: { events: [] }, key: token });
    assert.equal(answer.status, 400, answer.text);
    assert.equal((await call(server, { path: V2_STREAM, key: token })).status, 404);
  });
});

describe('more values than an event of each could have', () => {
  const many = 100 * 105 + 2;
  const lists: readonly (readonly [string, string])[] = [
    ['a million levels', `{"events":${'['.repeat(1e6)}${']'.repeat(1e6)}}`],
    ['a million events', `{"events":[${'0,'.repeat(1e6)}0]}`],
    ['a payload of many keys', JSON.stringify({ events: [{ payload: keys(many) }] })],
    ['nulls for fields', JSON.stringify({ events: [keys(many, null)] })],
  ];
  for (const [name, body] of lists) {
    test(name, async () => {
      const answer = await postStream(server, token, body);
      assert.equal(answer.status, 400, answer.text);
      assert.match(v2ErrorOf(answer).message, /more than 10502 values/u);
    });
  }

  test('the largest events that there are pass', async () => {
    const payload = { stripe_customer_id: 'large', value: '1', ...keys(98, '🚕'.repeat(50)) };
    const event = { ...v2Event(meter, { timestamp }), payload };
    const events = Array.from({ length: 100 }, () => ({ ...event, identifier: unique('large') }));
    assert.equal((await tell(server, token, events)).accepted, 100);
    assert.equal(await sumOf(meter, 'large'), '100');
  });
});

function keys(count: number, value: string | null = 'x'): object {
  return Object.fromEntries(Array.from({ length: count }, (_, n) => [`key ${n}`, value]));
}

test('after all this the server is well, and counts', async () => {
  const answer = await postJson(server, { path: V2_EVENTS, body: v2Event(meter, { timestamp }) });
  assert.equal(answer.status, 200);
  assert.notEqual(await sumOf(meter), '0');
  assert.doesNotMatch(server.stderr, /"level":"(?:warn|error)"/u, 'no failure was logged');
  const { code } = await server.stop();
  assert.equal(code, 0);
});
