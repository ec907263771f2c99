/**
 * The configuration: flags, then TAXIMETER_… in the environment, then defaults. The only reader of either.
 * Every wrong value is refused with one line that names it.
 */
import { parseArgs } from 'node:util';
import { PAST_DAYS } from '../domain/meter-events/measure.ts';
import { LOG_LEVELS, type LogLevel } from '../lib/log.ts';
import { toNamespace, type Namespace } from '../domain/namespace.ts';
import { parseRfc3339 } from '../domain/rfc3339.ts';
import { StartupError } from '../lib/startup-error.ts';

/** How long an event may come, is known by its identifier, and can be cancelled. */
export type Windows = {
  readonly cancelWindowHours: number | undefined;
  readonly pastDays: number;
  readonly identifierWindowDays: number;
};

export type ServeConfig = Windows & {
  readonly port: number;
  readonly host: string;
  readonly data: string;
  readonly secretKeys: readonly string[];
  readonly customers: 'any' | 'registered';
  /** What a duplicate of equal content is answered where the request does not say. */
  readonly duplicates: 'refuse' | 'ok';
  readonly identifiersInMemory: number;
  readonly journalBytesMax: number;
  /** Undefined: by the size of the disk. */
  readonly diskReserveBytes: number | undefined;
  readonly sessionMinutes: number;
  readonly streamEventsMax: number;
  readonly logLevel: LogLevel;
  /** On the port of the API (where only this machine reaches it, or always), on a port of their own, or nowhere. */
  readonly metrics: 'loopback' | 'api' | 'off' | { readonly port: number };
  /** How long a commit may take before the process counts as stuck. */
  readonly stuckSeconds: number;
  /** Requests a second of each key; undefined: any number. */
  readonly rateLimit: number | undefined;
  /** Wrong keys that an address may try in a minute; 0: any number. */
  readonly authFailuresMax: number;
  readonly proxies: number;
  readonly connectionsMax: number;
  /** How long a connection without a request lives. */
  readonly keepAliveSeconds: number;
  /** Whether plain requests are answered past node:http. */
  readonly httpFastPath: 'on' | 'off';
  readonly readSeconds: number;
  readonly stopSeconds: number;
  readonly eventsDays: number;
  readonly webhookAllowPrivate: boolean;
  readonly acceptTornLog: boolean;
  readonly auditIntervalSeconds: number;
};

/** Some 20 million events, a minute's worth at full speed: enough to outlast a restart of a store elsewhere. */
const JOURNAL_BYTES_MAX = 2 * 1024 ** 3;

/** More than a misconfigured client and its operator need to notice; a guesser gets 43,200 tries a day. */
const AUTH_FAILURES_MAX = 30;
/** Less than the 30 s that Kubernetes gives before it kills. */
const STOP_SECONDS = 25;
/** 105 MiB of table, and 150 MiB for as many answered keys. */
const IDENTIFIERS_IN_MEMORY = 4_000_000;

export type Env = Readonly<Record<string, string | undefined>>;

export const DATA = { type: 'string' } as const;
const WINDOWS = {
  'cancel-window-hours': { type: 'string' },
  'past-days': { type: 'string' },
  'identifier-window-days': { type: 'string' },
} as const;

