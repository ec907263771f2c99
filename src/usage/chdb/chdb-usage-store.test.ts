import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { StartupError } from '../../startup-error.ts';
import { usageStoreContract } from '../contract.ts';
import { openChdbUsageStore } from './chdb-usage-store.ts';

usageStoreContract('chDB', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'taximeter-usage-'));
  let store = openChdbUsageStore(folder);
  return {
    store,
    reopen: async () => {
      await store.close();
      store = openChdbUsageStore(folder);
      return store;
    },
    destroy: async () => {
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
});

test('a folder whose path the engine would take for a pattern is refused, not read by pattern', () => {
  for (const name of ['a*', 'a?', '{a,b}']) {
    assert.throws(() => openChdbUsageStore(join(tmpdir(), name)), StartupError);
  }
});
