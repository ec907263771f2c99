/** A stream request under an Idempotency-Key, and what `Prefer: return=representation` is answered. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createMeter, sendEvent } from '../support/fixtures.ts';
import type { Answer } from '../support/http.ts';
import { unique } from '../support/random.ts';
import { newClient, refused, SDK_LINES, type Stripe } from '../support/sdk.ts';
import { LIVE_KEY, Server } from '../support/server.ts';
import { openStream, postStream, TELL, tell } from '../support/stream.ts';
import { total } from '../support/summaries.ts';
import { DAY_S, dayStart, HOUR_S } from '../support/times.ts';
import { isoOf, postJson, v2ErrorOf, v2Event, V2_EVENTS } from '../support/v2.ts';

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

async function countOf(meter: { readonly id: string }, from: Server = server): Promise<number> {
  // Past midnight too: events without a time are there now.
  const range = { start_time: start, end_time: start + 4 * DAY_S };
  return Number(await total(from, { meter: meter.id, customer: 'c', ...range }));
}

/** Good ones with an identifier and without, a duplicate, and a bad one: 3 of them count. */
function mixed(meter: Stripe.Billing.Meter): readonly object[] {
  const identifier = unique('evt');
  return [
    v2Event(meter, { identifier }),
    v2Event(meter, { timestamp }),
    v2Event(meter, { identifier }),
    v2Event(meter, { value: 'x' }),
    v2Event(meter),
  ];
}

function assertReplay(first: Answer, second: Answer): void {
  assert.equal(first.status, 200, first.text);
  assert.equal(first.headers['idempotent-replayed'], undefined);
  assert.equal(second.status, 200, second.text);
  assert.equal(second.headers['idempotent-replayed'], 'true');
  assert.equal(second.text, first.text);
  assert.equal(second.headers['preference-applied'], first.headers['preference-applied']);
}

function assertMismatch(answer: Answer): void {
  assert.equal(answer.status, 409, answer.text);
  const { type, code } = v2ErrorOf(answer);
  assert.deepEqual([type, code], ['idempotency_error', 'idempotency_error']);
  assert.equal(answer.headers['stripe-should-retry'], 'false');
}

