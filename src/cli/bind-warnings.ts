/** What an operator should know of the door that is opened: who can come to it, and how many fit through. */
import { readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import type { ServeConfig } from '../config/config.ts';
import { log, logWarning } from '../lib/log.ts';

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

/** Whether `/metrics` is on the API's port: no key keeps strangers from it, so elsewhere only if it was asked for. */
export function hasMetrics({ host, metrics }: Pick<ServeConfig, 'host' | 'metrics'>): boolean {
  return metrics === 'api' || (metrics === 'loopback' && isLoopback(host));
}

export function warnOfOpenDoor({ host, metrics }: Pick<ServeConfig, 'host' | 'metrics'>): void {
  if (isLoopback(host)) return;
  logWarning(
    `Listening on ${host} without TLS: who can read the network reads keys and usage. ` +
      'Let a proxy with TLS stand in front, and nobody else reach this port.',
  );
  if (metrics === 'loopback') {
    log.info(
      'There is no /metrics on this port: --metrics PORT gives it one of its own, --metrics api this one.',
    );
  } else if (metrics === 'api') {
    logWarning('/metrics is on this port, for whoever reaches it: it tells how much is metered.');
  }
}

/**
 * How many connections may be open: as many as were asked for, and no more than half of the files that the process may
 * open. Else connections could take what the stores need, and slow ones would keep everybody out.
 */
export function connectionsWithin(asked: number, filesMax = openFilesMax()): number {
  const most = Math.floor(filesMax / 2);
  if (most >= asked) return asked;
  logWarning(
    `At most ${most} connections instead of ${asked}: the process may open ${filesMax} files (ulimit -n).`,
  );
  return most;
}

/** Node raises its own limit to the hard one. Infinity where there is no such file, as on macOS. */
function openFilesMax(): number {
  try {
    const soft = /^Max open files\s+(\d+)/mu.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return soft === undefined ? Infinity : Number(soft);
  } catch {
    return Infinity;
  }
}
