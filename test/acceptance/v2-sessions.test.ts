import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import Database from 'better-sqlite3';
import { createMeter } from '../support/fixtures.ts';
import { call, type Answer } from '../support/http.ts';
import { createKey, keyIds, keys } from '../support/keys.ts';
import { unique } from '../support/random.ts';
import { newClient, refused, SDK_LINES, type Stripe } from '../support/sdk.ts';
import { LIVE_KEY, Server, TEST_KEY } from '../support/server.ts';
import { total } from '../support/summaries.ts';
import { DAY_S, dayStart, HOUR_S, MINUTE_S, nowMs } from '../support/times.ts';
import {
  isoOf,
  postJson,
  postLength,
  sendToStream,
  TIME,
  v2ErrorOf,
  v2Event,
  V2_EVENTS,
  V2_SESSION,
  V2_STREAM,
} from '../support/v2.ts';

type Session = Stripe.V2.Billing.MeterEventSession;

let server: Server;
let meter: Stripe.Billing.Meter;
before(async () => {
  server = await Server.start();
  meter = await createMeter(newClient(server));
});
after(async () => {
  await server.remove();
});

/** Sends one event to the stream; by its status a test learns what a token opens. */
async function stream(to: { readonly url: string }, token: string | null): Promise<Answer> {
  const body = { events: [v2Event(meter)] };
  return await postJson(to, { path: V2_STREAM, body, key: token });
}

async function newSession(from: Server = server): Promise<Session> {
  return await newClient(from).v2.billing.meterEventSession.create();
}

const EXPIRED =
  '{"error":{"code":"billing_meter_event_session_expired",' +
  '"doc_url":"https://docs.stripe.com/api/v2/meter-event-streams/meter-event-sessions/object",' +
  '"message":"The temporary session token has expired.","type":"temporary_session_expired"}}';

for (const line of SDK_LINES) {
  test(`a session opens the stream until it expires, ${line.name}`, async () => {
    const own = await Server.start();
    try {
      const earliestMs = nowMs();
      const session = await newClient(own, { line }).v2.billing.meterEventSession.create();
      const { id, authentication_token: token, created, expires_at, ...rest } = session;
      assert.match(id, /^bmes_test_\w{32}$/u);
      assert.match(token, /^token_\w{32}$/u);
      assert.match(created, TIME);
      assert.match(expires_at, TIME);
      assert.equal(Date.parse(expires_at) - Date.parse(created), 15 * MINUTE_S * 1000);
      assert.ok(Date.parse(created) >= earliestMs && Date.parse(created) <= nowMs(), created);
      assert.deepEqual(rest, { object: 'v2.billing.meter_event_session', livemode: false });

      const ownMeter = await createMeter(newClient(own));
      const send = async (): Promise<unknown> =>
        await sendToStream(own, line, token, { events: [v2Event(ownMeter)] });
      assert.deepEqual(await send(), {});
      await own.stop();
      await own.restart({ clockShiftS: 16 * MINUTE_S });
      const error = await refused(
        send(),
        {
          type: 'TemporarySessionExpiredError',
          status: 401,
          code: 'billing_meter_event_session_expired',
          message: 'The temporary session token has expired.',
        },
        line,
      );
      assert.equal(error.rawType, 'temporary_session_expired');
    } finally {
      await own.remove();
    }
  });
}

