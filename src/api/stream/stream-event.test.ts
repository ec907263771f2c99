import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { charactersIn } from '../../domain/characters.ts';
import type { IncomingEvent, Payload } from '../../domain/meter-events/meter-event.ts';
import { measure, restOf, wholePayload } from '../../domain/meter-events/measure.ts';
import type { Meter } from '../../domain/meter.ts';
import { toNamespace } from '../../domain/namespace.ts';
import { toQuantity } from '../../domain/quantity.ts';
import { readStreamEvent, type Rejected, type StreamContext } from './stream-event.ts';

const NOW_MS = 1_700_000_000_123;
const namespace = toNamespace('acct_1', 'test');

const METER: Meter = {
  id: 'mtr_1',
  namespace,
  displayName: 'Requests',
  eventName: 'requests',
  formula: 'sum',
  eventTimeWindow: null,
  customerKey: 'stripe_customer_id',
  valueKey: 'value',
  status: 'active',
  createdS: 0,
  updatedS: 0,
  deactivatedAtS: null,
};

function contextOf(...meters: readonly Meter[]): StreamContext {
  const ofEventName = (_: string, name: string): Meter[] =>
    meters.filter(({ eventName }) => eventName === name);
  return { namespace, receivedAtMs: NOW_MS, meters: { ofEventName }, pastDays: 35 };
}

function read(sent: unknown, meter = METER): IncomingEvent | Rejected {
  return readStreamEvent(contextOf(meter), sent);
}

// Texts of JSON, not values: only so can every key be a key of its own, `__proto__` too.
const name = fc.constantFrom('a', '', '__proto__', 'constructor', 'toString', 'value', 'payload');
const text = fc.oneof(
  name,
  fc.string({ maxLength: 8 }),
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.constantFrom('\ud83d', '\ude95x', '🚕'.repeat(100), '🚕'.repeat(101), `x${'🚕'.repeat(1001)}`),
);
const textJson = text.map((one) => JSON.stringify(one));

function hashJson(pairs: readonly (readonly [string, string])[]): string {
  return `{${pairs.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`;
}

const { anything } = fc.letrec<{ anything: string }>((tie) => ({
  anything: fc.oneof(
    { depthSize: 'small' },
    textJson,
    fc.constantFrom('null', 'true', '0', '-1.5e400', '12345678901234567890', '[]', '{}'),
    fc.array(tie('anything'), { maxLength: 3 }).map((items) => `[${items.join(',')}]`),
    fc.array(fc.tuple(text, tie('anything')), { maxLength: 3 }).map(hashJson),
  ),
}));

/** A field of an event: right more often than not, absent now and then. */
function field(key: string, right: fc.Arbitrary<string>): fc.Arbitrary<[string, string][]> {
  return fc.oneof(
    { weight: 18, arbitrary: right.map((json): [string, string][] => [[key, json]]) },
    { weight: 1, arbitrary: anything.map((json): [string, string][] => [[key, json]]) },
    { weight: 1, arbitrary: fc.constant<[string, string][]>([]) },
  );
}

const quoted = (...texts: readonly string[]): fc.Arbitrary<string> =>
  fc.constantFrom(...texts).map((one) => JSON.stringify(one));

const VALUES = ['1', '0', '-0', '1.50', '007', '1e3', '-2.5', '.5', 'x', '1'.repeat(16)];
const payloadJson = fc
  .tuple(
    field('stripe_customer_id', quoted('cus_1', 'cus_2', '', '__proto__', 'é')),
    field('value', quoted(...VALUES)),
    fc.array(
      fc.tuple(
        name,
        fc.oneof({ weight: 6, arbitrary: name.map((one) => JSON.stringify(one)) }, anything),
      ),
      { maxLength: 2 },
    ),
  )
  .map((parts) => hashJson(parts.flat()));
