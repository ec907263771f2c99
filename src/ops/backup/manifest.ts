/** The manifest says what a backup consists of. It is written last: without it, a folder is no backup. */
import { createHash } from 'node:crypto';
import { closeSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MANIFEST } from '../../lib/files/folder-rules.ts';
import { openPlainFile } from '../../lib/files/plain-file.ts';
import { StartupError } from '../../lib/startup-error.ts';

/** The data folder within a backup. */
export const DATA = 'data';
/** Of the manifest and of the backup's layout. The parts of the data folder have versions of their own. */
export const FORMAT = 1;

export type FileEntry = { readonly path: string; readonly bytes: number; readonly sha256: string };
export type LinkEntry = { readonly path: string; readonly target: string };

export type Manifest = {
  readonly format: number;
  /** The release that made it. */
  readonly release: string;
  readonly createdAt: string;
  /** Every fact up to this one is in the backup, and none after it. */
  readonly sequence: number;
  /** Below the data folder of the backup. */
  readonly files: readonly FileEntry[];
  /** Symbolic links, of which the usage store has one. */
  readonly links: readonly LinkEntry[];
};

export function writeManifest(backup: string, manifest: Manifest): void {
  const kept = { sha256: sha256Of(manifest), manifest };
  writeFileSync(join(backup, MANIFEST), `${JSON.stringify(kept, null, 1)}\n`, { flush: true });
}

/** Throws StartupError when there is none, or when it is damaged or of a newer version. */
export function readManifest(backup: string): Manifest {
  const path = join(backup, MANIFEST);
  const manifest = wholeManifest(readText(backup, path));
  if (manifest === undefined) throw new StartupError(`The backup is damaged: ${path}.`);
  if (manifest.format > FORMAT) {
    throw new StartupError(
      `The backup ${backup} was made by a newer version of Taximeter (${manifest.release}, format ` +
        `${manifest.format}; this one knows up to ${FORMAT}). Restore it with that version or a later one.`,
    );
  }
  if (!isWellFormed(manifest)) throw new StartupError(`The backup is damaged: ${path}.`);
  return manifest;
}

function readText(backup: string, path: string): string {
  let fd: number;
  try {
    fd = openPlainFile(path);
  } catch {
    throw new StartupError(`${backup} is no finished backup: it has no ${MANIFEST}.`);
  }
  try {
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

/** Anybody can compute the sum of a manifest that says something else. */
function isWellFormed({ sequence, createdAt, release, files, links }: Partial<Manifest>): boolean {
  return (
    Number.isSafeInteger(sequence) &&
    typeof createdAt === 'string' &&
    typeof release === 'string' &&
    areAll(files, { path: 'string', bytes: 'number', sha256: 'string' }) &&
    areAll(links, { path: 'string', target: 'string' })
  );
}

function areAll(entries: unknown, types: Readonly<Record<string, 'string' | 'number'>>): boolean {
  const isEntry = (entry: unknown): boolean =>
    typeof entry === 'object' &&
    entry !== null &&
    Object.entries(types).every(([name, type]) => typeof Reflect.get(entry, name) === type);
  return Array.isArray(entries) && entries.every(isEntry);
}

function wholeManifest(text: string): Manifest | undefined {
  try {
    const kept = JSON.parse(text) as { sha256?: unknown; manifest?: Manifest } | null;
    const manifest = kept?.manifest;
    return manifest && kept?.sha256 === sha256Of(manifest) ? manifest : undefined;
  } catch {
    return undefined;
  }
}

function sha256Of(manifest: Manifest): string {
  return createHash('sha256').update(JSON.stringify(manifest)).digest('hex');
}
