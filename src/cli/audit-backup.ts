/**
 * `taximeter audit --backup`: restores the backup into a folder for temporary files, audits that, and removes it. Both run as
 * processes of their own, so that a signal ends them at any moment, and the folder goes all the same.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readManifest } from '../ops/backup/manifest.ts';
import { exit } from '../lib/log.ts';
import { StartupError } from '../lib/startup-error.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Ends the process with the exit code of what failed, if something did. `flags` are those of the audit. */
export async function auditBackup(backup: string, flags: readonly string[]): Promise<void> {
  refuseShortOfRoom(backup);
  const commands = new Commands();
  const folder = mkdtempSync(join(tmpdir(), 'taximeter-audit-'));
  let code: number;
  try {
    const data = join(folder, 'data');
    code = await commands.run(['restore', '--from', backup, '--data', data], 'ignore');
    if (code === 0) code = await commands.run(['audit', '--data', data, ...flags], 'inherit');
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
  if (code !== 0) await exit(code);
}

/** Other commands of ours, one after the other; a signal to this process ends the one that runs, and all that would come. */
class Commands {
  #child: ChildProcess | undefined;
  #isStopped = false;

  constructor() {
    for (const signal of SIGNALS) {
      process.on(signal, () => {
        this.#isStopped = true;
        this.#child?.kill('SIGKILL');
      });
    }
  }

  /** Answers the exit code, 1 when a signal ended it. */
  async run(args: readonly string[], stdout: 'ignore' | 'inherit'): Promise<number> {
    if (this.#isStopped) return 1;
    const [main = ''] = process.argv.slice(1);
    const child = spawn(process.execPath, [...process.execArgv, main, ...args], {
      stdio: ['ignore', stdout, 'inherit'],
    });
    this.#child = child;
    const [code] = (await once(child, 'exit')) as [number | null];
    return code ?? 1;
  }
}

function refuseShortOfRoom(backup: string): void {
  const needed = readManifest(backup).files.reduce((sum, { bytes }) => sum + bytes, 0);
  const { bavail, bsize } = statfsSync(tmpdir());
  if (needed <= bavail * bsize) return;
  throw new StartupError(
    `${tmpdir()} has too little room to restore ${backup} into, which is ${needed} bytes: set TMPDIR to a folder that has.`,
  );
}
