/** The journal's thread: answers one call after the other, in the order in which they came. */
import { parentPort, workerData } from 'node:worker_threads';
import { StartupError } from '../../lib/startup-error.ts';
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
  | 'beginCopy'
  | 'copyReceipts'
  | 'endCopy'
  | 'moved'
  | 'startAccount'
  | 'giveUpAccount'
  | 'keptRows'
  | 'neighbour'
  | 'close'
>;
export type Call = { readonly id: number; readonly name: keyof Calls; readonly args: unknown[] };
export type Reply =
  | { readonly id: number; readonly value: unknown }
  | {
      readonly id: number;
      readonly error: unknown;
      readonly code?: unknown;
      readonly startup?: string;
    };

/** These write into another file: that they fail says nothing of the journal's own. */
const ELSEWHERE: ReadonlySet<keyof Calls> = new Set(['beginCopy', 'copyReceipts', 'endCopy']);

/** The id of the reply that says the file is open (its value is an Opened) or cannot be opened. */
export const OPENED = 0;

export type Opened = Pick<SqliteJournal, 'state' | 'isTorn'>;
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
        // That what was asked for is damaged, or another file cannot be written, says nothing of what is written next.
        if (!READS.has(call.name) && !ELSEWHERE.has(call.name)) {
          failed ??= error instanceof Error ? error : new Error(String(error));
        }
        // An error that crosses threads loses all but its message and stack.
        const code = error instanceof Error && 'code' in error ? error.code : undefined;
        port.postMessage({ id: call.id, error, code, ...asStartup(error) } satisfies Reply);
      }
    });
    const { state, isTorn } = journal;
    port.postMessage({ id: OPENED, value: { state, isTorn } satisfies Opened } satisfies Reply);
  } catch (error) {
    port.postMessage({ id: OPENED, error, ...asStartup(error) } satisfies Reply);
    port.close();
  }
}

/** The class of an error does not cross the thread. */
function asStartup(error: unknown): { startup?: string } {
  return error instanceof StartupError ? { startup: error.message } : {};
}
