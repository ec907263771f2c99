/** What every usage store promises to error reports (see rejection-counts.ts). */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { RejectedEvent } from '../../domain/meter-events/meter-event.ts';
import { toNamespace } from '../../domain/namespace.ts';
import { batchOf } from './batch-fixture.ts';
import { withStore, type OpenUsageStore } from './contract-store.ts';
import type { RejectionCount, RejectionCountsQuery } from '../rejection-counts.ts';
import type { UsageStore } from '../usage-store.ts';

export function rejectionCountsContract(name: string, open: OpenUsageStore): void {
  describe(`${name} counts rejections`, () => {
    let store: UsageStore;
    withStore(open, (opened) => {
      ({ store } = opened);
    });

    test('by namespace, meter and code, with the first of each as samples', async () => {
      await fc.assert(
        fc.asyncProperty(
          facts,
          fc.nat(20),
          fc.nat(25),
          fc.integer({ min: 1, max: 4 }),
          async (drawn, from, length, samplesMax) => {
            const rejections = drawn.map(toRejected);
            await store.insert(batchOf({ rejections }));
            const afterSequence = rejections[0]!.sequence - 1 + from;
            // No further than this batch: others are in the store too.
            const upToSequence = Math.min(afterSequence + length, lastSequence);
            const query = { afterSequence, upToSequence, samplesMax };
            assert.deepEqual(await store.countRejections(query), expected(rejections, query));
          },
        ),
        { numRuns: 25 },
      );
    });

    test('a range goes as far as it has rejections of so many meters', async () => {
      await fc.assert(
        fc.asyncProperty(facts, fc.integer({ min: 1, max: 6 }), async (drawn, metersMax) => {
          const rejections = drawn.map(toRejected);
          await store.insert(batchOf({ rejections }));
          const afterSequence = rejections[0]!.sequence - 1;
          const query = { afterSequence, upToSequence: lastSequence, metersMax };
          const meters = new Set<string>();
          const tooMany = rejections.find(({ namespace, meterId }) => {
            meters.add(`${namespace} ${meterId}`);
            return meters.size > metersMax;
          });
          const expectedEnd = tooMany === undefined ? lastSequence : tooMany.sequence - 1;
          assert.equal(await store.rejectionsThrough(query), expectedEnd);
        }),
        { numRuns: 25 },
      );
    });
  });
}

const facts = fc.array(
  fc.record({
    namespace: fc.constantFrom(toNamespace('acct_1', 'live'), toNamespace('acct_1', 'test')),
    meterId: fc.constantFrom('', 'mtr_1', 'mtr_2'),
    code: fc.constantFrom('archived_meter', 'no_meter'),
    receivedAtMs: fc.nat(100_000),
  }),
  { minLength: 1, maxLength: 25, size: 'max' },
);
type Fact = typeof facts extends fc.Arbitrary<(infer T)[]> ? T : never;

let lastSequence = 0;

function toRejected(fact: Fact): RejectedEvent {
  lastSequence += 1;
  return {
    ...fact,
    sequence: lastSequence,
    eventName: 'requests',
    identifier: randomUUID(),
    sent: '{}',
    message: `"'\\ ${lastSequence}`,
    requestId: 'req_1',
  };
}

function expected(
  rejections: readonly RejectedEvent[],
  { afterSequence, upToSequence, samplesMax }: RejectionCountsQuery,
): RejectionCount[] {
  const inRange = rejections.filter(
    ({ sequence }) => sequence > afterSequence && sequence <= upToSequence,
  );
  const groups = Map.groupBy(inRange, ({ namespace, meterId, code }) =>
    [namespace, meterId, code].join(' '),
  );
  return [...groups.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, group]) => {
      const { namespace, meterId, code } = group[0]!;
      const times = group.map(({ receivedAtMs }) => receivedAtMs);
      return {
        namespace,
        meterId,
        code,
        count: group.length,
        firstMs: Math.min(...times),
        lastMs: Math.max(...times),
        samples: group
          .slice(0, samplesMax)
          .map(({ message, identifier }) => ({ message, identifier })),
      };
    });
}
