import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Session } from 'chdb';
import { cancelEvent, createMeter, sendEvent } from '../support/fixtures.ts';
import { unique } from '../support/random.ts';
import { newClient, refused400, SDK_LINES, type Stripe } from '../support/sdk.ts';
import { LIVE_KEY, Server } from '../support/server.ts';
import { total } from '../support/summaries.ts';
import { DAY_S, dayStart, HOUR_S, nowMs } from '../support/times.ts';
import { isoOf, postJson, TIME, v2ErrorOf, v2Event, V2_ADJUSTMENTS } from '../support/v2.ts';

let server: Server;
before(async () => {
  server = await Server.start();
});
after(async () => {
  await server.remove();
});

const start = dayStart(3);
const range = { start_time: start, end_time: start + DAY_S };

async function valueOf(meter: { readonly id: string }): Promise<string> {
  return await total(server, { meter: meter.id, customer: 'c', ...range });
}

function cancelOf(
  { event_name }: { readonly event_name: string },
  identifier: string,
): Stripe.V2.Billing.MeterEventAdjustmentCreateParams {
  return { type: 'cancel', event_name, cancel: { identifier } };
}

/** An event of each version, by its identifier. */
async function twoEvents(client: Stripe, meter: Stripe.Billing.Meter): Promise<[string, string]> {
  const [v1, v2] = [unique('v1'), unique('v2')];
  await sendEvent(client, meter, { customer: 'c', value: '5', timestamp: start, identifier: v1 });
  await client.v2.billing.meterEvents.create(
    v2Event(meter, { value: '7', timestamp: isoOf(start), identifier: v2 }),
  );
  return [v1, v2];
}

for (const line of SDK_LINES) {
  describe(`v2 adjustments, ${line.name}`, () => {
    let client: Stripe;
    before(() => {
      client = newClient(server, { line });
    });

    test('an event of either version leaves the sum at once', async () => {
      const meter = await createMeter(client);
      const [v1, v2] = await twoEvents(client, meter);
      assert.equal(await valueOf(meter), '12');
      for (const [identifier, left] of [
        [v1, '7'],
        [v2, '0'],
      ] as const) {
        const earliestMs = nowMs();
        const adjustment = await client.v2.billing.meterEventAdjustments.create(
          cancelOf(meter, identifier),
        );
        const { id, created, ...rest } = adjustment;
        assert.match(id, /^mtr_event_adj_test_\w{24}$/u);
        assert.match(created, TIME);
        assert.ok(Date.parse(created) >= earliestMs && Date.parse(created) <= nowMs(), created);
        assert.deepEqual(rest, {
          object: 'v2.billing.meter_event_adjustment',
          cancel: { identifier },
          event_name: meter.event_name,
          livemode: false,
          status: 'complete',
          type: 'cancel',
        });
        assert.equal(await valueOf(meter), left);
      }
    });

    test('cancelling again is complete again, by either version', async () => {
      const meter = await createMeter(client);
      const [v1, v2] = await twoEvents(client, meter);
      await cancelEvent(client, meter, v2);
      await client.v2.billing.meterEventAdjustments.create(cancelOf(meter, v1));
      assert.equal((await cancelEvent(client, meter, v1)).status, 'complete');
      const again = await client.v2.billing.meterEventAdjustments.create(cancelOf(meter, v2));
      assert.equal(again.status, 'complete');
      assert.equal(await valueOf(meter), '0');
    });

    test('an event that is not there cannot be cancelled', async () => {
      const meter = await createMeter(client);
      const [identifier] = await twoEvents(client, meter);
      const other = await createMeter(client);
      const create = async (params: Stripe.V2.Billing.MeterEventAdjustmentCreateParams) =>
        await client.v2.billing.meterEventAdjustments.create(params);
      const invalid = { code: 'invalid_cancel_configuration' } as const;
      await refused400(create(cancelOf(meter, unique('none'))), invalid, line);
      await refused400(create(cancelOf(other, identifier)), invalid, line);
      const nowhere = cancelOf({ event_name: unique('none') }, identifier);
      await refused400(create(nowhere), { code: 'no_meter' }, line);
      assert.equal(await valueOf(meter), '12');
    });
  });
}

