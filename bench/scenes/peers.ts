/** The servers beside Taximeter, started for one scene: PostgreSQL and SQLite on empty tables. */
import { join } from 'node:path';
import type { Kind } from '../load/requests.ts';
import { start, stop, type Running } from '../measure/processes.ts';
import { startPostgres, type PostgresCluster } from '../peers/postgres-cluster.ts';
import { BATCH, CONNECTIONS, type Context } from './context.ts';
import { measure, type Contestant } from './race.ts';

export type Peers = {
  readonly contestants: readonly Contestant[];
  readonly stop: () => Promise<void>;
};
type Env = Readonly<Record<string, string>>;

export const BARE = 'bare node:http';
export const POSTGRES = 'PostgreSQL by hand';
export const SQLITE = 'SQLite by hand';

/** Where sizes are not tried: a few connections for batches, many for single events that share a commit. */
const POOL: Readonly<Record<Kind, number>> = { stream: 4, v1: 48 };
const TRIAL_MS = 1000;

/** A peer without a key of its own: any text of a token's length will do. */
export function asContestant(
  name: string,
  { child, port }: Running,
  ...more: number[]
): Contestant {
  const pids = [child.pid ?? 0, ...more];
  return { name, port, pids, secret: () => Promise.resolve('x'.repeat(40)) };
}

/** `env` is the environment of the processes that sync. Without PostgreSQL on the machine there is none. */
export async function startPeers(
  context: Context,
  kind: Kind,
  folder: string,
  env: Env = {},
): Promise<Peers> {
  const { cleanups, postgresBin, parent } = context;
  const sqlite = await start(cleanups, 'peers/sqlite-server.ts', [join(folder, 'sqlite.db')], env);
  const contestants = [asContestant(SQLITE, sqlite)];
  if (postgresBin === undefined) return { contestants, stop: () => stop(sqlite) };
  const cluster = await startPostgres(postgresBin, parent, cleanups, env);
  const pool = await bestPool(context, kind, cluster);
  const postgres = await startPostgresServer(context, cluster, pool);
  contestants.unshift(asContestant(POSTGRES, postgres, cluster.process.pid ?? 0));
  return {
    contestants,
    stop: async () => {
      await stop(sqlite);
      await stop(postgres);
      await cluster.stop();
    },
  };
}

/** PostgreSQL's rate turns on its number of connections: the best of those that the size tries. */
async function bestPool(context: Context, kind: Kind, cluster: PostgresCluster): Promise<number> {
  let best = { pool: POOL[kind], eventsPerS: 0 };
  for (const pool of context.size.pools) {
    const server = await startPostgresServer(context, cluster, pool);
    const { eventsPerS } = await measure(asContestant(POSTGRES, server), {
      kind,
      connections: CONNECTIONS,
      batch: kind === 'v1' ? 1 : BATCH,
      durationMs: TRIAL_MS,
    });
    await stop(server);
    if (eventsPerS > best.eventsPerS) best = { pool, eventsPerS };
  }
  return best.pool;
}

async function startPostgresServer(
  { cleanups }: Context,
  { socketFolder }: PostgresCluster,
  pool: number,
): Promise<Running> {
  return await start(cleanups, 'peers/postgres-server.ts', [socketFolder, String(pool)]);
}
