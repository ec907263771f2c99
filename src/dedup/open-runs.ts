import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { StartupError } from '../lib/startup-error.ts';
import { makeFolder, syncFolder, TEMPORARY } from '../lib/files/durable-file.ts';
import { MANIFEST, readManifest, type Manifest } from './manifest.ts';
import { Run } from './sorted-run.ts';

export const RUN_PREFIX = 'run-';

/** What the entries have to fit, or else they are made again. */
export type Wanted = {
  readonly owner: string;
  readonly values: boolean;
  readonly windowPeriods: number;
  /** The last position that the owner knows. */
  readonly lastPosition: number;
};

export type OpenedRuns = { readonly runs: readonly Run[]; readonly coveredThrough: number };

/**
 * Opens the runs of a folder, from the newest to the oldest; makes the folder when it is missing. If anything
 * is missing, damaged, foreign or of another version, none is left and nothing is covered. What the manifest
 * does not name, a crash has left: it is deleted.
 */
export function openRuns(folder: string, wanted: Wanted): OpenedRuns {
  makeOwnFolder(folder);
  const manifest = readManifest(folder);
  const runs =
    manifest !== undefined && fits(manifest, wanted) ? open(folder, manifest) : undefined;
  if (manifest === undefined || runs === undefined) {
    // First of all, and on disk: a manifest must not outlive its runs.
    rmSync(join(folder, MANIFEST), { force: true });
    syncFolder(folder);
    removeAllBut(folder, []);
    return { runs: [], coveredThrough: 0 };
  }
  removeAllBut(
    folder,
    manifest.runs.map(({ file }) => file),
  );
  return { runs, coveredThrough: manifest.coveredThrough };
}

function makeOwnFolder(folder: string): void {
  try {
    makeFolder(folder);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartupError(`Cannot make the folder ${folder}: ${reason}`);
  }
}

/** A copy of the folder that is newer than the journal covers positions that will come again. */
function fits(manifest: Manifest, wanted: Wanted): boolean {
  return (
    manifest.owner === wanted.owner &&
    manifest.values === wanted.values &&
    manifest.windowPeriods >= wanted.windowPeriods &&
    manifest.coveredThrough <= wanted.lastPosition
  );
}

function open(folder: string, manifest: Manifest): Run[] | undefined {
  const runs: Run[] = [];
  try {
    for (const entry of manifest.runs) runs.push(Run.open(folder, entry));
    return runs;
  } catch {
    // Whatever it is that cannot be read: all that is here can be made again.
    for (const run of runs) run.close();
    return undefined;
  }
}

function removeAllBut(folder: string, kept: readonly string[]): void {
  for (const file of readdirSync(folder)) {
    const isOurs = file.startsWith(RUN_PREFIX) || file.endsWith(TEMPORARY);
    if (isOurs && !kept.includes(file)) rmSync(join(folder, file), { force: true });
  }
}