const nearMiss = fc
  .tuple(
    field('event_name', quoted('requests', 'requests', 'requests', 'archived', 'nobody')),
    field('payload', payloadJson),
    field(
      'identifier',
      quoted('a', '\u0000', '🚕', 'x'.repeat(100), 'x'.repeat(101), '🚕'.repeat(100)),
    ),
    field('timestamp', quoted('2023-11-14T00:00:00Z', '2023-11-14T05:00:00.5+05:30', '2001-01-01')),
    fc.oneof(
      { weight: 9, arbitrary: fc.constant<[string, string][]>([]) },
      field('more', anything),
    ),
  )
  .map((parts) => hashJson(parts.flat()));
const sentJson = fc.oneof({ weight: 3, arbitrary: nearMiss }, { weight: 1, arbitrary: anything });

const BOTH = contextOf(METER, { ...METER, id: 'mtr_2', eventName: 'archived', status: 'inactive' });

function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  Object.freeze(value);
  for (const inner of Object.values(value)) deepFreeze(inner);
}

function isText(value: unknown, max: number): boolean {
  return typeof value === 'string' && value.isWellFormed() && charactersIn(value) <= max;
}

describe('whatever JSON is sent as an event', () => {
  test('it is an event or a rejection, of texts that can be stored, and the JSON is left alone', () => {
    const born = Object.getOwnPropertyNames(Object.prototype);
    const seen = { events: 0, rejections: 0 };
    fc.assert(
      fc.property(sentJson, (json) => {
        const sent = JSON.parse(json) as unknown;
        deepFreeze(sent);
        const event = readStreamEvent(BOTH, sent);
        if ('rejection' in event) {
          seen.rejections += 1;
          const { rejection, eventName, identifier, meterId } = event;
          assert.match(rejection.code, /^[a-z_]+$/u);
          assert.ok(isText(rejection.message, 400) && rejection.message.endsWith('.'));
          assert.ok(isText(eventName, 100) && isText(identifier, 100));
          assert.ok(['', 'mtr_1', 'mtr_2'].includes(meterId));
        } else {
          seen.events += 1;
          assert.equal(event.meterId, 'mtr_1');
          assert.ok(isText(event.customer, 100) && event.customer !== '');
          assert.ok(isText(event.identifier, 100) && event.identifier !== '');
          for (const [key, value] of event.rest) assert.ok(isText(key, 100) && isText(value, 100));
          assert.ok(Number.isSafeInteger(event.timestampMs));
        }
        // Judged alone: nothing is remembered of it, by us or by the objects of the language.
        assert.deepEqual(withoutMade(readStreamEvent(BOTH, sent)), withoutMade(event));
      }),
      { numRuns: 3000 },
    );
    assert.deepEqual(Object.getOwnPropertyNames(Object.prototype), born);
    assert.ok(seen.events > 50 && seen.rejections > 50, JSON.stringify(seen));
  });

  /** An identifier that the server makes is another one each time. */
  function withoutMade(event: IncomingEvent | Rejected): object {
    return /^[0-9a-f]{8}-/u.test(event.identifier) ? { ...event, identifier: 'made' } : event;
  }
});

