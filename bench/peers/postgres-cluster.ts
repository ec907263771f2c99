/**
 * A private PostgreSQL for the length of a run: a new cluster in a temporary folder, reached over a unix socket
 * only, durable as it comes (fsync, full_page_writes, synchronous_commit on) and given memory and WAL to work with.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { removeFolder, type Cleanups } from '../measure/cleanups.ts';

export type PostgresCluster = {
  readonly process: ChildProcess;
  /** The folder of the socket: what `pg` takes as `host`. */
  readonly socketFolder: string;
  readonly stop: () => Promise<void>;
};

const MIB = 1024 * 1024;
const SHARED_BUFFERS_MAX_MIB = 4096;
const READY_TIMEOUT_MS = 30_000;

/** The folder of PostgreSQL's server programs; undefined when they are not installed. */
export function findPostgres(): string | undefined {
  const places = [
    ...(process.env['PATH'] ?? '').split(':'),
    output('pg_config', ['--bindir']),
    ...versionsIn('/usr/lib/postgresql').map((version) => `/usr/lib/postgresql/${version}/bin`),
  ];
  return places.find(
    (folder) =>
      folder !== undefined &&
      folder !== '' &&
      existsSync(join(folder, 'initdb')) &&
      existsSync(join(folder, 'postgres')),
  );
}

/** Such as `15.18`. */
export function versionOfPostgres(bin: string): string | undefined {
  return /\d[\d.]*/u.exec(output(join(bin, 'postgres'), ['--version']) ?? '')?.[0];
}

/** Starts it below `parent`; `env` is added to its environment. Stopped and removed by `stop`, or at exit. */
export async function startPostgres(
  bin: string,
  parent: string,
  cleanups: Cleanups,
  env: Readonly<Record<string, string>> = {},
): Promise<PostgresCluster> {
  const folder = mkdtempSync(join(parent, 'taximeter-bench-pg-'));
  cleanups.add(() => removeFolder(folder));
  const user = unprivileged();
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const initdb = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'];
  execFileSync(join(bin, 'initdb'), initdb, { stdio: 'ignore', cwd: folder, ...user });
  const settings = [...SETTINGS, `wal_compression=${bestCompression(bin, data, user)}`];
  const child = spawn(
    join(bin, 'postgres'),
    ['-D', data, '-k', folder, ...settings.flatMap((setting) => ['-c', setting])],
    { stdio: 'ignore', cwd: folder, env: { ...process.env, ...env }, ...user },
  );
  cleanups.add(() => child.kill('SIGQUIT'));
  await whenReady(folder, child);
  const stop = async (): Promise<void> => {
    const exited = once(child, 'exit');
    // Fast shutdown: ends the sessions that are still there.
    if (child.kill('SIGINT')) await exited;
    removeFolder(folder);
  };
  return { process: child, socketFolder: folder, stop };
}

const sharedBuffersMiB = Math.min(SHARED_BUFFERS_MAX_MIB, Math.floor(totalmem() / MIB / 4));
const SETTINGS = [
  'listen_addresses=',
  'fsync=on',
  'full_page_writes=on',
  'synchronous_commit=on',
  `shared_buffers=${sharedBuffersMiB}MB`,
  'wal_buffers=64MB',
  'max_wal_size=4GB',
  'checkpoint_timeout=15min',
  'max_connections=200',
  'jit=off',
];

/** LZ4 where this PostgreSQL was built with it (15 and later), else its own. */
function bestCompression(bin: string, data: string, user: User | undefined): string {
  try {
    const args = ['-D', data, '-c', 'wal_compression=lz4', '-C', 'wal_compression'];
    execFileSync(join(bin, 'postgres'), args, { stdio: 'ignore', cwd: data, ...user });
    return 'lz4';
  } catch {
    return 'on';
  }
}

async function whenReady(socketFolder: string, child: ChildProcess): Promise<void> {
  const deadlineMs = performance.now() + READY_TIMEOUT_MS;
  for (;;) {
    const client = new Client({ host: socketFolder, user: 'postgres', database: 'postgres' });
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      if (child.exitCode !== null || performance.now() > deadlineMs) {
        throw new Error('PostgreSQL did not start', { cause: error });
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

type User = { readonly uid: number; readonly gid: number };

/** PostgreSQL refuses to run as root: then it is `postgres`, or else `nobody`. */
function unprivileged(): User | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
    const uid = output('id', ['-u', name]);
    const gid = output('id', ['-g', name]);
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error('PostgreSQL does not run as root, and there is no user postgres or nobody.');
}

function output(command: string, args: readonly string[]): string | undefined {
  try {
    const stdio: ['ignore', 'pipe', 'ignore'] = ['ignore', 'pipe', 'ignore'];
    return execFileSync(command, args, { encoding: 'utf8', stdio }).trim();
  } catch {
    return undefined;
  }
}

/** Newest first. */
function versionsIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).toSorted((a, b) => Number(b) - Number(a));
}