describe('a refused body changes nothing, and names the field', () => {
  let meter: Stripe.Billing.Meter;
  let identifier: string;
  before(async () => {
    meter = await createMeter(newClient(server));
    [identifier] = await twoEvents(newClient(server), meter);
  });
  after(async () => {
    assert.equal(await valueOf(meter), '12');
  });

  const cases: readonly (readonly [Readonly<Record<string, unknown>>, field: string])[] = [
    [{ type: undefined }, 'type'],
    [{ type: 'correct' }, 'type'],
    [{ type: 1 }, 'type'],
    [{ event_name: undefined }, 'event_name'],
    [{ event_name: 7 }, 'event_name'],
    [{ cancel: undefined }, 'cancel'],
    [{ cancel: null }, 'cancel'],
    [{ cancel: 'x' }, 'cancel'],
    [{ cancel: [] }, 'cancel'],
    [{ cancel: {} }, 'cancel[identifier]'],
    [{ cancel: { identifier: null } }, 'cancel[identifier]'],
    [{ cancel: { identifier: '' } }, 'cancel[identifier]'],
    [{ cancel: { identifier: 5 } }, 'cancel[identifier]'],
    [{ cancel: { identifier: 'x'.repeat(101) } }, 'cancel[identifier]'],
    [{ cancel: { identifier: 'x', reason: 'x' } }, 'cancel[reason]'],
    [{ identifier: 'x' }, 'identifier'],
    [{ expand: 'x' }, 'expand'],
  ];
  for (const [changed, field] of cases) {
    test(JSON.stringify(changed).slice(0, 60), async () => {
      const body = { ...cancelOf(meter, identifier), ...changed };
      const answer = await postJson(server, { path: V2_ADJUSTMENTS, body });
      assert.equal(answer.status, 400, answer.text);
      const { code, message } = v2ErrorOf(answer);
      assert.equal(code, 'invalid_fields');
      assert.ok(message.includes(field), message);
    });
  }

  test('an identifier of the other mode', async () => {
    const live = newClient(server, { key: LIVE_KEY });
    const liveMeter = await createMeter(live, { event_name: meter.event_name });
    await refused400(
      live.v2.billing.meterEventAdjustments.create(cancelOf(liveMeter, identifier)),
      { code: 'invalid_cancel_configuration' },
    );
  });
});

test('--cancel-window-hours holds for v2 too', async () => {
  const args = ['--cancel-window-hours', '24'];
  const own = await Server.start({ args });
  try {
    const client = newClient(own);
    const meter = await createMeter(client);
    const [identifier] = await twoEvents(client, meter);
    await own.stop();
    await own.restart({ args, clockShiftS: 25 * HOUR_S });
    await refused400(
      newClient(own).v2.billing.meterEventAdjustments.create(cancelOf(meter, identifier)),
      { code: 'invalid_cancel_configuration', message: /last 24 hours/u },
    );
  } finally {
    await own.remove();
  }
});

test('one event cancelled by many at once, over both versions, has one cancellation', async () => {
  const own = await Server.start();
  const client = newClient(own);
  const meter = await createMeter(client);
  const [identifier] = await twoEvents(client, meter);
  await Promise.all(
    Array.from({ length: 12 }, async (_, n): Promise<unknown> =>
      n % 2 === 0
        ? await cancelEvent(client, meter, identifier)
        : await client.v2.billing.meterEventAdjustments.create(cancelOf(meter, identifier)),
    ),
  );
  await own.stop();
  const records = new Session(join(own.folder, 'usage'));
  assert.equal(records.query('SELECT count() FROM cancellations', 'TSV').trim(), '1');
  records.close();
  await own.remove();
});
