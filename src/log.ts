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
  process.stderr.write(`${JSON.stringify({ level: 'error', message, ...fields, reason })}\n`);
}

export function logWarning(message: string): void {
  process.stderr.write(`${JSON.stringify({ level: 'warning', message })}\n`);
}
