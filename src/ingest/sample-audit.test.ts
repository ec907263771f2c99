import { DAY_MS, HOUR_MS } from '../domain/time.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toNamespace } from '../domain/namespace.ts';
import type { Audit, AuditRange, HourDifference } from '../usage/usage-store.ts';
import { SampleAudit, type SampleAuditParts } from './sample-audit.ts';

const DRAWN = {
  namespace: toNamespace('acct_1', 'test'),
  meterId: 'mtr_1',
  customer: 'cus_1',
  hourMs: 20_000 * DAY_MS + 5 * HOUR_MS,
};

function difference(count: string): HourDifference {
  const figures = [count, '1', 'x', 'x'] as const;
  return { ...DRAWN, ofEvents: figures, ofRollup: ['0', '0', 'x', 'x'] };
}

/** Looks once at a store that answers these counts of events, one after the other; null: no difference. */
async function look(...counts: readonly (string | null)[]) {
  const ranges: AuditRange[] = [];
  let settled = 0;
  let next = 0;
  const parts: SampleAuditParts = {
    auditor: {
      draw: async () => DRAWN,
      hours: async (range): Promise<Audit> => {
        ranges.push(range);
        const count = counts[next++ % counts.length] ?? null;
        const first = count === null ? undefined : difference(count);
        return { events: 1, hours: 1, differences: first === undefined ? 0 : 1, first };
      },
    },
    settled: async () => (settled += 1),
    isBusy: () => false,
    random: () => 0.5,
    onAudit: () => undefined,
    onFailure: (error) => assert.fail(String(error)),
  };
  const result = await new SampleAudit(parts).look();
  return { result, ranges, settled };
}

test('the whole day of the drawn hour is recounted', async () => {
  const { result, ranges } = await look(null);
  assert.equal(result?.differences, 0);
  const { hourMs: _, ...customer } = DRAWN;
  assert.deepEqual(ranges, [{ ...customer, startMs: 20_000 * DAY_MS, endMs: 20_001 * DAY_MS }]);
});

test('a difference that stays the same after everything is inserted is one', async () => {
  const { result, settled } = await look('7');
  assert.deepEqual(result, { hours: 1, differences: 1, first: difference('7') });
  assert.equal(settled, 1);
});

test('a difference that goes away was an insert on its way', async () => {
  const { result } = await look('7', null);
  assert.equal(result?.differences, 0);
});

test('an hour that is being written all the time tells nothing', async () => {
  const { result } = await look('7', '8', '9');
  assert.equal(result, undefined);
});

test('nothing is looked at while there is more urgent work, or no usage', async () => {
  let looks = 0;
  const parts: SampleAuditParts = {
    auditor: { draw: async () => void (looks += 1), hours: async () => assert.fail('no range') },
    settled: async () => undefined,
    isBusy: () => looks > 0,
    random: () => 0,
    onAudit: () => assert.fail('nothing was looked at'),
    onFailure: (error) => assert.fail(String(error)),
  };
  const audit = new SampleAudit(parts);
  audit.start(1);
  while (looks === 0) await new Promise(setImmediate);
  await audit.close();
  assert.equal(looks, 1);
});
