/** What an operator finds in the usage store of a stopped folder. One process may hold a folder. */
import { join } from 'node:path';
import { drainPending, Session } from 'chdb';

export async function readStored<Row>(folder: string, sql: string): Promise<Row[]> {
  const session = new Session(join(folder, 'usage'));
  try {
    const lines = session.query(
      `${sql} SETTINGS output_format_json_quote_64bit_integers = 0`,
      'JSONCompactEachRow',
    );
    return lines
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Row);
  } finally {
    session.close();
    await drainPending();
  }
}
