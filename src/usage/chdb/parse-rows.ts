/** Reads ClickHouse's JSONCompactEachRow: one JSON array a line; no rows in empty text. */
import { parseJson } from '../../domain/parse-json.ts';
import { Turns } from '../../lib/turns.ts';

/** Some milliseconds of the serving thread. */
const PIECE_LENGTH = 256 * 1024;

export function parseRows<Row>(text: string): Row[] {
  const lines = text.trimEnd();
  if (lines === '') return [];
  // The engine wrote these lines for a query of ours, so their shape is known.
  return parseJson(`[${lines.replaceAll('\n', ',')}]`) as Row[];
}

/** The same of any length: others have their turn meanwhile. */
export async function parseInTurns<Row>(text: string): Promise<Row[]> {
  const rows: Row[] = [];
  const turns = new Turns();
  for (let start = 0; start < text.length;) {
    const cut = text.indexOf('\n', start + PIECE_LENGTH);
    const end = cut === -1 ? text.length : cut + 1;
    for (const row of parseRows<Row>(text.slice(start, end))) rows.push(row);
    start = end;
    await turns.next();
  }
  return rows;
}
