/** The journal's thread: answers one call after the other, in the order in which they came. */
import { parentPort, workerData } from 'node:worker_threads';
import { StartupError } from '../../startup-error.ts';
import { SqliteJournal } from './sqlite-journal.ts';

/** The calls that cross the thread, by name. */
export type Calls = Pick<
  SqliteJournal,
  | 'commit'
  | 'planFlush'
  | 'finishFlush'
  | 'receipts'
  | 'receiptsAfter'
  | 'answerBody'
  | 'pruneReceipts'
  | 'moved'
  | 'startAccount'
  | 'keptRows'
  | 'neighbour'
  | 'close'
>;
export type Call = { readonly id: number; readonly name: keyof Calls; readonly args: unknown[] };
export type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: unknown; readonly startup?: string };

/** The id of the reply that says the file is open (its value is the JournalState) or cannot be opened. */
export const OPENED = 0;

export type OpenOptions = { readonly file: string; readonly acceptTornLog: boolean };

const READS: ReadonlySet<keyof Calls> = new Set(['receipts', 'receiptsAfter', 'answerBody']);

if (parentPort !== null) {
  const port = parentPort;
  try {
    const { file, acceptTornLog } = workerData as OpenOptions;
    const journal = new SqliteJournal(file, acceptTornLog);
    let failed: Error | undefined;
    port.on('message', (call: Call) => {
      try {
        // A write that failed once must not look as if a retry had made it good.
        if (failed !== undefined && call.name !== 'close') throw failed;
        const method = journal[call.name] as (...args: unknown[]) => unknown;
        port.postMessage({ id: call.id, value: method.apply(journal, call.args) } satisfies Reply);
        if (call.name === 'close') port.close();
      } catch (thrown) {
        const error = journal.explain(thrown);
        // That what was asked for is damaged says nothing of what is written next.
        if (!READS.has(call.name))
          failed ??= error instanceof Error ? error : new Error(String(error));
        port.postMessage({ id: call.id, error, ...asStartup(error) } satisfies Reply);
      }
    });
    port.postMessage({ id: OPENED, value: journal.state } satisfies Reply);
  } catch (error) {
    port.postMessage({ id: OPENED, error, ...asStartup(error) } satisfies Reply);
    port.close();
  }
}

/** The class of an error does not cross the thread. */
function asStartup(error: unknown): { startup?: string } {
  return error instanceof StartupError ? { startup: error.message } : {};
}
