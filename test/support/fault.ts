/**
 * Makes system calls of a running process fail, by strace, which never hands them to the kernel then: a disk that
 * answers EIO. It says nothing of what a failing disk would hold, only of what the process makes of the error.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Why this machine cannot do it; undefined when it can. */
export async function noFaults(): Promise<string | undefined> {
  const { error } = spawnSync('strace', ['-V']);
  if (error !== undefined) return 'this machine has no strace';
  const child = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
  const strace = spawn('strace', ['-p', String(child.pid)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(strace, 'close');
  let said = '';
  strace.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    // Which ends strace too. One that may not trace ends by itself.
    if (said.includes('attached')) child.kill();
  });
  await ended;
  child.kill();
  return said.includes('attached') ? undefined : 'this machine lets nobody trace a process';
}

export type FaultPlan = {
  readonly calls: readonly ('write' | 'pwrite64' | 'fdatasync' | 'fsync' | 'rename')[];
  /** Only on this file or folder, as the process opened it; undefined: on all. */
  readonly path?: string;
  /** Which of these calls of a thread fail, as strace counts: `1`, `3+`. */
  readonly when?: string;
  /** The process is killed instead of being told. */
  readonly kills?: boolean;
};

export class Fault {
  readonly #strace: ChildProcess;
  output = '';

  private constructor(strace: ChildProcess) {
    this.#strace = strace;
    strace.stderr?.setEncoding('utf8').on('data', (text: string) => (this.output += text));
  }

  /** Returns when the calls fail from now on. */
  static async begin(
    pid: number,
    { calls, path, when = '1+', kills = false }: FaultPlan,
  ): Promise<Fault> {
    const signal = kills ? ':signal=KILL' : '';
    const fault = `inject=${calls.join(',')}:error=EIO${signal}:when=${when}`;
    const on = path === undefined ? [] : ['-P', path];
    const args = ['-f', ...on, '-e', `trace=${calls.join(',')}`, '-e', fault];
    const fails = new Fault(spawn('strace', [...args, '-p', String(pid)]));
    while (!fails.output.includes('attached')) await once(fails.#strace.stderr!, 'data');
    return fails;
  }

  /** How many calls have failed. */
  get failed(): number {
    return this.output.split('INJECTED').length - 1;
  }

  /** The calls are what they were. */
  async end(): Promise<void> {
    if (this.#strace.exitCode !== null || this.#strace.signalCode !== null) return;
    this.#strace.kill('SIGINT');
    await once(this.#strace, 'exit');
  }
}
