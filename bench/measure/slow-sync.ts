/**
 * A disk that takes longer to sync, without one: a library of two functions, compiled here with the machine's own
 * C compiler and preloaded into a server. Linux only.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { platform } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('slow-sync.c', import.meta.url));

/** Compiles it into `folder`, which other users may have to enter; a text says why that cannot be done. */
export function compileSlowSync(folder: string): { library: string } | { reason: string } {
  if (platform() !== 'linux') return { reason: 'sync delays are injected on Linux only' };
  const library = join(folder, 'slow-sync.so');
  for (const compiler of ['cc', 'gcc', 'clang']) {
    try {
      const args = ['-shared', '-fPIC', '-O2', '-o', library, SOURCE, '-ldl'];
      execFileSync(compiler, args, { stdio: 'ignore' });
      chmodSync(library, 0o755);
      return { library };
    } catch {
      // Not installed, or unable to: the next one may be.
    }
  }
  return { reason: 'no C compiler (cc, gcc, clang) to build the delay with' };
}

/** The environment of a server whose syncs take this much longer. */
export function slowSyncEnv(library: string, delayMs: number): Record<string, string> {
  return { LD_PRELOAD: library, SLOW_SYNC_US: String(Math.round(delayMs * 1000)) };
}
