/** What an operator finds in a stopped folder about events that were answered and not counted. */
import { join } from 'node:path';
import { drainPending, Session } from 'chdb';

export type RejectionRow = {
  readonly namespace: string;
  readonly received_at_ms: number;
  readonly event_name: string;
  readonly identifier: string;
  readonly meter: string;
  readonly sent: string;
  readonly code: string;
  readonly message: string;
  readonly request_id: string;
};

/** Every rejected event, in the order of arrival. The server must have stopped: one process may hold a folder. */
export async function readRejections(folder: string): Promise<readonly RejectionRow[]> {
  const session = new Session(join(folder, 'usage'));
  try {
    const lines = session.query(
      `SELECT namespace, toUnixTimestamp64Milli(received_at) AS received_at_ms, event_name, identifier,
         meter, sent, code, message, request_id
       FROM rejections ORDER BY sequence
       SETTINGS output_format_json_quote_64bit_integers = 0`,
      'JSONEachRow',
    );
    return lines
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as RejectionRow);
  } finally {
    session.close();
    await drainPending();
  }
}
