/** An identifier that is used twice: what is told of it over v1, v2 and the stream, and what is done by those who ask for it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { cancelEvent, createMeter, sendEvent } from '../support/fixtures.ts';
import { call, errorOf, toForm, type Answer } from '../support/http.ts';
import { createKey } from '../support/keys.ts';
import { scrape } from '../support/metrics.ts';
import { unique } from '../support/random.ts';
import { newClient, refused400, type Stripe } from '../support/sdk.ts';
import { Server } from '../support/server.ts';
import { openStream, postStream, tell } from '../support/stream.ts';
import { total } from '../support/summaries.ts';
import { dayStart } from '../support/times.ts';
import { isoOf, postJson, V2_EVENTS, v2Event } from '../support/v2.ts';
import { until } from '../support/wait.ts';

const PATH = '/v1/billing/meter_events';
const LENIENT = { prefer: 'handling=lenient' };
const STRICT = { prefer: 'handling=strict' };
const CODE = 'duplicate_meter_event';

let server: Server;
let client: Stripe;
before(async () => {
  server = await Server.start();
  client = newClient(server);
});
after(async () => {
  await server.remove();
});

type Shown = {
  readonly id: string;
  readonly identifier: string;
  readonly event_name: string;
  readonly meter: string;
  readonly status: string;
  readonly payload: unknown;
  readonly duplicate_of: { readonly id: string; readonly identifier: string } | null;
  readonly rejection: { readonly code: string; readonly message: string } | null;
};

async function list(asked: Readonly<Record<string, string | number>>): Promise<readonly Shown[]> {
  const answer = await call(server, { path: `${PATH}?${toForm(asked)}` });
  assert.equal(answer.status, 200, answer.text);
  return (JSON.parse(answer.text) as { data: readonly Shown[] }).data;
}

async function retrieve(identifier: string): Promise<Shown> {
  return (await client.rawRequest('GET', `${PATH}/${identifier}`)) as unknown as Shown;
}

async function count(meter: { readonly id: string }, customer = 'c'): Promise<string> {
  const range = { start_time: dayStart(2), end_time: dayStart(-1) };
  return await total(server, { meter: meter.id, customer, ...range });
}

type Sent = {
  readonly event_name: string;
  readonly identifier: string;
  readonly value?: string;
  readonly timestamp?: number;
};

/** A refusal without what differs: on a machine that others load, the first event may not be read in time. */
const PLAIN = /An event already exists with identifier \S+\.$/u;

/**
 * Over v1, raw: for headers, and for answers as they stand on the wire. A plain refusal changed nothing, and is asked for
 * again.
 */
async function sendV1(
  sent: Sent,
  headers: Readonly<Record<string, string>> = {},
  to: { readonly url: string } = server,
): Promise<Answer> {
  let answer: Answer | undefined;
  await until('an answer that says all', async () => {
    answer = await callV1(sent, headers, to);
    return answer.status !== 400 || !PLAIN.test(errorOf(answer).message);
  });
  return answer!;
}

async function callV1(
  { event_name, identifier, value = '1', timestamp }: Sent,
  headers: Readonly<Record<string, string>>,
  to: { readonly url: string },
): Promise<Answer> {
  return await call(to, {
    path: PATH,
    body: {
      event_name,
      identifier,
      'payload[stripe_customer_id]': 'c',
      'payload[value]': value,
      ...(timestamp === undefined ? {} : { timestamp }),
    },
    headers,
  });
}

