import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { removeFolder, type Cleanups } from '../measure/cleanups.ts';
import type { Size } from '../options.ts';
import type { Report } from '../report/report.ts';

/** What every scene is given. */
export type Context = {
  readonly cleanups: Cleanups;
  readonly report: Report;
  readonly size: Size;
  /** Where scenes make their folders. */
  readonly parent: string;
  /** The folder of PostgreSQL's programs; undefined: not installed. */
  readonly postgresBin: string | undefined;
};

/** As many as a busy service holds open; the same for every server. */
export const CONNECTIONS = 64;
/** What Stripe's stream takes in one request. */
export const BATCH = 100;

/** Runs with a folder of its own, which is gone afterwards. */
export async function withFolder<T>(
  { parent, cleanups }: Context,
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(parent, 'taximeter-bench-'));
  cleanups.add(() => removeFolder(folder));
  const result = await use(folder);
  removeFolder(folder);
  return result;
}