describe('what opens what', () => {
  const wrong: readonly (readonly [name: string, token: string | null, message: RegExp])[] = [
    ['no token', null, /^You did not provide a session token\./u],
    [
      'an unknown token',
      `token_${'x'.repeat(32)}`,
      /^Invalid session token provided: \*\*\*\*xxxx\./u,
    ],
    ['an API key', TEST_KEY, /^An API key does not open the meter event stream/u],
    ['a key of nobody', 'sk_test_nobody', /^An API key does not open the meter event stream/u],
  ];
  for (const [name, token, message] of wrong) {
    test(`${name} does not open the stream`, async () => {
      const answer = await stream(server, token);
      assert.equal(answer.status, 401, answer.text);
      const error = v2ErrorOf(answer);
      assert.equal(error.code, 'session_invalid');
      assert.equal(error.type, undefined);
      assert.match(error.message, message);
      assert.match(error.message, /meter_event_session/u);
      if (token !== null) assert.ok(!error.message.includes(token));
    });
  }

  test('an API key on the stream is a StripeAuthenticationError', async () => {
    const events = { events: [v2Event(meter)] };
    await refused(newClient(server).v2.billing.meterEventStream.create(events), {
      type: 'StripeAuthenticationError',
      status: 401,
      code: 'session_invalid',
    });
  });

  test('a token opens nothing but the stream', async () => {
    const { authentication_token: key, id } = await newSession();
    for (const path of [V2_EVENTS, V2_SESSION]) {
      const answer = await postJson(server, { path, body: {}, key });
      assert.equal(answer.status, 401, answer.text);
      assert.equal(v2ErrorOf(answer).code, 'key_invalid');
    }
    assert.equal((await call(server, { path: '/v1/billing/meters', key })).status, 401);
    assert.equal((await stream(server, id)).status, 401, 'the id is not a token');
    assert.equal((await stream(server, key)).status, 200);
  });

  test('several sessions are open at once, each in its mode', async () => {
    const sessions = await Promise.all([newSession(), newSession(), newSession()]);
    assert.equal(new Set(sessions.map((session) => session.authentication_token)).size, 3);
    for (const session of sessions) {
      assert.equal((await stream(server, session.authentication_token)).status, 200);
    }
    const live = await newClient(server, { key: LIVE_KEY }).v2.billing.meterEventSession.create();
    assert.equal(live.livemode, true);
    assert.match(live.id, /^bmes_[0-9A-Za-z]{32}$/u);
  });

  test('Stripe-Account must be the account of the session', async () => {
    const { authentication_token: key } = await newSession();
    const headers = { 'stripe-account': 'acct_other' };
    const answer = await postJson(server, { path: V2_STREAM, body: {}, key, headers });
    assert.equal(answer.status, 403, answer.text);
    assert.equal(v2ErrorOf(answer).code, 'account_invalid');
    const ofOther = await createKey(server.folder, '--account', 'acct_other');
    const body = {};
    const session = await postJson(server, { path: V2_SESSION, body, key: ofOther });
    const other = (JSON.parse(session.text) as Session).authentication_token;
    const allowed = await postJson(server, {
      path: V2_STREAM,
      body: { events: [v2Event(meter)] },
      key: other,
      headers,
    });
    assert.equal(allowed.status, 200, allowed.text);
  });
});

describe('over time', () => {
  test('a session outlives a kill -9', async () => {
    const own = await Server.start();
    try {
      const { authentication_token: token } = await newSession(own);
      await own.kill();
      await own.restart();
      assert.equal((await stream(own, token)).status, 200);
    } finally {
      await own.remove();
    }
  });

  test('a day after it has expired, a session is a stranger', async () => {
    const own = await Server.start();
    try {
      const { authentication_token: token } = await newSession(own);
      for (const clockShiftS of [15 * MINUTE_S + 1, 24 * HOUR_S]) {
        await own.stop();
        await own.restart({ clockShiftS });
        await newSession(own);
        const answer = await stream(own, token);
        assert.equal(answer.status, 401);
        assert.equal(answer.text, EXPIRED);
        assert.equal(answer.headers['stripe-should-retry'], 'false');
      }
      await own.stop();
      await own.restart({ clockShiftS: DAY_S + 16 * MINUTE_S });
      await newSession(own);
      assert.equal(v2ErrorOf(await stream(own, token)).code, 'session_invalid');
    } finally {
      await own.remove();
    }
  });

  test('--session-minutes says how long sessions live', async () => {
    const own = await Server.start({ env: { TAXIMETER_SESSION_MINUTES: '90' } });
    try {
      const session = await newSession(own);
      const lives = Date.parse(session.expires_at) - Date.parse(session.created);
      assert.equal(lives, 90 * MINUTE_S * 1000);
      await own.stop();
      // What was promised holds, whatever the setting is now.
      await own.restart({ args: ['--session-minutes', '1'], clockShiftS: 60 * MINUTE_S });
      assert.equal((await stream(own, session.authentication_token)).status, 200);
      const short = await newSession(own);
      assert.equal(Date.parse(short.expires_at) - Date.parse(short.created), MINUTE_S * 1000);
    } finally {
      await own.remove();
    }
  });
});

test('a retry under an Idempotency-Key makes another session, and the key is free for more', async () => {
  const own = await createMeter(newClient(server));
  const headers = { 'idempotency-key': unique('key') };
  const tokens = new Set<string>();
  for (let n = 0; n < 3; n++) {
    const answer = await postJson(server, { path: V2_SESSION, body: '', headers });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers['idempotent-replayed'], undefined);
    tokens.add((JSON.parse(answer.text) as Session).authentication_token);
  }
  assert.equal(tokens.size, 3);
  for (const token of tokens) assert.equal((await stream(server, token)).status, 200);
  const start = dayStart(2);
  const body = v2Event(own, { timestamp: isoOf(start) });
  const first = await postJson(server, { path: V2_EVENTS, body, headers });
  const second = await postJson(server, { path: V2_EVENTS, body, headers });
  assert.equal(second.text, first.text);
  const range = { start_time: start, end_time: start + DAY_S };
  assert.equal(await total(server, { meter: own.id, customer: 'c', ...range }), '1');
});

