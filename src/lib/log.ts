/**
 * The operator's log: one JSON line an event, on stderr. stdout is for the person who started the server: the
 * address, and the first key, which is in no log.
 *
 * No key, token, body or query is ever given to it; a secret that came in some error's text is cut on the way out.
 * Lines are written beside the serving thread: a reader that hangs holds nothing up, and a disk without room, or a
 * reader that has gone, ends nothing.
 */
import { writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import pino from 'pino';
import { redactSecrets } from './redact.ts';
import { toTerminal } from './terminal.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What may wait for a reader of the log (P10). Past it lines are dropped, and counted. */
const WAITING_BYTES_MAX = 4 * 1024 * 1024;

/** The process has one log, as it has one stderr. */
const output = pino.destination({ fd: 2, sync: false, maxLength: WAITING_BYTES_MAX });
output.on('error', () => undefined);
output.on('drop', () => (logCounts.dropped += 1));

export const log = pino(
  {
    base: null,
    messageKey: 'message',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (level) => ({ level }) },
    hooks: { streamWrite: toSafeLine },
  },
  output,
);

/** Lines that were dropped, since nobody read them. */
export const logCounts = { dropped: 0 };

export function setLogLevel(level: LogLevel): void {
  log.level = level;
}

/** With the error's stack and causes. `fields` may have a `requestId`. */
export function logError(message: string, error: unknown, fields: object = {}): void {
  const err = error instanceof Error ? error : new Error(String(error));
  log.error({ ...fields, err }, message);
}

export function logWarning(message: string, fields: object = {}): void {
  log.warn(fields, message);
}

/** How long the last lines may take to be written when the process ends. */
const LAST_LINES_MS = 500;

/** A line that is written when the call returns: threads that write may hang with the disk that is the reason for it. */
export function logWarningAtOnce(message: string): void {
  const line = `{"level":"warn"${pino.stdTimeFunctions.isoTime()},"message":${JSON.stringify(message)}}\n`;
  try {
    writeSync(2, toSafeLine(line));
  } catch {
    // Nobody reads it.
  }
}

/** Ends the process. A reader of the log that hangs, or a disk without room for it, is not waited for. */
export async function exit(code: number): Promise<never> {
  const written = new Promise((resolve) => output.once('close', resolve));
  output.end();
  await Promise.race([written, delay(LAST_LINES_MS)]);
  output.destroy();
  process.exit(code);
}

/** The line as it may be shown on any terminal, still the same JSON: that has no control character but the line's end. */
export function toSafeLine(line: string): string {
  const end = line.endsWith('\n') ? '\n' : '';
  return toTerminal(redactSecrets(line.slice(0, line.length - end.length))) + end;
}

/**
 * Whoever reads our output may go away, and the disk that it goes to may be full. Neither is a reason to stop
 * metering: without a listener, Node would end the process.
 */
export function outliveOutput(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
}
