import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { platform } from 'node:os';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import type { LoadOptions, LoadResult } from '../load/client.ts';
import type { Cleanups } from './cleanups.ts';

export type Running = {
  readonly child: ChildProcess;
  readonly port: number;
  readonly readyMs: number;
};
export type Env = Readonly<Record<string, string>>;

const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

/** Starts a script, named from bench/, and waits for the line that names its port. Killed at exit. */
export async function start(
  cleanups: Cleanups,
  script: string,
  args: readonly string[] = [],
  env: Env = {},
): Promise<Running> {
  const startMs = performance.now();
  const child = spawn(process.execPath, [pathOf(script), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  cleanups.add(() => child.kill('SIGKILL'));
  let text = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    text += String(chunk);
    const port = /listening on http:\/\/[^:]+:(\d+)/u.exec(text)?.[1];
    if (port !== undefined) {
      return { child, port: Number(port), readyMs: performance.now() - startMs };
    }
  }
  throw new Error(`${script} ended before it listened: ${text}`);
}

/** Asks it to end and waits until it has; nothing when it has ended already. */
export async function stop({ child }: Pick<Running, 'child'>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  if (child.kill('SIGTERM')) await exited;
}

/** One run of the load client, in a process of its own. */
export async function load(options: LoadOptions): Promise<LoadResult> {
  return (await runScript('load/client.ts', [JSON.stringify(options)])) as LoadResult;
}

/** Runs a script, named from bench/, to its end and answers the JSON that it prints. */
export async function runScript(
  script: string,
  args: readonly string[],
  env: Env = {},
): Promise<unknown> {
  const options = { env: { ...process.env, ...env }, maxBuffer: OUTPUT_BYTES_MAX };
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [pathOf(script), ...args],
    options,
  );
  return JSON.parse(stdout);
}

/** Resident memory, of the process alone. */
export function rssBytes(pid: number): number {
  if (platform() !== 'linux') return Number(ps(['-o', 'rss=', '-p', String(pid)])) * 1024;
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/u.exec(status)?.[1]) * 1024;
}

/**
 * Microseconds of CPU that the first thread of a process has used so far, which is the one that runs its JavaScript. Linux
 * alone tells it to more than a hundredth of a second: elsewhere this throws.
 */
export function mainThreadCpuUs(pid: number): number {
  const [ranNs = ''] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ', 1);
  return Number(ranNs) / 1000;
}

/** Seconds of CPU, user and system, that these processes and their children have used so far. */
export function cpuSeconds(pids: readonly number[]): number {
  const all = platform() === 'linux' ? processesOfProc() : processesOfPs();
  const counted = new Set(pids);
  // A child stands after its parent only by chance: look until nothing is added.
  for (let size = 0; size !== counted.size;) {
    size = counted.size;
    for (const { pid, parent } of all) if (counted.has(parent)) counted.add(pid);
  }
  return all.reduce((sum, { pid, cpuS }) => sum + (counted.has(pid) ? cpuS : 0), 0);
}

type Process = { readonly pid: number; readonly parent: number; readonly cpuS: number };

/** What /proc counts in, on every architecture that Node runs on. */
const TICKS_PER_S = 100;

function processesOfProc(): Process[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/u.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      // After the name in parentheses: state, parent, …; utime and stime are the 14th and 15th of all.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const cpuS = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
      return [{ pid: Number(name), parent: Number(fields[1]), cpuS }];
    } catch {
      // It has ended since the folder was read.
      return [];
    }
  });
}

function processesOfPs(): Process[] {
  const lines = ps(['-A', '-o', 'pid=,ppid=,time=']).trim().split('\n');
  return lines.map((line) => {
    const [pid, parent, time = '0'] = line.trim().split(/\s+/u);
    const cpuS = time.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
    return { pid: Number(pid), parent: Number(parent), cpuS };
  });
}

function ps(args: readonly string[]): string {
  return execFileSync('ps', args, { encoding: 'utf8' });
}

/** An absolute path stays what it is. */
function pathOf(script: string): string {
  return resolve(import.meta.dirname, '..', script);
}
