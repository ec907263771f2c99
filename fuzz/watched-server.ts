/** A server that is asked for its health, its memory and its count while something is done to it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { call } from '../test/support/http.ts';
import { runCli, Server } from '../test/support/server.ts';
import { servingCpuMs } from '../test/support/serving-thread.ts';

/** Of CPU, that the serving thread uses at most before it has answered /healthz, which is asked for all the while. */
const HEALTH_CPU_MS_MAX = 1_000;
const RESIDENT_KB_MAX = 2 * 1024 * 1024;

export type Watched = {
  readonly slowestHealthMs: number;
  readonly longestHealthCpuMs: number;
  readonly residentMB: number;
};

/**
 * Starts a server, prepares with `begin` and does what that returns, until the time is over. Fails for a server that logs a
 * failure, holds up /healthz, grows or miscounts.
 */
export async function onWatchedServer(
  forMs: number,
  begin: (server: Server, endMs: () => number) => Promise<() => Promise<void>>,
): Promise<Watched> {
  const server = await Server.start({ args: ['--log-level', 'warn'] });
  try {
    let endMs = Infinity;
    const work = await begin(server, () => endMs);
    endMs = performance.now() + forMs;
    const health = askForHealth(server, endMs);
    await work();
    const { slowestHealthMs, longestHealthCpuMs } = await health;
    assert.ok(
      longestHealthCpuMs < HEALTH_CPU_MS_MAX,
      `/healthz came after ${longestHealthCpuMs} ms of CPU`,
    );
    const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
    const residentKB = Number(/VmHWM:\s+(\d+)/u.exec(status)?.[1]);
    assert.ok(residentKB < RESIDENT_KB_MAX, `${residentKB} kB resident`);
    assert.equal(server.stderr, '', 'a failure was logged');
    assert.equal((await server.stop()).code, 0);
    const audit = await runCli(['audit', '--data', server.folder]);
    assert.equal(audit.code, 0, audit.stdout + audit.stderr);
    return { slowestHealthMs, longestHealthCpuMs, residentMB: Math.round(residentKB / 1024) };
  } finally {
    await server.remove();
  }
}

async function askForHealth(
  server: Server,
  endMs: number,
): Promise<Pick<Watched, 'slowestHealthMs' | 'longestHealthCpuMs'>> {
  let [slowestMs, longestHealthCpuMs] = [0, 0];
  while (performance.now() < endMs) {
    const [startMs, startCpuMs] = [performance.now(), servingCpuMs(server.pid)];
    assert.equal((await call(server, { path: '/healthz' })).status, 200);
    slowestMs = Math.max(slowestMs, performance.now() - startMs);
    longestHealthCpuMs = Math.max(longestHealthCpuMs, servingCpuMs(server.pid) - startCpuMs);
  }
  return { slowestHealthMs: Math.round(slowestMs), longestHealthCpuMs };
}
