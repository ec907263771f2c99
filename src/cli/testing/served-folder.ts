/** A new data folder, served in this process by the parts that `taximeter serve` wires, for tests of every route. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Catalog } from '../../catalog/catalog.ts';
import { systemClock } from '../../lib/clock.ts';
import { readServeConfig } from '../../config/config.ts';
import { closeDataFolder, openDataFolder } from '../../ops/data-folder.ts';
import type { Route } from '../../api/route.ts';
import { ApiServer } from '../../http/server.ts';
import { Ingest } from '../../ingest/ingest.ts';
import { UsageReader } from '../../usage/usage-reader.ts';
import { openWatches } from '../watches.ts';
import { toApi } from '../serve.ts';

export type Served = {
  readonly url: string;
  readonly routes: readonly Route[];
  readonly catalog: Catalog;
  readonly close: () => Promise<void>;
};

export async function serveNewFolder(...flags: readonly string[]): Promise<Served> {
  const data = mkdtempSync(join(tmpdir(), 'taximeter-served-'));
  const config = readServeConfig(['--data', data, ...flags], {});
  const folder = await openDataFolder(data, systemClock, 'make');
  const { journal, catalog, store } = folder;
  const fail = (error: unknown): void => {
    throw error;
  };
  const ingest = new Ingest({
    journal,
    store,
    answers: catalog.answers,
    dataFolder: data,
    identifierWindowDays: config.identifierWindowDays,
    identifiersInMemory: config.identifiersInMemory,
    disk: { shortage: undefined },
    journalBytesMax: config.journalBytesMax,
    onStoreFailure: fail,
    onSealFailure: fail,
    onRepair: fail,
    onFatal: fail,
  });
  await ingest.recover(systemClock.nowMs());
  const server = new ApiServer(systemClock);
  const api = toApi(
    config,
    folder,
    ingest,
    new UsageReader(store, async () => await ingest.settled(), 10),
    openWatches(config, folder, ingest),
  );
  const port = await server.listen(0, '127.0.0.1');
  server.serve(api);
  return {
    url: `http://127.0.0.1:${port}`,
    routes: api.routes,
    catalog,
    close: async () => {
      await server.close();
      await ingest.close();
      await closeDataFolder(folder);
      rmSync(data, { recursive: true });
    },
  };
}
