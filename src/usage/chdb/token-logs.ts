/**
 * The engine's lists of tokens: `deduplication_logs/` of each table, a line for each part that was inserted. A part's line is
 * written just before the part gets its name, and never synced. So a crash can leave a line without a part: the same insert
 * would be a no-op from then on, and its rows lost (shown by a kill at each rename). And a power cut leaves parts without their
 * lines, or the beginning of a line, which the engine cannot read. Hence no token outlives its process: what an earlier one
 * may have inserted is known by its rows (`restore` of the account).
 *
 * A line: 1 (added) or 2 (dropped), the part, the token's hash; a part is named by partition, first and last insert, level.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const LOGS = 'deduplication_logs';
const ADDED = /^1\t([^\t]+)\t/u;
const DROPPED = /^2\t([^\t]+)\t/u;
const PART = /^([^_]+)_(\d+)_(\d+)_\d+(?:_\d+)?$/u;

/** Before the engine opens the folder: removes the lists. One that comes back after a power cut, the next start removes. */
export function dropTokens(usageFolder: string): void {
  for (const { file } of logsBelow(usageFolder)) rmSync(file);
}

/**
 * Whether an insert that failed has left a token that stands for nothing: of a part that is not there, by itself or merged with
 * others. No insert may be running.
 */
export function hasEmptyTokens(usageFolder: string): boolean {
  return logsBelow(usageFolder).some(({ lines, isEmpty }) => lines.some(isEmpty));
}

type Log = {
  readonly file: string;
  readonly lines: readonly string[];
  /** Whether no part has the rows of a line. */
  readonly isEmpty: (line: string) => boolean;
};

function logsBelow(usageFolder: string): readonly Log[] {
  return tablesBelow(usageFolder).flatMap((table) => {
    const parts = readdirSync(table).flatMap(toPart);
    const logs = readdirSync(join(table, LOGS))
      .filter((name) => /^deduplication_log_\d+\.txt$/u.test(name))
      .map((name) => join(table, LOGS, name))
      .map((file) => ({ file, lines: readFileSync(file, 'latin1').split('\n') }));
    // With its month, by a prune.
    const dropped = new Set(
      logs.flatMap(({ lines }) => lines.flatMap((line) => DROPPED.exec(line)?.[1] ?? [])),
    );
    const isEmpty = (line: string): boolean => {
      const name = ADDED.exec(line)?.[1] ?? '';
      const [added] = toPart(name);
      if (added === undefined || dropped.has(name)) return false;
      return !parts.some((part) => contains(part, added));
    };
    return logs.map((log) => ({ ...log, isEmpty }));
  });
}

/** Those that remember tokens. */
function tablesBelow(usageFolder: string): readonly string[] {
  const store = join(usageFolder, 'store');
  if (!existsSync(store)) return [];
  return readdirSync(store)
    .flatMap((start) => readdirSync(join(store, start)).map((id) => join(store, start, id)))
    .filter((table) => existsSync(join(table, LOGS)));
}

type Part = { readonly partition: string; readonly first: number; readonly last: number };

/** None for other files, such as a part that has no name yet. */
function toPart(name: string): readonly Part[] {
  const [, partition = '', first, last] = PART.exec(name) ?? [];
  return last === undefined ? [] : [{ partition, first: Number(first), last: Number(last) }];
}

function contains(whole: Part, part: Part): boolean {
  return whole.partition === part.partition && whole.first <= part.first && part.last <= whole.last;
}