describe('the payload is given back exactly as it was sent', () => {
  // Few keys, so that the meter's two are often there, and often one.
  const key = fc.constantFrom('a', 'b', '', '__proto__', 'constructor', 'é', 'e\u0301');
  const value = fc.oneof(
    fc.constantFrom(...VALUES, '1.0', '-0.0', '1E3', '10e-1', '0.000000000001', '999999999999999'),
    fc.string({ unit: 'grapheme', maxLength: 5 }).filter((one) => one.isWellFormed()),
  );
  const meters = fc
    .record({
      formula: fc.constantFrom('sum' as const, 'count' as const, 'last' as const),
      customerKey: key,
      valueKey: key,
    })
    .map((keys): Meter => ({ ...METER, ...keys }));
  const payloads = fc.uniqueArray(fc.tuple(key, value), { selector: ([one]) => one });

  function sorted(payload: Payload): [string, string][] {
    return [...payload].toSorted(([a], [b]) => (a < b ? -1 : 1));
  }

  /** How many of the draws could be accepted; a property that is never asked says nothing. */
  function assertGivenBack(
    restAndCustomer: (
      meter: Meter,
      payload: Payload,
    ) => Parameters<typeof wholePayload>[1] | undefined,
  ): void {
    let accepted = 0;
    fc.assert(
      fc.property(meters, payloads, (meter, pairs) => {
        const payload = new Map(pairs);
        const row = restAndCustomer(meter, payload);
        if (row === undefined) return;
        accepted += 1;
        assert.deepEqual(sorted(wholePayload(meter, row)), sorted(payload));
      }),
      { numRuns: 3000 },
    );
    assert.ok(accepted > 300, String(accepted));
  }

  test('by the calls for one event', () => {
    assertGivenBack((meter, payload) => {
      const measured = measure(meter, payload.get(meter.customerKey), payload.get(meter.valueKey));
      if ('code' in measured) return undefined;
      const { customer, value } = measured;
      return { customer, value: toQuantity(value), rest: restOf(meter, payload, measured) };
    });
  });

  test('by the stream', () => {
    assertGivenBack((meter, payload) => {
      const json = hashJson([...payload].map(([name, one]) => [name, JSON.stringify(one)]));
      const sent = JSON.parse(`{"event_name":"requests","payload":${json}}`) as unknown;
      const event = read(sent, meter);
      if ('rejection' in event) return undefined;
      return { ...event, value: toQuantity(event.value) };
    });
  });

  test('an ordinary event has nothing beside customer and value', () => {
    for (const value of ['1', '-1.5', '0']) {
      const payload = { stripe_customer_id: 'c', value };
      const event = read({ event_name: 'requests', payload });
      assert.ok(!('rejection' in event));
      assert.equal(event.rest.size, 0);
    }
  });
});

test('an identifier and a time that are left out are made, those that are sent are kept', () => {
  const payload = { stripe_customer_id: 'c', value: '1' };
  const made = read({ event_name: 'requests', payload });
  assert.ok(!('rejection' in made));
  assert.equal(made.timestampMs, NOW_MS);
  assert.match(made.identifier, /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/u);
  const timestamp = '2023-11-14T00:00:00.5+01:00';
  const sent = read({ event_name: 'requests', payload, identifier: 'a', timestamp });
  assert.ok(!('rejection' in sent));
  assert.deepEqual(
    [sent.identifier, sent.timestampMs],
    ['a', Date.UTC(2023, 10, 13, 23, 0, 0, 500)],
  );
});

test('the times that an event may have include both bounds', () => {
  const payload = { stripe_customer_id: 'c', value: '1' };
  const codeAt = (timestampMs: number): string | undefined => {
    const timestamp = new Date(timestampMs).toISOString();
    const event = read({ event_name: 'requests', payload, timestamp });
    return 'rejection' in event ? event.rejection.code : undefined;
  };
  const [past, future] = [NOW_MS - 35 * 86_400_000, NOW_MS + 300_000];
  assert.deepEqual([codeAt(past), codeAt(future)], [undefined, undefined]);
  assert.equal(codeAt(past - 1), 'timestamp_too_far_in_past');
  assert.equal(codeAt(future + 1), 'timestamp_in_future');
});

test('of several things that are wrong, the first is told: unreadable fields before the meter, its keys before the time', () => {
  const codeOf = (sent: object): string | undefined => {
    const event = read(sent);
    return 'rejection' in event ? event.rejection.code : undefined;
  };
  const timestamp = '2001-01-01T00:00:00Z';
  assert.equal(codeOf({ event_name: 'nobody', payload: 1, timestamp }), 'meter_event_malformed');
  assert.equal(codeOf({ event_name: 'nobody', payload: {}, timestamp }), 'no_meter');
  assert.equal(
    codeOf({ event_name: 'requests', payload: { value: 'x' }, timestamp }),
    'meter_event_no_customer_defined',
  );
});
