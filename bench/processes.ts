import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { LoadOptions, LoadResult } from './client.ts';

export const KEY = 'sk_test_bench0123456789abcdef';

export type Running = {
  readonly child: ChildProcess;
  readonly port: number;
  readonly readyMs: number;
};

/** Starts a script of the repo and waits for the line that names its port. */
export async function start(script: string, ...args: readonly string[]): Promise<Running> {
  const startMs = performance.now();
  const child = spawn(process.execPath, [pathOf(script), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TAXIMETER_SECRET_KEY: KEY },
  });
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

export async function stop({ child }: Running): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}

/** One run of the client, in a process of its own. */
export async function load(options: Omit<LoadOptions, 'key'>): Promise<LoadResult> {
  const argument = JSON.stringify({ ...options, key: KEY });
  const { stdout } = await promisify(execFile)(process.execPath, [pathOf('client.ts'), argument]);
  return JSON.parse(stdout) as LoadResult;
}

export function rssMiB({ child }: Running): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return Math.round(Number(/VmRSS:\s+(\d+)/u.exec(status)?.[1]) / 1024);
}

function pathOf(script: string): string {
  return fileURLToPath(new URL(script, import.meta.url));
}
