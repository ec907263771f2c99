/**
 * How long this disk takes to make an append durable. Run as a script, it prints the latencies as JSON: for a
 * process with a slower sync preloaded.
 *
 *   node bench/measure/disk-sync.ts <folder> <milliseconds>
 */
import { closeSync, fdatasyncSync, openSync, statfsSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const APPEND_BYTES = 4096;
/** What `statfs` calls a file system in memory. */
const TMPFS = 0x01021994;

/**
 * How long `fdatasync` takes after an append of 4 KiB, in milliseconds: the least that a durable answer can
 * take. Measured in `folder` for `durationMs`; at least one sample.
 */
export function syncLatenciesMs(folder: string, durationMs: number): number[] {
  const file = join(folder, 'sync-probe');
  const descriptor = openSync(file, 'w');
  const bytes = Buffer.alloc(APPEND_BYTES, 1);
  const latencies: number[] = [];
  const endMs = performance.now() + durationMs;
  try {
    do {
      writeSync(descriptor, bytes);
      const startMs = performance.now();
      fdatasyncSync(descriptor);
      latencies.push(performance.now() - startMs);
    } while (performance.now() < endMs);
  } finally {
    closeSync(descriptor);
    unlinkSync(file);
  }
  return latencies;
}

/** Whether a folder is memory, where nothing is ever durable. */
export function isMemory(folder: string): boolean {
  return statfsSync(folder).type === TMPFS;
}

if (import.meta.main) {
  const [folder = '.', durationMs = '1000'] = process.argv.slice(2);
  console.log(JSON.stringify(syncLatenciesMs(folder, Number(durationMs))));
}
