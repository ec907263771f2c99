import { redactSecrets } from './redact.ts';

/**
 * Whoever reads our output may go away, and the disk that it goes to may be full. Neither is a reason to stop
 * metering: without a listener, Node would end the process.
 */
export function outliveOutput(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
}

/** One JSON line on stderr for each thing that an operator should know of. Never a key, never a body. */
export function logError(message: string, error: unknown, fields: object = {}): void {
  const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
  write({ level: 'error', message, ...fields, reason });
}

export function logWarning(message: string): void {
  write({ level: 'warning', message });
}

function write(line: object): void {
  process.stderr.write(`${redactSecrets(JSON.stringify(line))}\n`);
}