export function readServeConfig(args: readonly string[], env: Env): ServeConfig {
  const values = parseFlags(args, {
    port: { type: 'string' },
    host: { type: 'string' },
    data: DATA,
    customers: { type: 'string' },
    duplicates: { type: 'string' },
    ...WINDOWS,
    'identifiers-in-memory': { type: 'string' },
    'journal-bytes-max': { type: 'string' },
    'disk-reserve-bytes': { type: 'string' },
    'session-minutes': { type: 'string' },
    'stream-events-max': { type: 'string' },
    'log-level': { type: 'string' },
    metrics: { type: 'string' },
    'stuck-seconds': { type: 'string' },
    'rate-limit': { type: 'string' },
    'auth-failures-max': { type: 'string' },
    proxies: { type: 'string' },
    'connections-max': { type: 'string' },
    'keep-alive-seconds': { type: 'string' },
    'http-fast-path': { type: 'string' },
    'read-seconds': { type: 'string' },
    'stop-seconds': { type: 'string' },
    'events-days': { type: 'string' },
    'webhook-allow-private': { type: 'boolean' },
    'accept-torn-log': { type: 'boolean' },
    'audit-interval-seconds': { type: 'string' },
  });
  const setting = (name: string): string | undefined => values[name] ?? envOf(env, name);
  const whole = (name: string, max: number, min = 1): number | undefined =>
    wholeNumber(name, setting(name), min, max);
  return {
    port: whole('port', 65_535, 0) ?? 4747,
    host: setting('host') ?? '127.0.0.1',
    data: dataFolder(values['data'], env),
    secretKeys: secretKeys(env['TAXIMETER_SECRET_KEY']),
    customers: customersOf(setting('customers')),
    duplicates: duplicatesOf(setting('duplicates')),
    ...windows(whole),
    identifiersInMemory: whole('identifiers-in-memory', 1e8, 100) ?? IDENTIFIERS_IN_MEMORY,
    journalBytesMax: whole('journal-bytes-max', 1e15, 1e6) ?? JOURNAL_BYTES_MAX,
    diskReserveBytes: whole('disk-reserve-bytes', 1e15, 0),
    // Both defaults are Stripe's.
    sessionMinutes: whole('session-minutes', 1440) ?? 15,
    streamEventsMax: whole('stream-events-max', 10_000) ?? 100,
    // Stripe keeps them for 30 days. Fewer than four would end before the retries of a delivery do.
    eventsDays: whole('events-days', 18_000, 4) ?? 30,
    auditIntervalSeconds: whole('audit-interval-seconds', 86_400, 0) ?? 60,
    // For one start, so a flag only.
    acceptTornLog: values['accept-torn-log'] !== undefined,
    webhookAllowPrivate: yesOrNo('webhook-allow-private', setting('webhook-allow-private')),
    logLevel: logLevelOf(setting('log-level')),
    metrics: metricsOf(setting('metrics')),
    stuckSeconds: whole('stuck-seconds', 86_400) ?? 30,
    rateLimit: whole('rate-limit', 1_000_000),
    authFailuresMax: whole('auth-failures-max', 1_000_000, 0) ?? AUTH_FAILURES_MAX,
    proxies: whole('proxies', 10, 0) ?? 0,
    connectionsMax: whole('connections-max', 1_000_000) ?? 10_000,
    // Longer than SDKs and most proxies keep theirs, so that they close first.
    keepAliveSeconds: whole('keep-alive-seconds', 86_400) ?? 65,
    httpFastPath: onOrOff('http-fast-path', setting('http-fast-path')),
    readSeconds: whole('read-seconds', 3600) ?? 10,
    stopSeconds: whole('stop-seconds', 3600) ?? STOP_SECONDS,
  };
}

type Whole = (name: string, max: number) => number | undefined;

function windows(whole: Whole): Windows {
  // Older than 50 years is before the tables' calendar begins.
  const pastDays = whole('past-days', 18_000) ?? PAST_DAYS;
  return {
    cancelWindowHours: whole('cancel-window-hours', 1_000_000),
    pastDays,
    // An identifier is remembered for as long as an event that old could still be sent (P4).
    identifierWindowDays: whole('identifier-window-days', 18_000) ?? Math.max(PAST_DAYS, pastDays),
  };
}

export type FolderConfig = { readonly data: string };

export function readFolderConfig(args: readonly string[], env: Env): FolderConfig {
  const values = parseFlags(args, { data: DATA });
  return { data: dataFolder(values['data'], env) };
}

