/** For tests of the pipeline: the real server with routes made for it, on a real catalog and journal. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { aKey } from '../../catalog/contract/fixtures.ts';
import { openSqliteCatalog } from '../../catalog/sqlite/sqlite-catalog.ts';
import { systemClock } from '../../lib/clock.ts';
import { AnsweredKeys } from '../../ingest/answered-keys.ts';
import { NamespaceHashes } from '../../ingest/namespace-hashes.ts';
import { openSqliteJournal } from '../../journal/sqlite/thread-journal.ts';
import { Access } from '../../api/access/access.ts';
import type { AnswerLimits } from '../limits/answer-budget.ts';
import type { Route } from '../../api/route.ts';
import { hashSecret } from '../../api/access/auth.ts';
import type { ConnectionLimits } from '../connections.ts';
import type { HoldLimits } from '../held-requests.ts';
import { Idempotency } from '../../api/idempotency.ts';
import { ApiServer, type Api } from '../server.ts';

export type TestServer = {
  readonly port: number;
  readonly server: ApiServer;
  /** What it is given to serve. */
  readonly api: Api;
  close(): Promise<void>;
};
type Options = {
  readonly limits?: Partial<ConnectionLimits>;
  readonly hold?: Partial<HoldLimits>;
  readonly fastPath?: boolean;
  readonly answers?: Partial<AnswerLimits>;
  /** Whether it is still starting. */
  readonly starts?: boolean;
};

/** The key `k` opens it. */
export async function startTestServer(
  routes: readonly Route[],
  { starts = false, ...options }: Options = {},
): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), 'taximeter-server-'));
  const catalog = openSqliteCatalog(join(folder, 'catalog.db'));
  const journal = await openSqliteJournal(join(folder, 'journal.db'));
  const answered = new AnsweredKeys(new NamespaceHashes(journal.hashKey), {
    owner: journal.id,
    dataFolder: folder,
    lastPosition: 0,
    onFailure: (error) => {
      throw error;
    },
  });
  await catalog.keys.create(aKey('key_1'), hashSecret('k'));
  const server = new ApiServer(systemClock, options);
  const api: Api = {
    routes,
    idempotency: new Idempotency(answered, catalog.answers, journal),
    access: new Access({
      keys: catalog.keys,
      sessions: catalog.sessions,
      limits: { rateLimit: undefined, authFailuresMax: 20, proxies: 0 },
    }),
    stuck: () => undefined,
    diskShortage: () => undefined,
  };
  if (!starts) server.serve(api);
  return {
    server,
    api,
    port: await server.listen(0, '127.0.0.1'),
    close: async () => {
      await server.close();
      catalog.close();
      await journal.close();
      rmSync(folder, { recursive: true });
    },
  };
}
