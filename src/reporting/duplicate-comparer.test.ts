import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../test/support/wait.ts';
import {
  NOTHING_MORE,
  type MeterEvent,
  type RejectedEvent,
} from '../domain/meter-events/meter-event.ts';
import type { Meter } from '../domain/meter.ts';
import { toNamespace } from '../domain/namespace.ts';
import { ONE, UNITS_PER_ONE } from '../domain/quantity.ts';
import { DuplicateComparer } from './duplicate-comparer.ts';

const NAMESPACE = toNamespace('acct_1', 'test');
const METER: Meter = {
  id: 'mtr_1',
  namespace: NAMESPACE,
  displayName: 'Rides',
  eventName: 'rides',
  formula: 'sum',
  eventTimeWindow: null,
  customerKey: 'who',
  valueKey: 'miles',
  status: 'active',
  createdS: 0,
  updatedS: 0,
  deactivatedAtS: null,
};
const FIRST: MeterEvent = {
  namespace: NAMESPACE,
  meterId: METER.id,
  customer: 'cus_1',
  timestampMs: 0,
  sequence: 7,
  receivedAtMs: 0,
  identifier: 'taken',
  value: UNITS_PER_ONE,
  rest: NOTHING_MORE,
};

/** A store that has FIRST, and fails as often as it is told. */
function aWorld({ failures = 0 } = {}) {
  const kept: Omit<RejectedEvent, 'sequence'>[] = [];
  const errors: unknown[] = [];
  let left = failures;
  const comparer = new DuplicateComparer({
    meters: { ofNamespace: () => [METER] },
    search: {
      findEvents: async ({ lastOf }) => {
        left -= 1;
        if (left >= 0) throw new Error('The store is away.');
        return lastOf?.includes('taken') ? [{ event: FIRST, state: { status: 'counted' } }] : [];
      },
    },
    ingest: {
      traceDuplicate: (duplicate) => kept.push(duplicate),
      flushedSequence: 10,
      lastSequence: 10,
      settled: async () => 10,
      onDisk: async () => undefined,
    },
    onFailure: (error) => errors.push(error),
  });
  const note = (customer: string, identifier = 'taken'): void => {
    assert.ok(comparer.hasRoomFor(NAMESPACE));
    const event = { ...FIRST, customer, identifier, value: ONE, timestampIsSent: true };
    comparer.note({ event, eventName: 'rides', sent: '{}', requestId: 'req_1' });
  };
  return { comparer, kept, errors, note };
}

/** Compares until nothing is left; it rests in between. */
async function compareAll(comparer: DuplicateComparer, of: number): Promise<void> {
  const { counts } = comparer;
  const sum = (): number => Object.values(counts).reduce((total, count) => total + count, 0);
  await until('all are compared', () => {
    comparer.compareIfDue();
    return sum() >= of;
  });
}

test('what differs is kept with the event that it collided with; equal and unknown ones are counted', async () => {
  const { comparer, kept, note } = aWorld();
  note('cus_1');
  note('cus_2');
  note('cus_1', 'pruned');
  await compareAll(comparer, 3);
  assert.deepEqual(comparer.counts, { equal: 1, differing: 1, unknown: 1, skipped: 0 });
  const [{ message, ...one } = assert.fail('nothing was kept')] = kept;
  assert.deepEqual(one, {
    namespace: NAMESPACE,
    receivedAtMs: 0,
    eventName: 'rides',
    identifier: 'taken',
    meterId: METER.id,
    sent: '{}',
    code: 'duplicate_meter_event',
    requestId: 'req_1',
    duplicateOf: 7,
  });
  assert.match(message, /differs in customer \("cus_1", here "cus_2"\)/u);
});

test('what the store cannot tell is skipped, and the next one that is kept says so', async () => {
  const { comparer, kept, errors, note } = aWorld({ failures: 1 });
  note('cus_2');
  note('cus_3');
  await compareAll(comparer, 2);
  assert.deepEqual([comparer.counts.skipped, kept.length, errors.length], [2, 0, 1]);
  note('cus_2');
  await compareAll(comparer, 3);
  assert.match(kept[0]?.message ?? '', /2 other duplicates were not compared/u);
});

test('a stop compares what is noted', async () => {
  const { comparer, kept, note } = aWorld();
  note('cus_2');
  await comparer.close();
  assert.equal(kept.length, 1);
});
