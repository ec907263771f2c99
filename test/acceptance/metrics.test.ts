/** `/metrics` of a running server: what was done to it is counted there, and nobody's names are. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createMeter, sendEvent } from '../support/fixtures.ts';
import { call } from '../support/http.ts';
import { scrape, type Scrape } from '../support/metrics.ts';
import { unique } from '../support/random.ts';
import { newClient } from '../support/sdk.ts';
import { Server, TEST_KEY } from '../support/server.ts';
import { openStream, tell } from '../support/stream.ts';
import { total } from '../support/summaries.ts';
import { DAY_S, dayStart } from '../support/times.ts';
import { isoOf, v2Event } from '../support/v2.ts';
import { until } from '../support/wait.ts';

const start = dayStart(1);
let server: Server;
before(async () => (server = await Server.start()));
after(async () => await server.remove());

/** How much each series went up. */
async function risen(work: () => Promise<unknown>): Promise<(series: string) => number> {
  const earlier = (await scrape(server)).samples;
  await work();
  const { samples } = await scrape(server);
  return (series) => (samples.get(series) ?? 0) - (earlier.get(series) ?? 0);
}

describe('what is counted', () => {
  test('single events: accepted, duplicate, rejected by code; requests by route, status and code', async () => {
    const client = newClient(server);
    const meter = await createMeter(client);
    const event = { customer: 'c', identifier: unique('evt') };
    const rise = await risen(async () => {
      await sendEvent(client, meter, event);
      await assert.rejects(sendEvent(client, meter, event));
      await assert.rejects(sendEvent(client, meter, { customer: 'c', value: 'x' }));
      await assert.rejects(sendEvent(client, { event_name: 'none' }, { customer: 'c' }));
      await call(server, { path: '/v1/billing/meter_events', body: 'a=b', key: null });
    });
    assert.equal(rise('taximeter_events_accepted_total'), 1);
    assert.equal(rise('taximeter_events_duplicate_total'), 1);
    assert.equal(rise('taximeter_events_rejected_total{code="payload_invalid_value"}'), 1);
    assert.equal(rise('taximeter_events_rejected_total{code="no_meter"}'), 1);
    const route = 'method="POST",route="/v1/billing/meter_events"';
    for (const [status, code] of [
      [200, ''],
      [400, 'duplicate_meter_event'],
      [400, 'payload_invalid_value'],
      [400, 'no_meter'],
      [401, 'key_missing'],
    ] as const) {
      const series = `taximeter_http_requests_total{${route},status="${status}",code="${code}"}`;
      assert.equal(rise(series), 1, series);
    }
    assert.equal(rise(`taximeter_http_request_duration_seconds_count{${route}}`), 5);
  });

  test('a stream: each event once, also duplicates that the answer is silent about', async () => {
    const meter = await createMeter(newClient(server));
    const token = await openStream(server);
    const timestamp = isoOf(start);
    const one = v2Event(meter, { timestamp, identifier: unique('evt') });
    const events = [one, one, v2Event(meter, { timestamp }), { ...one, event_name: 'none' }, null];
    const rise = await risen(async () => await tell(server, token, events));
    assert.equal(rise('taximeter_events_accepted_total'), 2);
    assert.equal(rise('taximeter_events_duplicate_total'), 1);
    assert.equal(rise('taximeter_events_rejected_total{code="no_meter"}'), 1);
    assert.equal(rise('taximeter_events_rejected_total{code="meter_event_malformed"}'), 1);
    assert.equal(rise('taximeter_commit_rows_sum'), 4);
    assert.equal(rise('taximeter_commit_duration_seconds_count'), 1);
    assert.equal(rise('taximeter_identifiers_held'), 2);
  });

  test('what waits for the usage store, the flush that a reader waits for, and the query', async () => {
    const client = newClient(server);
    const meter = await createMeter(client);
    const rise = await risen(async () => {
      await sendEvent(client, meter, { customer: 'c', timestamp: start });
      const range = { start_time: start, end_time: start + DAY_S };
      assert.equal(await total(server, { meter: meter.id, customer: 'c', ...range }), '1');
    });
    assert.ok(rise('taximeter_commit_bytes_sum') > 0);
    assert.ok(rise('taximeter_flush_rows_sum') >= 1);
    assert.ok(rise('taximeter_flush_duration_seconds_count') >= 1);
    // Alerts and reports wait too, now and then.
    assert.ok(rise('taximeter_barrier_wait_seconds_count') >= 1);
    assert.equal(rise('taximeter_query_duration_seconds_count{query="summarize"}'), 1);
    const { samples } = await scrape(server);
    assert.equal(samples.get('taximeter_journal_backlog_bytes'), 0);
    assert.equal(samples.get('taximeter_ready'), 1);
    assert.ok(samples.get('taximeter_identifiers_memory_bytes')! > 0);
    assert.ok(samples.get('taximeter_data_free_bytes')! > 0);
    assert.ok(samples.get('process_resident_memory_bytes')! > 0);
  });
});

/** All series, without their numbers. */
function seriesOf({ samples }: Scrape): string {
  return [...samples.keys()].join('\n');
}

test('no key, name or id of anybody is on the page, whatever was sent', async () => {
  const client = newClient(server);
  const canary = unique('canary');
  const meter = await createMeter(client, { event_name: canary });
  await sendEvent(client, meter, { customer: canary, identifier: canary });
  await assert.rejects(client.billing.meters.retrieve(canary));
  await call(server, {
    path: `/${canary}?${canary}=${canary}`,
    method: canary.replaceAll('_', ''),
  });
  await call(server, { path: '/v1/customers', key: `sk_test_${canary}` });
  const page = await scrape(server);
  for (const secret of [canary, canary.replaceAll('_', ''), TEST_KEY, meter.id, 'acct_']) {
    assert.ok(!page.text.includes(secret), `${secret} in\n${seriesOf(page)}`);
  }
});

describe('where it is', () => {
  test('off: nowhere', async () => {
    const off = await Server.start({ args: ['--metrics', 'off'] });
    const { status } = await call(off, { path: '/metrics', key: null });
    assert.equal(status, 404);
    await off.remove();
  });

  test('on a port of its own: there alone, and nothing else there', async () => {
    const apart = await Server.start({ args: ['--metrics', '0'] });
    try {
      assert.equal((await call(apart, { path: '/metrics', key: null })).status, 404);
      const printed = (): string | undefined =>
        /Metrics are on (http:\/\/[^/]+)/u.exec(apart.stderr)?.[1];
      await until('the log says where', () => printed() !== undefined);
      const own = { url: printed()! };
      assert.equal((await scrape(own)).samples.get('taximeter_ready'), 1);
      assert.equal((await call(own, { path: '/v1/customers' })).status, 404);
      assert.equal((await apart.stop()).code, 0);
    } finally {
      await apart.remove();
    }
  });
});