describe('a refusal says which event has the identifier', () => {
  test('it is on another meter', async () => {
    const [first, second] = [await createMeter(client), await createMeter(client)];
    const identifier = unique('req');
    await sendEvent(client, first, { customer: 'c', identifier });
    const error = await refused400(sendEvent(client, second, { customer: 'c', identifier }), {
      code: CODE,
      param: 'identifier',
    });
    assert.ok(error.message.includes(`It is on meter "${first.event_name}" (${first.id})`));
    const names = [first, second].map(({ event_name, id }) => `"${event_name} (${id})"`);
    assert.ok(
      error.message.includes(`this one differs in meter (${names.join(', here ')})`),
      error.message,
    );
    assert.equal(await count(first), '1');
    assert.equal(await count(second), '0');
  });

  test('the same content, and each part that differs with both of its texts; v2 too', async () => {
    const meter = await createMeter(client);
    const identifier = unique('req');
    const timestamp = dayStart(1);
    await sendEvent(client, meter, { customer: 'c', value: '5', timestamp, identifier });
    const { event_name } = meter;
    const again = { event_name, identifier, value: '5.0', timestamp };
    const messageOf = (answer: Answer): string => {
      assert.equal(answer.status, 400, answer.text);
      const { code, message } = errorOf(answer);
      assert.equal(code, CODE);
      return message;
    };
    assert.match(messageOf(await sendV1(again)), /the same content\.$/u);
    const other = { ...again, value: '6', timestamp: timestamp + 1 };
    const differs =
      /differs in value \("5", here "6"\) and timestamp \("\S+00\.000Z", here "\S+01\.000Z"\)\.$/u;
    assert.match(messageOf(await sendV1(other)), differs);
    const v2 = v2Event(meter, { identifier, value: '6', timestamp: isoOf(timestamp + 1) });
    assert.match(messageOf(await postJson(server, { path: V2_EVENTS, body: v2 })), differs);
    assert.equal(await count(meter), '5');
  });

  test('a key that may not read usage is not told what the first event says', async () => {
    const meter = await createMeter(client);
    const identifier = unique('req');
    await sendEvent(client, meter, { customer: 'cus_secret', value: '1234567', identifier });
    const key = await createKey(server.folder, '--restricted', '--scope', 'events.write');
    const sender = newClient(server, { key });
    const error = await refused400(sendEvent(sender, meter, { customer: 'c', identifier }), {
      code: CODE,
    });
    assert.match(error.message, /this one differs in customer and value\.$/u);
    assert.doesNotMatch(error.message, /cus_secret|1234567/u);
  });

  test('a cancelled event keeps its identifier, and the refusal says so', async () => {
    const meter = await createMeter(client);
    const identifier = unique('req');
    await sendEvent(client, meter, { customer: 'c', identifier });
    await cancelEvent(client, meter, identifier);
    const sent = { event_name: meter.event_name, identifier };
    for (const headers of [{}, LENIENT]) {
      const answer = await sendV1(sent, headers);
      assert.equal(answer.status, 400, answer.text);
      assert.match(errorOf(answer).message, /the same content\. It was cancelled at \S+Z/u);
    }
    assert.equal(await count(meter), '0');
  });
});

test('cancelling it for another meter says on which meter it is', async () => {
  const [meter, other] = [await createMeter(client), await createMeter(client)];
  const identifier = unique('req');
  await sendEvent(client, meter, { customer: 'c', identifier });
  await refused400(cancelEvent(client, other, identifier), {
    message:
      `No event found with identifier "${identifier}" for event name "${other.event_name}". ` +
      `There is one for event name "${meter.event_name}".`,
  });
  assert.equal(await count(meter), '1');
});

