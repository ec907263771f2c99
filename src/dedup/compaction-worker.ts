/** The thread that writes runs and manifests: it sorts, merges and waits for the disk, so that nobody else does. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort } from 'node:worker_threads';
import { writeManifest } from './manifest.ts';
import type { Shard } from './memtable.ts';
import { writeRun, type RunOrder } from './run-writer.ts';
import type { WrittenRun } from './sorted-run.ts';
import { RunSource, TableSource } from './merge-sources.ts';

/** The calls that cross the thread, by name. */
const calls = {
  /** The worker reads the table's own memory: nobody may add to it any more. */
  writeTable(order: RunOrder, shards: readonly Shard[]): WrittenRun {
    return writeRun(order, [new TableSource(shards)]);
  },

  /** From the newest to the oldest. */
  mergeRuns(order: RunOrder, files: readonly string[]): WrittenRun {
    const sources: RunSource[] = [];
    try {
      for (const file of files) sources.push(new RunSource(order.folder, file));
      return writeRun(order, sources);
    } finally {
      for (const source of sources) source.close();
    }
  },

  writeManifest,

  removeFiles(folder: string, files: readonly string[]): void {
    for (const file of files) rmSync(join(folder, file), { force: true });
  },
};

export type Calls = typeof calls;
export type Call = { readonly id: number; readonly name: keyof Calls; readonly args: unknown[] };
export type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: unknown };

parentPort?.on('message', ({ id, name, args }: Call) => {
  try {
    const value = (calls[name] as (...args: unknown[]) => unknown)(...args);
    parentPort?.postMessage(
      { id, value } satisfies Reply,
      buffersOf(value as WrittenRun | undefined),
    );
  } catch (error) {
    parentPort?.postMessage({ id, error } satisfies Reply);
  }
});

/** What is handed over, not copied. */
function buffersOf(written: WrittenRun | undefined): ArrayBuffer[] {
  return written === undefined ? [] : [written.memory.filter.buffer, written.memory.index.buffer];
}