describe('a repeated key', () => {
  for (const [name, headers] of [
    ['{}', {}],
    ['the representation', TELL],
  ] as const) {
    test(`replays ${name}, and counts nothing twice`, async () => {
      const meter = await createMeter(newClient(server));
      const events = mixed(meter);
      const keyed = { 'idempotency-key': unique('key'), ...headers };
      const first = await postStream(server, token, events, keyed);
      for (let n = 0; n < 3; n++) {
        assertReplay(first, await postStream(server, token, events, keyed));
      }
      assert.equal(await countOf(meter), 3);
      assert.equal(
        first.headers['preference-applied'],
        headers === TELL ? TELL['prefer'] : undefined,
      );
      if (headers !== TELL) assert.equal(first.text, '{}');
    });
  }

  test('gives the first answer, whatever the retry prefers', async () => {
    const meter = await createMeter(newClient(server));
    const events = mixed(meter);
    for (const [before, then] of [
      [{}, TELL],
      [TELL, {}],
    ] as const) {
      const key = { 'idempotency-key': unique('key') };
      const first = await postStream(server, token, events, { ...key, ...before });
      assertReplay(first, await postStream(server, token, events, { ...key, ...then }));
    }
  });

  test('with another body is 409, and changes nothing', async () => {
    const meter = await createMeter(newClient(server));
    const events = [v2Event(meter)];
    const keyed = { 'idempotency-key': unique('key') };
    const first = await postStream(server, token, events, keyed);
    for (const other of [
      [],
      [v2Event(meter), v2Event(meter)],
      [v2Event(meter, { value: '2' })],
      [v2Event(meter, { customer: 'd' })],
    ]) {
      assertMismatch(await postStream(server, token, other, keyed));
    }
    assertReplay(first, await postStream(server, token, events, keyed));
    assert.equal(await countOf(meter), 1);
  });

  test('of another call is a mismatch, both ways, and so is one of v1', async () => {
    const meter = await createMeter(newClient(server));
    const [streamed, single, v1] = [unique('key'), unique('key'), unique('key')];
    const event = v2Event(meter, { timestamp });
    const post = async (key: string): Promise<Answer> =>
      await postJson(server, { path: V2_EVENTS, body: event, headers: { 'idempotency-key': key } });
    await postStream(server, token, [event], { 'idempotency-key': streamed });
    assertMismatch(await post(streamed));
    assert.equal((await post(single)).status, 200);
    assertMismatch(await postStream(server, token, [event], { 'idempotency-key': single }));
    const fields = { customer: 'c', timestamp: start };
    await sendEvent(newClient(server), meter, fields, { idempotencyKey: v1 });
    assertMismatch(await postStream(server, token, [event], { 'idempotency-key': v1 }));
    assert.equal(await countOf(meter), 3);
  });

  test('is free again after a refusal, and another in live mode', async () => {
    const meter = await createMeter(newClient(server));
    const keyed = { 'idempotency-key': unique('key') };
    for (const body of ['{', '{"events":1}', '{"events":[],"x":1}']) {
      assert.equal((await postStream(server, token, body, keyed)).status, 400);
    }
    const first = await postStream(server, token, [v2Event(meter)], keyed);
    assert.equal(first.headers['idempotent-replayed'], undefined);
    const live = await openStream(server, LIVE_KEY);
    const other = await postStream(server, live, [v2Event(meter)], { ...keyed, ...TELL });
    assert.equal(other.headers['idempotent-replayed'], undefined);
    assert.match(other.text, /no_meter/u);
    // A session is a door, not an identity: the key is the account's.
    const again = await openStream(server);
    assertReplay(first, await postStream(server, again, [v2Event(meter)], keyed));
    assert.equal(await countOf(meter), 1);
  });

  test('of an empty list and of only bad events is replayed too', async () => {
    for (const events of [[], [null, 1], mixed(await createMeter(newClient(server)))]) {
      const keyed = { 'idempotency-key': unique('key'), ...TELL };
      const first = await postStream(server, token, events, keyed);
      assertReplay(first, await postStream(server, token, events, keyed));
    }
  });

  test('without one, events without identifiers count each time', async () => {
    const meter = await createMeter(newClient(server));
    await tell(server, token, [v2Event(meter)]);
    await tell(server, token, [v2Event(meter)]);
    assert.equal(await countOf(meter), 2);
  });

  test('in flight many times: each is the first answer or 409, and it counts once', async () => {
    for (let round = 0; round < 8; round++) {
      const meter = await createMeter(newClient(server));
      const events = mixed(meter);
      const keyed = { 'idempotency-key': unique('key'), ...TELL };
      const answers = await Promise.all(
        Array.from({ length: 24 }, async () => await postStream(server, token, events, keyed)),
      );
      const good = answers.filter(({ status }) => status === 200);
      assert.equal(new Set(good.map(({ text }) => text)).size, 1);
      for (const answer of answers) {
        if (answer.status === 200) continue;
        assert.equal(answer.status, 409, answer.text);
        assert.equal(v2ErrorOf(answer).code, 'idempotency_key_in_use');
      }
      assert.equal(await countOf(meter), 3);
    }
  });
});

