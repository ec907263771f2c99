/** What a figure depends on besides the code. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os';

export type Machine = {
  readonly date: string;
  /** `git describe`, with `-dirty` where files differ from the commit; 'unknown' outside a clone. */
  readonly commit: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  /** Processes that wanted a core when the run began, over the minute before: above 0, others were measured too. */
  readonly loadBefore: number;
  readonly system: string;
  readonly node: string;
  readonly chdb: string;
  /** Undefined where PostgreSQL's server programs were not found. */
  readonly postgres: string | undefined;
};

export function describeMachine(postgres: string | undefined): Machine {
  return {
    date: new Date().toISOString(),
    commit: commitHere(),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    loadBefore: loadavg()[0] ?? 0,
    system: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    chdb: versionOf('chdb'),
    postgres,
  };
}

/** Two lines: the machine, and what ran on it. */
export function formatMachine(machine: Machine): readonly string[] {
  const { cores, cpu, memoryGiB, system, loadBefore, node, chdb, postgres, commit, date } = machine;
  const load = `load before the run ${loadBefore.toFixed(2)}`;
  const sql = postgres === undefined ? 'no PostgreSQL' : `PostgreSQL ${postgres}`;
  return [
    [`${cores} × ${cpu}`, `${memoryGiB} GiB`, system, load].join(', '),
    [`Node ${node}`, `chDB ${chdb}`, sql, `commit ${commit}`, date].join(', '),
  ];
}

function commitHere(): string {
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
