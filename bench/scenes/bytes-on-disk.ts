import { join } from 'node:path';
import { Session } from 'chdb';
import { toFigure } from '../measure/statistics.ts';
import { atMost } from '../report/row.ts';
import type { Context } from './context.ts';

const BYTES_MAX = 40;

type Stored = { events: number; bytes: number; hours: number };

/**
 * A row: what a stopped data folder's usage store takes of disk, once nothing is left to merge. Answers how many
 * events are stored.
 */
export function bytesOnDisk({ report }: Context, group: string, data: string): number {
  const session = new Session(join(data, 'usage'));
  try {
    const before = toBytesAnEvent(look(session));
    for (const table of mergeTrees(session)) session.query(`OPTIMIZE TABLE ${table} FINAL`);
    const after = look(session);
    const figure = toFigure([toBytesAnEvent(after)]);
    const density = (after.events / after.hours).toFixed(1);
    report.add({
      group,
      what: 'on disk after all merges, an event',
      unit: 'B',
      figure,
      target: atMost(BYTES_MAX, figure, 'B'),
      note: `rollup included, ${density} events a customer and hour; ${before.toFixed(1)} B before`,
    });
    return after.events;
  } finally {
    session.close();
  }
}

function look(session: Session): Stored {
  const sql = `
    SELECT
      (SELECT count() FROM events) AS events,
      (SELECT count() FROM usage_hourly) AS hours,
      sum(bytes_on_disk) AS bytes
    FROM system.parts
    WHERE active AND database = currentDatabase()
    SETTINGS output_format_json_quote_64bit_integers = 0`;
  return JSON.parse(session.query(sql, 'JSONEachRow')) as Stored;
}

function toBytesAnEvent({ events, bytes }: Stored): number {
  return bytes / events;
}

function mergeTrees(session: Session): string[] {
  const sql = `
    SELECT name FROM system.tables
    WHERE database = currentDatabase() AND engine LIKE '%MergeTree'`;
  return session.query(sql, 'TSV').trim().split('\n');
}
