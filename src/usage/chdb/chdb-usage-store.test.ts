import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseQuantity } from '../../domain/quantity.ts';
import { StartupError } from '../../lib/startup-error.ts';
import type { OpenUsageStore } from '../contract/contract-store.ts';
import { usageStoreContract } from '../contract/usage-store.ts';
import { accountContract } from '../contract/account.ts';
import { customerUsageContract } from '../contract/customer-usage.ts';
import { eventSearchContract } from '../contract/event-search.ts';
import { manyIdentifiersContract } from '../contract/many-identifiers.ts';
import { rejectionCountsContract } from '../contract/rejection-counts.ts';
import { saidTimeContract } from '../contract/said-time.ts';
import { openChdbUsageStore } from './chdb-usage-store.ts';

const open: OpenUsageStore = async () => {
  const parent = await mkdtemp(join(tmpdir(), 'taximeter-usage-'));
  const folder = join(parent, 'usage');
  const snapshotFolder = join(parent, 'snapshot');
  let store = openChdbUsageStore(folder);
  const openAfter = async (other: string) => {
    await store.close();
    store = openChdbUsageStore(other);
    return store;
  };
  return {
    store,
    reopen: async () => await openAfter(folder),
    snapshotFolder,
    openSnapshot: async () => await openAfter(snapshotFolder),
    destroy: async () => {
      await store.close();
      await rm(parent, { recursive: true });
    },
  };
};
usageStoreContract('chDB', open);
eventSearchContract('chDB', open);
saidTimeContract('chDB', open);
manyIdentifiersContract('chDB', open);
customerUsageContract('chDB', open);
rejectionCountsContract('chDB', open);
accountContract('chDB', open);

test('events in the form of the first version are taken too', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'taximeter-usage-'));
  const store = openChdbUsageStore(folder);
  const line = ['acct_1/test', 'mtr_1', 'cus_1', 1000, 1, 2000, 'one', '1.5', { value: '1.50' }];
  const nothing = new Uint8Array();
  await store.insert({
    token: 'a token',
    eventsFormat: 'JSONCompactEachRow',
    events: Buffer.from(`${JSON.stringify(line)}\n`),
    cancellations: nothing,
    rejections: nothing,
  });
  const found = await store.findEvent('acct_1/test', ['mtr_1'], 'one');
  assert.equal(found?.event.value, parseQuantity('1.5'));
  assert.deepEqual([...(found?.event.rest ?? [])], [['value', '1.50']]);
  await store.close();
  await rm(folder, { recursive: true });
});

test('a folder whose path the engine would take for a pattern is refused, not read by pattern', () => {
  for (const name of ['a*', 'a?', '{a,b}']) {
    assert.throws(() => openChdbUsageStore(join(tmpdir(), name)), StartupError);
  }
});
