/** What every usage store promises of the times that rejected events say: they are read as `saidTimeMs` reads them. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { RejectedEvent } from '../../domain/meter-events/meter-event.ts';
import { saidTimeMs } from '../../domain/meter-events/said-time.ts';
import { toNamespace, type Namespace } from '../../domain/namespace.ts';
import { formatRfc3339 } from '../../domain/rfc3339.ts';
import { batchOf } from './batch-fixture.ts';
import { withStore, type OpenUsageStore } from './contract-store.ts';
import type { TimeRange } from '../event-search.ts';
import type { UsageStore } from '../usage-store.ts';

const RECEIVED_AT_MS = 1_760_000_000_123;
const EVER = { fromMs: Number.MIN_SAFE_INTEGER, toMs: Number.MAX_SAFE_INTEGER };

/** Each of these once, beside what is drawn: the ends of each rule, and one step outside. */
const SAID = [
  undefined,
  null,
  '',
  'soon',
  true,
  {},
  [],
  '2024-06-01',
  '2024-06-01T12:00:00',
  '2024-06-01T12:00:00Z',
  '2024-06-01t12:00:00.1z',
  '2024-06-01T12:00:00.9999999999Z',
  '0000-01-01T00:00:00Z',
  '0000-02-29T00:00:00+23:59',
  '9999-12-31T23:59:59.999-23:59',

  '1900-02-28T00:00:00Z',
  '1900-02-29T00:00:00Z',
  '2000-02-29T00:00:00Z',
  '2023-02-29T00:00:00Z',

  '2024-00-01T00:00:00Z',
  '2024-13-01T00:00:00Z',
  '2024-04-31T00:00:00Z',
  '2024-12-31T00:00:00Z',

  '2024-06-00T00:00:00Z',
  '2024-06-01T24:00:00Z',
  '2024-06-01T23:60:00Z',
  '2024-06-30T23:59:60Z',
  '2024-06-01T12:00:00+24:00',
  '2024-06-01T12:00:00-05:60',
  '2024-06-01T12:00:00+05:30',

  '2024-06-01T12:00:00.Z',
  '2024-06-01 12:00:00Z',
  '2024-06-01T12:00:00Z ',
  '٢٠٢٤-06-01T12:00:00Z',
  '1795833000',
  '0',
  '-0',
  '-1',
  '+1',
  ' 1',
  '1.0',
  '1e9',
  '0001795833000',
  '00001795833000',
  '9007199254740',
  '9007199254741',
  '-9007199254740',
  '1795833000000',
  '12345678901234',
  1_795_833_000,
  0,
  -1,
  1.5,
  1e9,
  9_007_199_254_740,
  9_007_199_254_741,
  -9_007_199_254_740,
  -9_007_199_254_741,
  2 ** 63 - 1024,
  2 ** 63,
  -(2 ** 63),
  2 ** 64 - 2048,
  2 ** 64,
  1e21,
  1e300,
];

export function saidTimeContract(name: string, open: OpenUsageStore): void {
  describe(`${name} reads the times of rejected events as they are shown`, () => {
    let store: UsageStore;
    withStore(open, (opened) => {
      ({ store } = opened);
    });

    test('each is found at the time that it says, and nowhere else', async () => {
      const drawn = fc.sample(fc.oneof(dates, anyText), { numRuns: 2_000, seed: 1 });
      const namespace = newNamespace();
      const rejections = [
        ...[...SAID, ...drawn].map((timestamp) => rejectionOf(namespace, { timestamp })),
        rejectionOf(namespace, 'no object'),
        rejectionOf(namespace, [1]),
        { ...rejectionOf(namespace, { timestamp: 1 }), sent: '{"timestamp":1,"pay' },
      ];
      await store.insert(batchOf({ events: [], cancellations: [], rejections }));
      const sequencesAt = async (timestampMs: TimeRange): Promise<number[]> => {
        const place = { after: 0, before: Number.MAX_SAFE_INTEGER, order: 'oldest_first' } as const;
        const search = { namespace, place, limit: 10_000, customerKeys: [], timestampMs };
        return (await store.search.findRejections(search)).map(({ sequence }) => sequence);
      };
      const expectedAt = ({ fromMs, toMs }: TimeRange): number[] =>
        rejections
          .filter((rejected) => {
            const saidMs = saidTimeMs(rejected);
            return saidMs !== undefined && saidMs >= fromMs && saidMs < toMs;
          })
          .map(({ sequence }) => sequence);
      const ever = expectedAt(EVER);
      assert.ok(ever.length > 500 && rejections.length - ever.length > 500, String(ever.length));
      assert.deepEqual(await sequencesAt(EVER), ever);
      const said = new Set(rejections.map(saidTimeMs).filter((ms) => ms !== undefined));
      for (const fromMs of [...said].slice(0, 50)) {
        const moment = { fromMs, toMs: fromMs + 1 };
        assert.deepEqual(await sequencesAt(moment), expectedAt(moment), String(fromMs));
      }
    });
  });
}

const digits = (length: number): fc.Arbitrary<string> =>
  fc.nat(10 ** length - 1).map((number) => String(number).padStart(length, '0'));
/** Of the shape of RFC 3339, right about as often as wrong. */
const dates = fc
  .tuple(
    digits(4),
    fc.constantFrom('01', '02', '02', '04', '12', '13', '00'),
    fc.constantFrom('01', '28', '29', '30', '31', '00', '32'),
    fc.constantFrom('00', '12', '23', '24'),
    fc.constantFrom('00', '59', '60'),
    fc.constantFrom('', '.0', '.12', '.123456', '.'),
    fc.constantFrom('Z', 'z', '+00:00', '-23:59', '+05:30', '', '+5:30'),
  )
  .map(([year, month, day, hour, minute, fraction, offset]) => {
    return `${year}-${month}-${day}T${hour}:${minute}:07${fraction}${offset}`;
  });
const anyText = fc.oneof(
  fc.string({ maxLength: 25 }),
  fc.maxSafeInteger().map(String),
  fc.integer({ min: -62_167_219_200, max: 253_402_300_799 }),
  fc.integer({ min: -62_167_219_200, max: 253_402_300_799 }).map((s) => formatRfc3339(s * 1000)),
);

function newNamespace(): Namespace {
  return toNamespace(`acct_${randomUUID()}`, 'test');
}

let lastSequence = 0;
function rejectionOf(namespace: Namespace, sent: unknown): RejectedEvent {
  lastSequence += 1;
  return {
    namespace,
    sequence: lastSequence,
    receivedAtMs: RECEIVED_AT_MS,
    eventName: '',
    identifier: '',
    meterId: '',
    sent: JSON.stringify(sent),
    code: 'meter_event_malformed',
    message: 'No.',
    requestId: 'req_1',
  };
}
