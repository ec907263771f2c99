/** What a figure depends on besides the code. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { arch, cpus, platform, release, totalmem } from 'node:os';

export type Machine = {
  readonly date: string;
  /** `git describe`, with `-dirty` where files differ from the commit; 'unknown' outside a clone. */
  readonly commit: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  readonly chdb: string;
  /** Undefined where PostgreSQL's server programs were not found. */
  readonly postgres: string | undefined;
};

export function describeMachine(postgres: string | undefined): Machine {
  return {
    date: new Date().toISOString(),
    commit: commit(),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    chdb: versionOf('chdb'),
    postgres,
  };
}

/** One line. */
export function formatMachine(machine: Machine): string {
  const { cores, cpu, memoryGiB, system, node, chdb, postgres, commit: at, date } = machine;
  return [
    `${cores} × ${cpu}`,
    `${memoryGiB} GiB`,
    system,
    `Node ${node}`,
    `chDB ${chdb}`,
    postgres === undefined ? 'no PostgreSQL' : `PostgreSQL ${postgres}`,
    `commit ${at}`,
    date,
  ].join(', ');
}

function commit(): string {
  try {
    const args = ['describe', '--always', '--dirty', '--exclude=*'];
    const cwd = import.meta.dirname;
    return execFileSync('git', args, {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return 'unknown';
  }
}

function versionOf(name: string): string {
  const url = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(url, 'utf8')) as { version: string }).version;
}