test('first answers are replayed after a restart, a kill -9 and almost a day', async () => {
  const own = await Server.start({ args: ['--session-minutes', '1440'] });
  try {
    const meter = await createMeter(newClient(own));
    const door = await openStream(own);
    const send = async (
      headers: Readonly<Record<string, string>>,
    ): Promise<() => Promise<void>> => {
      const events = mixed(meter);
      const keyed = { 'idempotency-key': unique('key'), ...headers };
      const first = await postStream(own, door, events, keyed);
      return async () => {
        assertReplay(first, await postStream(own, door, events, keyed));
        assertMismatch(await postStream(own, door, events.slice(1), keyed));
      };
    };
    const retries = [await send({}), await send(TELL)];
    const again = async (): Promise<void> => {
      for (const retry of retries) await retry();
      assert.equal(await countOf(meter, own), 6);
    };
    await own.kill();
    await own.restart();
    await again();
    await own.stop();
    await own.restart();
    await again();
    await own.stop();
    await own.restart({ ...own.options, clockShiftS: 23 * HOUR_S });
    await again();
  } finally {
    await own.remove();
  }
});

for (const line of SDK_LINES) {
  test(`a key through ${line.name}`, async () => {
    const meter = await createMeter(newClient(server));
    const client = newClient(server, { line, key: token });
    const options = { idempotencyKey: unique('key'), host: server.host };
    const send = async (...events: ReturnType<typeof v2Event>[]): Promise<unknown> =>
      await client.v2.billing.meterEventStream.create({ events }, options);
    assert.deepEqual(await send(v2Event(meter), v2Event(meter)), {});
    assert.deepEqual(await send(v2Event(meter), v2Event(meter)), {});
    await refused(
      send(v2Event(meter)),
      { type: 'StripeIdempotencyError', status: 409, code: 'idempotency_error' },
      line,
    );
    assert.equal(await countOf(meter), 2);
  });
}

describe('Prefer: return=representation', () => {
  const WANTED = [
    'return=representation',
    'Return=representation',
    'return="representation"',
    'return = representation',
    'respond-async, return=representation',
    'handling=lenient;x="a, b", return=representation; y=1, wait=5',
    'return=representation, return=minimal',
  ];
  const NOT_WANTED = [
    '',
    'return=minimal',
    'return=minimal, return=representation',
    'respond-async',
    'x; return=representation',
    'x="return=representation"',
    'return=representations',
  ];

  test('is answered with one result an event, in order', async () => {
    const meter = await createMeter(newClient(server));
    const [a, b] = [unique('a'), unique('b')];
    const events = [
      v2Event(meter, { identifier: a }),
      v2Event(meter, { identifier: a }),
      v2Event(meter, { identifier: b, value: 'x' }),
      v2Event(meter, { value: '' }),
      null,
    ];
    const answer = await postStream(server, token, events, TELL);
    assert.equal(answer.headers['preference-applied'], 'return=representation');
    assert.equal(answer.headers['content-type'], 'application/json');
    const status = 'rejected';
    assert.deepEqual(JSON.parse(answer.text), {
      accepted: 1,
      duplicates: 1,
      rejected: 3,
      results: [
        { identifier: a, status: 'accepted' },
        { identifier: a, status: 'duplicate' },
        {
          identifier: b,
          status,
          code: 'meter_event_invalid_value',
          message: 'The value in the event payload must be a decimal number. Received "x".',
        },
        {
          identifier: null,
          status,
          code: 'meter_event_value_not_found',
          message: 'Value key value has an empty value in payload.',
        },
        {
          identifier: null,
          status,
          code: 'meter_event_malformed',
          message: 'An event must be an object.',
        },
      ],
    });
  });

  test('in any spelling of RFC 7240, and no other', async () => {
    const meter = await createMeter(newClient(server));
    for (const prefer of [...WANTED, ...NOT_WANTED]) {
      const answer = await postStream(server, token, [v2Event(meter)], { prefer });
      assert.equal(answer.status, 200, answer.text);
      const isWanted = WANTED.includes(prefer);
      assert.equal('results' in (JSON.parse(answer.text) as object), isWanted, prefer);
      const applied = answer.headers['preference-applied'];
      assert.equal(applied, isWanted ? 'return=representation' : undefined, prefer);
      if (!isWanted) assert.equal(answer.text, '{}');
    }
  });
});