export type BackupConfig = FolderConfig & {
  readonly to: string;
  /** An earlier backup to share files with. */
  readonly base: string | undefined;
};
export type AuditConfig = FolderConfig & {
  /** Of this backup, instead of a data folder. */
  readonly backup: string | undefined;
  /** All other flags, as they were given. */
  readonly flags: readonly string[];
  readonly json: boolean;
  readonly range: AuditRange;
};

/** Like the store's; config knows no store. */
type AuditRange = {
  readonly namespace: Namespace | undefined;
  readonly meterId: string | undefined;
  readonly customer: string | undefined;
  readonly startMs: number | undefined;
  readonly endMs: number | undefined;
};

export function readAuditConfig(args: readonly string[], env: Env): AuditConfig {
  const values = parseFlags(args, {
    data: DATA,
    backup: { type: 'string' },
    json: { type: 'boolean' },
    account: { type: 'string' },
    live: { type: 'boolean' },
    meter: { type: 'string' },
    customer: { type: 'string' },
    from: { type: 'string' },
    to: { type: 'string' },
  });
  const { account, backup, meter: meterId, customer } = values;
  if (backup !== undefined && values['data'] !== undefined) {
    throw new StartupError(
      'Of a backup or of a data folder? --backup and --data do not go together.',
    );
  }
  const mode = values['live'] === undefined ? 'test' : 'live';
  if (mode === 'live' && account === undefined) {
    throw new StartupError('--live says which mode of an account: --account acct_… --live');
  }
  const startMs = hourOf('from', values['from']);
  const endMs = hourOf('to', values['to']);
  if (startMs !== undefined && endMs !== undefined && startMs >= endMs) {
    throw new StartupError('--from is before --to.');
  }
  const namespace = account === undefined ? undefined : toNamespace(account, mode);
  return {
    data: dataFolder(values['data'], env),
    backup,
    flags: Object.entries(values).flatMap(([name, value]) =>
      name === 'backup' ? [] : [`--${name}${value === '' ? '' : `=${value}`}`],
    ),
    json: 'json' in values,
    range: { namespace, meterId, customer, startMs, endMs },
  };
}

/** `2026-11-25` is the start of that day, UTC. */
function hourOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const timeMs = parseRfc3339(/^[\d-]{10}$/u.test(text) ? `${text}T00:00:00Z` : text);
  if (timeMs !== undefined && timeMs % 3_600_000 === 0) return timeMs;
  throw new StartupError(
    `--${name} is a day such as 2026-11-25 or a whole hour such as 2026-11-25T07:00:00Z, not '${text}'.`,
  );
}

export function readBackupConfig(args: readonly string[], env: Env): BackupConfig {
  const values = parseFlags(args, { data: DATA, to: { type: 'string' }, base: { type: 'string' } });
  const { to, base } = values;
  if (to === undefined) throw new StartupError('Where to? taximeter backup --to FOLDER');
  return { to, base, data: dataFolder(values['data'], env) };
}

export type RestoreConfig = FolderConfig & { readonly from: string };

/** Where to restore is never left to a default. */
export function readRestoreConfig(args: readonly string[]): RestoreConfig {
  const { from, data } = parseFlags(args, { from: { type: 'string' }, data: DATA });
  if (from === undefined || data === undefined) {
    throw new StartupError(
      'From where, and where to? taximeter restore --from BACKUP --data FOLDER',
    );
  }
  return { from, data };
}

export type PruneConfig = FolderConfig &
  Windows & {
    /** The start of a month, in UTC. */
    readonly beforeMs: number;
    /** Without it, only what would be dropped is told. */
    readonly yes: boolean;
  };

export function readPruneConfig(args: readonly string[], env: Env): PruneConfig {
  const values = parseFlags(args, {
    data: DATA,
    before: { type: 'string' },
    yes: { type: 'boolean' },
    ...WINDOWS,
  });
  const whole: Whole = (name, max) => wholeNumber(name, values[name] ?? envOf(env, name), 1, max);
  return {
    data: dataFolder(values['data'], env),
    beforeMs: monthStart(values['before']),
    yes: 'yes' in values,
    ...windows(whole),
  };
}

