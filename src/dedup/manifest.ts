/**
 * The manifest says which runs there are and what they cover. A run that it does not name is none; so writing it
 * is what makes a seal or a merge true.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { writeDurably } from '../lib/files/durable-file.ts';
import type { RunEntry } from './sorted-run.ts';

export const MANIFEST = 'manifest.json';
/** Of the manifest, and of what it says about runs. */
export const FORMAT = 1;

export type Manifest = {
  readonly format: number;
  /** Whose entries these are: the id of the journal. */
  readonly owner: string;
  readonly values: boolean;
  /** What was longer ago than this may have been dropped. */
  readonly windowPeriods: number;
  /** Every entry with a position up to this one is in the runs, unless it is forgotten. */
  readonly coveredThrough: number;
  /** From the newest to the oldest. */
  readonly runs: readonly RunEntry[];
};

export function writeManifest(folder: string, manifest: Manifest): void {
  const text = JSON.stringify({ checksum: checksumOf(manifest), manifest });
  writeDurably(folder, MANIFEST, (fd) => writeFileSync(fd, `${text}\n`));
}

/** Undefined when there is none, or none that this version wrote whole. */
export function readManifest(folder: string): Manifest | undefined {
  let kept: { checksum?: unknown; manifest?: Manifest } | null;
  try {
    kept = JSON.parse(readFileSync(join(folder, MANIFEST), 'utf8')) as typeof kept;
  } catch {
    // Whatever it is that cannot be read: the runs are made again.
    return undefined;
  }
  const manifest = kept?.manifest;
  if (manifest === undefined || kept?.checksum !== checksumOf(manifest)) return undefined;
  return manifest.format === FORMAT ? manifest : undefined;
}

function checksumOf(manifest: Manifest): number {
  return crc32(JSON.stringify(manifest));
}
