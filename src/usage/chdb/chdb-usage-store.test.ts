import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
