/** What could not be counted is on disk before the answer, for people to find. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMeter } from '../support/fixtures.ts';
import type { Answer } from '../support/http.ts';
import { unique } from '../support/random.ts';
import { readRejections, type RejectionRow } from '../support/rejections.ts';
import { newClient, type Stripe } from '../support/sdk.ts';
import { LIVE_KEY, Server } from '../support/server.ts';
import { openStream, postStream, TELL, type Told } from '../support/stream.ts';
import { total } from '../support/summaries.ts';
import { DAY_S, dayStart, nowMs } from '../support/times.ts';
import { v2Event } from '../support/v2.ts';

/** What a test knows of a row; `sent` is what people look at. */
type Known = Omit<RejectionRow, 'namespace' | 'received_at_ms'>;

/** A list of events, good ones and bad ones, and what is to be found of the bad ones. */
function mixed(meter: Stripe.Billing.Meter): {
  readonly events: readonly unknown[];
  readonly rejected: readonly Omit<Known, 'message' | 'request_id'>[];
} {
  const [identifier, used] = [unique('bad'), unique('good')];
  const good = v2Event(meter, { identifier: used });
  const bad: readonly (readonly [unknown, Omit<Known, 'message' | 'request_id' | 'sent'>])[] = [
    [
      v2Event(meter, { identifier, value: 'x' }),
      {
        code: 'meter_event_invalid_value',
        identifier,
        event_name: meter.event_name,
        meter: meter.id,
      },
    ],
    [
      { event_name: 'nobody', payload: {}, identifier: '🚕 "\\\n\u0000' },
      { code: 'no_meter', identifier: '🚕 "\\\n\u0000', event_name: 'nobody', meter: '' },
    ],
    [
      v2Event(meter, { timestamp: 'yesterday' }),
      {
        code: 'meter_event_malformed',
        identifier: '',
        event_name: meter.event_name,
        meter: meter.id,
      },
    ],
    [null, { code: 'meter_event_malformed', identifier: '', event_name: '', meter: '' }],
    [
      { event_name: 'n', payload: 5, identifier: 'x'.repeat(5000) },
      { code: 'meter_event_malformed', identifier: '', event_name: 'n', meter: '' },
    ],
  ];
  return {
    // The duplicate is no rejection.
    events: [good, ...bad.flatMap(([event]) => [event, v2Event(meter)]), good],
    rejected: bad.map(([event, known]) => ({
      ...known,
      sent: JSON.stringify(event).slice(0, 2000),
    })),
  };
}

/** The rows that this answer stands for. */
function expected(answer: Answer, rejected: ReturnType<typeof mixed>['rejected']): Known[] {
  assert.equal(answer.status, 200, answer.text);
  const { results } = JSON.parse(answer.text) as Told;
  const messages = results.flatMap(({ status, message }) =>
    status === 'rejected' ? [message ?? ''] : [],
  );
  assert.equal(messages.length, rejected.length);
  const request_id = String(answer.headers['request-id']);
  return rejected.map((row, n) => ({ ...row, message: messages[n] ?? '', request_id }));
}

function known(rows: readonly RejectionRow[]): Known[] {
  return rows.map(({ code, identifier, event_name, meter, sent, message, request_id }) => {
    return { code, identifier, event_name, meter, sent, message, request_id };
  });
}

test('each rejected event is kept once, also after a kill -9 and a retry', async () => {
  const server = await Server.start();
  try {
    const meter = await createMeter(newClient(server));
    const token = await openStream(server);
    const rows: Known[] = [];
    const beforeMs = nowMs();
    for (let round = 0; round < 3; round++) {
      const { events, rejected } = mixed(meter);
      const keyed = { 'idempotency-key': unique('key'), ...TELL };
      const answer = await postStream(server, token, events, keyed);
      if (round > 0) await server.kill();
      rows.push(...expected(answer, rejected));
      if (round > 0) await server.restart();
      for (let retry = 0; retry < 2; retry++) {
        const replay = await postStream(server, token, events, keyed);
        assert.equal(replay.headers['idempotent-replayed'], 'true');
        assert.equal(replay.text, answer.text);
      }
    }
    const afterMs = nowMs();
    const start = dayStart(1);
    const range = { start_time: start, end_time: start + 3 * DAY_S };
    const counted = await total(server, { meter: meter.id, customer: 'c', ...range });
    assert.equal(counted, '18');
    await server.stop();
    const found = await readRejections(server.folder);
    assert.deepEqual(known(found), rows);
    for (const { received_at_ms, namespace } of found) {
      assert.ok(received_at_ms >= beforeMs && received_at_ms <= afterMs);
      assert.equal(namespace, found[0]?.namespace);
    }
  } finally {
    await server.remove();
  }
});

test('without a key, a request that is sent again is judged again', async () => {
  const server = await Server.start();
  try {
    const meter = await createMeter(newClient(server));
    const token = await openStream(server);
    const { events, rejected } = mixed(meter);
    const first = expected(await postStream(server, token, events, TELL), rejected);
    const second = expected(await postStream(server, token, events, TELL), rejected);
    assert.notEqual(first[0]?.request_id, second[0]?.request_id);
    // What was refused as a whole leaves nothing.
    assert.equal((await postStream(server, token, Array(101).fill(null))).status, 400);
    await server.stop();
    assert.deepEqual(known(await readRejections(server.folder)), [...first, ...second]);
  } finally {
    await server.remove();
  }
});

test('only bad events: they are kept, by mode, and a start finds its way over them', async () => {
  const server = await Server.start({ args: ['--customers', 'registered'] });
  try {
    const meter = await createMeter(newClient(server));
    const identifier = unique('stranger');
    const events = [v2Event(meter, { identifier }), v2Event(meter)];
    await postStream(server, await openStream(server), events);
    await server.kill();
    await server.restart();
    const live = await openStream(server, LIVE_KEY);
    await postStream(server, live, events);
    await server.stop();
    const found = await readRejections(server.folder);
    const code = 'meter_event_customer_not_found';
    assert.deepEqual(
      found.map((row) => [row.code, row.identifier, row.meter]),
      [
        [code, identifier, meter.id],
        [code, '', meter.id],
        ['no_meter', identifier, ''],
        ['no_meter', '', ''],
      ],
    );
    const [inTest, , inLive] = found.map(({ namespace }) => namespace);
    assert.notEqual(inTest, inLive);
    await server.restart();
    await server.stop();
    assert.equal((await readRejections(server.folder)).length, 4);
  } finally {
    await server.remove();
  }
});
