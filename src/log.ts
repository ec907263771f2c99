/** One JSON line on stderr for each thing that an operator should know of. Never a key, never a body. */
export function logError(message: string, error: unknown, fields: object = {}): void {
  const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`${JSON.stringify({ level: 'error', message, ...fields, reason })}\n`);
}

export function logWarning(message: string): void {
  process.stderr.write(`${JSON.stringify({ level: 'warning', message })}\n`);
}