function monthStart(text: string | undefined): number {
  const timeMs = /^\d{4}-\d\d-01$/.test(text ?? '') ? parseRfc3339(`${text}T00:00:00Z`) : undefined;
  if (timeMs !== undefined && timeMs > 0) return timeMs;
  throw new StartupError(
    `--before is the first day of a month, such as 2026-01-01, ${text === undefined ? 'and is missing' : `not '${text}'`}.`,
  );
}

type Flags = Record<string, { readonly type: 'string' | 'boolean' }>;

/** Flags as text; a boolean flag that was given is ''. */
export function parseFlags(
  args: readonly string[],
  options: Flags,
): Record<string, string | undefined> {
  try {
    const { values } = parseArgs({ args: [...args], options, strict: true });
    return Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, value === true ? '' : String(value)]),
    );
  } catch (error) {
    // parseArgs says what it does not know, in a sentence or two.
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartupError(reason.replaceAll('\n', ' '));
  }
}

export function envOf(env: Env, name: string): string | undefined {
  const value = env[`TAXIMETER_${name.toUpperCase().replaceAll('-', '_')}`];
  return value === '' ? undefined : value;
}

export function dataFolder(flag: string | undefined, env: Env): string {
  return flag ?? envOf(env, 'data') ?? './taximeter-data';
}

export function wholeNumber(
  name: string,
  text: string | undefined,
  min: number,
  max: number,
): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  throw new StartupError(`--${name} is a whole number from ${min} to ${max}, not '${text}'.`);
}

/** A flag alone is a yes; in the environment it is written out. */
function yesOrNo(name: string, text: string | undefined): boolean {
  if (text === undefined || text === 'false' || text === '0') return false;
  if (text === '' || text === 'true' || text === '1') return true;
  throw new StartupError(`--${name} is 'true' or 'false', not '${text}'.`);
}

function onOrOff(name: string, text: string | undefined): 'on' | 'off' {
  if (text === undefined || text === 'on') return 'on';
  if (text === 'off') return 'off';
  throw new StartupError(`--${name} is 'on' or 'off', not '${text}'.`);
}

function customersOf(text: string | undefined): 'any' | 'registered' {
  if (text === undefined || text === 'any') return 'any';
  if (text === 'registered') return 'registered';
  throw new StartupError(`--customers is 'any' or 'registered', not '${text}'.`);
}

function duplicatesOf(text: string | undefined): 'refuse' | 'ok' {
  if (text === undefined || text === 'refuse') return 'refuse';
  if (text === 'ok') return 'ok';
  throw new StartupError(`--duplicates is 'refuse' or 'ok', not '${text}'.`);
}

function logLevelOf(text: string | undefined): LogLevel {
  const level = LOG_LEVELS.find((name) => name === (text ?? 'info'));
  if (level !== undefined) return level;
  throw new StartupError(`--log-level is one of ${LOG_LEVELS.join(', ')}, not '${text}'.`);
}

function metricsOf(text: string | undefined): ServeConfig['metrics'] {
  if (text === undefined) return 'loopback';
  if (text === 'api' || text === 'off') return text;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (port <= 65_535) return { port };
  throw new StartupError(`--metrics is 'api', 'off' or a port from 0 to 65535, not '${text}'.`);
}

/** The message never repeats a key. 22 letters and digits are 128 bits. */
function secretKeys(text: string | undefined): readonly string[] {
  const keys = (text ?? '')
    .split(',')
    .map((key) => key.trim())
    .filter((key) => key !== '');
  if (keys.every((key) => /^sk_(?:test|live)_[\w.~-]{22,}$/.test(key))) return keys;
  throw new StartupError(
    'TAXIMETER_SECRET_KEY takes keys such as sk_test_… or sk_live_…, with at least 22 random letters, digits, ' +
      '_ . ~ or - after that: echo sk_test_$(openssl rand -hex 16)',
  );
}