test('a session takes no fields', async () => {
  for (const [body, status] of [
    ['', 200],
    ['{}', 200],
    ['{"livemode":"x"}', 400],
    ['[]', 400],
    ['x', 400],
  ] as const) {
    const answer = await postJson(server, { path: V2_SESSION, body });
    assert.equal(answer.status, status, answer.text);
    if (status === 400) v2ErrorOf(answer);
  }
});

describe('the body of the stream', () => {
  let token: string;
  before(async () => {
    ({ authentication_token: token } = await newSession());
  });

  async function post(body: string, to: Server = server, key = token): Promise<Answer> {
    return await postJson(to, { path: V2_STREAM, body, key });
  }

  /** A body of one event, padded with spaces to this length. */
  function ofBytes(length: number): string {
    return JSON.stringify({ events: [v2Event(meter)] }).padEnd(length, ' ');
  }

  test('is JSON', async () => {
    for (const body of ['{', 'events=x', '{"events":[}']) {
      const answer = await post(body);
      assert.equal(answer.status, 400, body);
      assert.equal(v2ErrorOf(answer).code, 'body_invalid');
    }
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const form = await postJson(server, { path: V2_STREAM, body: 'a=b', key: token, headers });
    assert.equal(v2ErrorOf(form).code, 'body_invalid');
  });

  test('may be 4 MiB for a hundred events', async () => {
    const answer = await post(ofBytes(4 * 2 ** 20));
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.text, '{}');
    const tooLarge = await postLength(server, V2_STREAM, 4 * 2 ** 20 + 1, token);
    assert.equal(tooLarge.status, 413);
    v2ErrorOf(tooLarge);
  });

  test('may be larger where more events are allowed', async () => {
    const own = await Server.start({ args: ['--stream-events-max', '200'] });
    try {
      const { authentication_token: key } = await newSession(own);
      assert.equal((await post(ofBytes(8 * 2 ** 20), own, key)).status, 200);
      assert.equal((await postLength(own, V2_STREAM, 8 * 2 ** 20 + 1, key)).status, 413);
    } finally {
      await own.remove();
    }
  });
});

test('a key takes half of the sessions that there may be, and gives them back when it is revoked', async () => {
  const own = await Server.start();
  try {
    const secret = await createKey(own.folder, '--restricted', '--scope', 'events.write');
    const [keyId = ''] = await keyIds(own.folder);
    const client = newClient(own, { key: secret });
    const session = await client.v2.billing.meterEventSession.create();
    const full = {
      type: 'RateLimitError',
      status: 429,
      message: /^This key has 50000 open sessions\. Use one until it expires\.$/u,
    } as const;
    await own.stop();
    fillSessions(own.folder, keyId, 49_999);
    await own.restart();
    const again = newClient(own, { key: secret, maxNetworkRetries: 0 });
    await refused(again.v2.billing.meterEventSession.create(), full);
    await newSession(own);
    await own.stop();
    // As many as there may be, of keys that take more than one of them may.
    fillSessions(own.folder, keyId, 49_999);
    await own.restart();
    const others = newClient(own, { maxNetworkRetries: 0 });
    await refused(others.v2.billing.meterEventSession.create(), {
      ...full,
      message: /^There are 100000 open sessions/u,
    });
    assert.equal((await keys(own.folder, 'revoke', keyId)).code, 0);
    const opened = await others.v2.billing.meterEventSession.create();
    const ownMeter = await createMeter(newClient(own));
    const body = { events: [v2Event(ownMeter)] };
    const answer = await postJson(own, { path: V2_STREAM, body, key: opened.authentication_token });
    assert.equal(answer.status, 200);
    const gone = await postJson(own, { path: V2_STREAM, body, key: session.authentication_token });
    assert.equal(gone.status, 401);
  } finally {
    await own.remove();
  }
});

/** Open sessions of this key in the folder of a stopped server. */
function fillSessions(folder: string, keyId: string, count: number): void {
  const db = new Database(join(folder, 'catalog.db'));
  db.prepare(
    `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
    INSERT INTO sessions (id, namespace, key_id, token_sha256, created_ms, expires_at_ms)
    SELECT 'bmes_' || ? || n, namespace, ?, ? || n, created_ms, expires_at_ms
    FROM numbers, (SELECT * FROM sessions ORDER BY ordinal LIMIT 1)`,
  ).run(count, unique('x'), keyId, unique('token'));
  db.close();
}
