/** Reads a real web server's log, Apache's combined format. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPO } from './server.ts';

export const ACCESS_LOG = join(REPO, '../shared/data/apache_access.log');

export type Hit = {
  readonly line: number;
  readonly client: string;
  readonly timeS: number;
  /** Undefined where the log has `-`. */
  readonly bytes: number | undefined;
};

/** The hits in the order of the file; undefined when the file is not there. */
export function readAccessLog(): readonly Hit[] | undefined {
  if (!existsSync(ACCESS_LOG)) return undefined;
  const lines = readFileSync(ACCESS_LOG, 'latin1').trimEnd().split('\n');
  return lines.map((text, index) => {
    const match =
      /^(\S+) \S+ \S+ \[(\d+)\/(\w+)\/(\d+):([\d:]+) ([+-]\d{4})\] "(?:[^"\\]|\\.)*" \d+ (\d+|-) /u.exec(
        text,
      );
    if (match === null) throw new Error(`line ${index + 1} is not in the combined format`);
    const [, client = '', day, month, year, time, zone, bytes] = match;
    const timeS = Date.parse(`${day} ${month} ${year} ${time} ${zone}`) / 1000;
    return { line: index + 1, client, timeS, bytes: bytes === '-' ? undefined : Number(bytes) };
  });
}