describe('a duplicate of equal content may be answered with the first event', () => {
  test('by the request: lenient; whoever says nothing is refused', async () => {
    const meter = await createMeter(client);
    const sent = { event_name: meter.event_name, identifier: unique('req'), value: '1.50' };
    const first = await sendV1(sent);
    assert.equal(first.status, 200, first.text);
    const again = await sendV1({ ...sent, value: '1.5' }, LENIENT);
    assert.equal(again.status, 200, again.text);
    assert.deepEqual(JSON.parse(again.text), JSON.parse(first.text));
    assert.equal(again.headers['preference-applied'], 'handling=lenient');
    assert.equal((await sendV1(sent)).status, 400);
    const other = await sendV1({ ...sent, value: '2' }, LENIENT);
    assert.equal(other.status, 400, other.text);
    assert.match(errorOf(other).message, /differs in value/u);
    assert.equal(await count(meter), '1.5');
  });

  test('v2 answers as v2 does, whatever the first event came by', async () => {
    const meter = await createMeter(client);
    const [one, two] = [unique('req'), unique('req')];
    const body = v2Event(meter, { identifier: one });
    const first = await postJson(server, { path: V2_EVENTS, body });
    const again = await postJson(server, { path: V2_EVENTS, body, headers: LENIENT });
    assert.equal(again.status, 200, again.text);
    assert.deepEqual(JSON.parse(again.text), JSON.parse(first.text));
    const token = await openStream(server);
    const timestamp = isoOf(dayStart(1));
    await tell(server, token, [v2Event(meter, { identifier: two, timestamp })]);
    const ofStream = await postJson(server, {
      path: V2_EVENTS,
      body: v2Event(meter, { identifier: two, timestamp }),
      headers: LENIENT,
    });
    assert.equal(ofStream.status, 200, ofStream.text);
    assert.equal((JSON.parse(ofStream.text) as { timestamp: string }).timestamp, timestamp);
    const elsewhere = v2Event(meter, { identifier: two, timestamp: isoOf(dayStart(0)) });
    const refusal = await postJson(server, { path: V2_EVENTS, body: elsewhere, headers: LENIENT });
    assert.equal(refusal.status, 400, refusal.text);
    assert.equal(await count(meter), '2');
  });

  test('a keyed retry gets the first answer, also when it was a lenient one that recorded', async () => {
    const meter = await createMeter(client);
    const sent = { event_name: meter.event_name, identifier: unique('req') };
    const keyed = { ...LENIENT, 'idempotency-key': unique('key') };
    const first = await sendV1(sent, keyed);
    const retry = await sendV1(sent, keyed);
    assert.equal(retry.headers['idempotent-replayed'], 'true');
    assert.equal(retry.text, first.text);
    const other = { ...LENIENT, 'idempotency-key': unique('key') };
    for (let n = 0; n < 2; n += 1) {
      const again = await sendV1(sent, other);
      assert.equal(again.headers['idempotent-replayed'], undefined);
      assert.equal(again.text, first.text);
    }
    assert.equal(await count(meter), '1');
  });

  test('of 64 at once all are answered, and one is counted', async () => {
    const meter = await createMeter(client);
    const sent = { event_name: meter.event_name, identifier: unique('req') };
    const answers = await Promise.all(Array.from({ length: 64 }, () => sendV1(sent, LENIENT)));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
    assert.equal(new Set(answers.map(({ text }) => text)).size, 1);
    assert.equal(await count(meter), '1');
  });
});

describe('--duplicates ok', () => {
  test('is the default that a request can overrule; what it acknowledged is on disk', async () => {
    const own = await Server.start({ args: ['--duplicates', 'ok'] });
    try {
      const meter = await createMeter(newClient(own));
      const sent = { event_name: meter.event_name, identifier: unique('req') };
      // Sent at once: the answer to a duplicate waits for the commit of the first.
      const answers = await Promise.all(Array.from({ length: 16 }, () => sendV1(sent, {}, own)));
      await own.kill();
      for (const { status, text } of answers) assert.equal(status, 200, text);
      await own.restart();
      const again = await sendV1(sent, {}, own);
      assert.equal(again.text, answers[0]?.text);
      assert.equal((await sendV1(sent, STRICT, own)).status, 400);
      assert.equal((await sendV1({ ...sent, value: '2' }, {}, own)).status, 400);
      const range = { start_time: dayStart(2), end_time: dayStart(-1) };
      assert.equal(await total(own, { meter: meter.id, customer: 'c', ...range }), '1');
    } finally {
      await own.remove();
    }
  });
});

