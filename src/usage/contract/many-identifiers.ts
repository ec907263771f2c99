/** What every usage store promises of the events of many identifiers, for those who compare duplicates. */
import { DAY_MS } from '../../domain/time.ts';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { NOTHING_MORE, type MeterEvent } from '../../domain/meter-events/meter-event.ts';
import { toNamespace } from '../../domain/namespace.ts';
import { UNITS_PER_ONE } from '../../domain/quantity.ts';
import { batchOf } from './batch-fixture.ts';
import { withStore, type OpenUsageStore } from './contract-store.ts';
import type { SearchedMeter } from '../event-search.ts';
import type { UsageStore } from '../usage-store.ts';

const NAMESPACE = toNamespace('acct_many', 'test');
const START_MS = 20_000 * DAY_MS;
const METERS = ['mtr_many_1', 'mtr_many_2'].map((id): SearchedMeter => ({
  id,
  formula: 'sum',
  eventTimeWindow: null,
  customerKey: 'who',
  valueKey: 'much',
}));

export function manyIdentifiersContract(name: string, open: OpenUsageStore): void {
  describe(`${name} finds the events of many identifiers`, () => {
    let store: UsageStore;
    withStore(open, (opened) => {
      ({ store } = opened);
    });

    test('of each the one that was accepted last, with its state', async () => {
      const events = ['a', 'b', 'c', 'a'].map(anEvent);
      const [, b, , again] = events;
      const cancelled = { cancelledAtMs: START_MS + 7, requestId: 'req_1' };
      await store.insert(batchOf({ events, cancellations: [{ ...b!, ...cancelled }] }));
      const found = await store.search.findEvents({
        namespace: NAMESPACE,
        meters: METERS,
        lastOf: ['a', 'b', 'absent'],
        place: { after: 0, before: Number.MAX_SAFE_INTEGER, order: 'newest_first' },
        limit: 3,
      });
      assert.deepEqual(found, [
        { event: again, state: { status: 'counted' } },
        { event: b, state: { status: 'cancelled', ...cancelled } },
      ]);
    });
  });
}

function anEvent(identifier: string, index: number): MeterEvent {
  return {
    namespace: NAMESPACE,
    meterId: METERS[index % METERS.length]!.id,
    customer: 'cus_1',
    timestampMs: START_MS,
    sequence: index + 1,
    receivedAtMs: START_MS,
    identifier,
    value: UNITS_PER_ONE,
    rest: NOTHING_MORE,
  };
}