describe('on the stream', () => {
  test('a duplicate that says something else is listed, one that repeats the first is silent', async () => {
    const [meter, other] = [await createMeter(client), await createMeter(client)];
    const token = await openStream(server);
    const [shared, retried, changed] = [unique('req'), unique('req'), unique('req')];
    const first = [shared, retried, changed].map((identifier) => v2Event(meter, { identifier }));
    await tell(server, token, first);
    const told = await tell(server, token, [
      v2Event(other, { identifier: shared }),
      v2Event(meter, { identifier: retried }),
      v2Event(meter, { identifier: changed, value: '7' }),
    ]);
    assert.equal(told.duplicates, 3);
    const found = async (): Promise<readonly Shown[]> => [
      ...(await list({ status: 'duplicate', event_name: meter.event_name })),
      ...(await list({ status: 'duplicate', event_name: other.event_name })),
    ];
    await until('both duplicates', async () => (await found()).length >= 2);
    const [ofValue, ofMeter] = await found();
    assert.deepEqual(
      [ofValue?.identifier, ofValue?.meter, ofValue?.status, ofValue?.rejection?.code],
      [changed, meter.id, 'duplicate', CODE],
    );
    assert.match(ofValue?.rejection?.message ?? '', /differs in value \("1", here "7"\)\.$/u);
    assert.deepEqual(ofValue?.payload, { stripe_customer_id: 'c', value: '7' });
    assert.deepEqual([ofMeter?.identifier, ofMeter?.meter], [shared, other.id]);
    const { id } = await retrieve(shared);
    assert.deepEqual(ofMeter?.duplicate_of, { id, identifier: shared });
    assert.equal((await retrieve(shared)).status, 'counted');
    assert.equal((await list({ identifier: retried })).length, 1);
    assert.equal((await list({ identifier: shared })).length, 2);
    assert.equal((await list({ status: 'rejected', identifier: shared })).length, 0);
    assert.equal((await list({ code: CODE, identifier: shared })).length, 1);
    assert.equal(await count(meter), '3');
    const reported = async (): Promise<string> => {
      const types = ['v1.billing.meter.error_report_triggered'];
      for await (const { id } of client.v2.core.events.list({ types })) {
        const report = JSON.stringify(await client.v2.core.events.retrieve(id));
        if (report.includes(other.id)) return report;
      }
      return '';
    };
    await until('the report', async () => (await reported()) !== '');
    assert.match(await reported(), /"code":"duplicate_meter_event","error_count":1,/u);
  });

  test('what comes again after its event was cancelled is listed too, after a restart as well', async () => {
    const own = await Server.start();
    try {
      const sdk = newClient(own);
      const meter = await createMeter(sdk);
      const [cancelled, retried, changed] = [unique('req'), unique('req'), unique('req')];
      const timestamp = isoOf(dayStart(1));
      const events = [cancelled, retried, changed].map((identifier) =>
        v2Event(meter, { identifier, timestamp }),
      );
      await tell(own, await openStream(own), events);
      await cancelEvent(sdk, meter, cancelled);
      await own.kill();
      await own.restart();
      await tell(own, await openStream(own), [
        ...events.slice(0, 2),
        v2Event(meter, { identifier: changed, customer: 'd', timestamp }),
      ]);
      // A stop compares what is noted.
      await own.stop();
      await own.restart();
      const answer = await call(own, { path: `${PATH}?status=duplicate` });
      const { data } = JSON.parse(answer.text) as { data: readonly Shown[] };
      assert.deepEqual(
        data.map(({ identifier }) => identifier),
        [changed, cancelled],
      );
      assert.match(data[1]?.rejection?.message ?? '', /the same content\. It was cancelled at/u);
    } finally {
      await own.remove();
    }
  });

  test('a storm of duplicates is compared within bounds, and what was not is counted', async () => {
    const own = await Server.start({ args: ['--stream-events-max', '10000'] });
    try {
      const meter = await createMeter(newClient(own));
      const token = await openStream(own);
      const identifiers = Array.from({ length: 5000 }, () => unique('req'));
      const events = (value: string): unknown[] =>
        identifiers.map((identifier) => v2Event(meter, { identifier, value }));
      for (const value of ['1', '1', '2']) {
        const answer = await postStream(own, token, events(value));
        assert.equal(answer.status, 200, answer.text);
      }
      const counted = async (result: string): Promise<number> =>
        (await scrape(own)).samples.get(
          `taximeter_duplicates_compared_total{result="${result}"}`,
        ) ?? 0;
      await until('all that was noted', async () => {
        return (await counted('differing')) + (await counted('skipped')) === 5000;
      });
      // All but those whose place among the latest contents another event took.
      assert.ok((await counted('equal')) < 200, 'what repeats the first event is not even noted');
      assert.ok((await counted('differing')) > 1000);
      const skipped = [];
      for await (const event of allDuplicates(own)) {
        const [, said] = /(\d+) other duplicates were not compared/u.exec(event) ?? [];
        if (said !== undefined) skipped.push(Number(said));
      }
      const told = skipped.reduce((sum, one) => sum + one, 0);
      assert.equal(told, await counted('skipped'), 'it is told how many were not compared');
      assert.ok(told >= 3000);
    } finally {
      await own.remove();
    }
  });
});

/** The messages of all, newest first. */
async function* allDuplicates(of: { readonly url: string }): AsyncIterable<string> {
  let after = '';
  for (;;) {
    const answer = await call(of, { path: `${PATH}?status=duplicate&limit=100${after}` });
    const page = JSON.parse(answer.text) as { data: readonly Shown[]; has_more: boolean };
    for (const { rejection } of page.data) yield rejection?.message ?? '';
    if (!page.has_more) return;
    after = `&starting_after=${page.data.at(-1)?.id}`;
  }
}
