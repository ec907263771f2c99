/**
 * The configuration: flags, then TAXIMETER_… in the environment, then defaults. The only reader of either.
 * Every wrong value is refused with one line that names it.
 */
import { parseArgs } from 'node:util';
import { PAST_DAYS } from './events/measure.ts';
import { toNamespace, type Namespace } from './namespace.ts';
import { parseRfc3339 } from './rfc3339.ts';
import { StartupError } from './startup-error.ts';

export type ServeConfig = {
  readonly port: number;
  readonly host: string;
  readonly data: string;
  readonly secretKeys: readonly string[];
  readonly customers: 'any' | 'registered';
  readonly cancelWindowHours: number | undefined;
  readonly pastDays: number;
  readonly identifierWindowDays: number;
  readonly journalBytesMax: number;
  readonly sessionMinutes: number;
  readonly streamEventsMax: number;
  readonly acceptTornLog: boolean;
  readonly auditIntervalSeconds: number;
};

/** Some 20 million events, a minute's worth at full speed: enough to outlast a restart of a store elsewhere. */
const JOURNAL_BYTES_MAX = 2 * 1024 ** 3;

export type Env = Readonly<Record<string, string | undefined>>;

const DATA = { type: 'string' } as const;

export function readServeConfig(args: readonly string[], env: Env): ServeConfig {
  const values = parseFlags(args, {
    port: { type: 'string' },
    host: { type: 'string' },
    data: DATA,
    customers: { type: 'string' },
    'cancel-window-hours': { type: 'string' },
    'past-days': { type: 'string' },
    'identifier-window-days': { type: 'string' },
    'journal-bytes-max': { type: 'string' },
    'session-minutes': { type: 'string' },
    'stream-events-max': { type: 'string' },
    'accept-torn-log': { type: 'boolean' },
    'audit-interval-seconds': { type: 'string' },
  });
  const setting = (name: string): string | undefined => values[name] ?? envOf(env, name);
  const whole = (name: string, max: number, min = 1): number | undefined =>
    wholeNumber(name, setting(name), min, max);
  // Older than 50 years is before the tables' calendar begins.
  const pastDays = whole('past-days', 18_000) ?? PAST_DAYS;
  return {
    port: whole('port', 65_535, 0) ?? 4747,
    host: setting('host') ?? '127.0.0.1',
    data: dataFolder(values['data'], env),
    secretKeys: secretKeys(env['TAXIMETER_SECRET_KEY']),
    customers: customersOf(setting('customers')),
    cancelWindowHours: whole('cancel-window-hours', 1_000_000),
    pastDays,
    // An identifier is remembered for as long as an event that old could still be sent (P4).
    identifierWindowDays: whole('identifier-window-days', 18_000) ?? Math.max(PAST_DAYS, pastDays),
    journalBytesMax: whole('journal-bytes-max', 1e15, 1e6) ?? JOURNAL_BYTES_MAX,
    // Both defaults are Stripe's.
    sessionMinutes: whole('session-minutes', 1440) ?? 15,
    streamEventsMax: whole('stream-events-max', 10_000) ?? 100,
    auditIntervalSeconds: whole('audit-interval-seconds', 86_400, 0) ?? 60,
    // For one start, so a flag only.
    acceptTornLog: values['accept-torn-log'] !== undefined,
  };
}

export type FolderConfig = { readonly data: string };

export function readFolderConfig(args: readonly string[], env: Env): FolderConfig {
  const values = parseFlags(args, { data: DATA });
  return { data: dataFolder(values['data'], env) };
}

export type AuditConfig = FolderConfig & {
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
    json: { type: 'boolean' },
    account: { type: 'string' },
    live: { type: 'boolean' },
    meter: { type: 'string' },
    customer: { type: 'string' },
    from: { type: 'string' },
    to: { type: 'string' },
  });
  const { account, meter: meterId, customer } = values;
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

export type KeysConfig = FolderConfig &
  (
    | { readonly action: 'create'; readonly live: boolean; readonly account: string | undefined }
    | { readonly action: 'list' }
    | { readonly action: 'revoke'; readonly id: string }
  );

export function readKeysConfig(args: readonly string[], env: Env): KeysConfig {
  const [action, ...rest] = args;
  if (action === 'list') return { action, ...readFolderConfig(rest, env) };
  if (action === 'revoke') {
    const [id, ...flags] = rest;
    if (id === undefined || id.startsWith('-')) {
      throw new StartupError('Which key? taximeter keys revoke key_… (see taximeter keys list)');
    }
    return { action, id, ...readFolderConfig(flags, env) };
  }
  if (action === 'create') {
    const flags = { data: DATA, account: { type: 'string' }, live: { type: 'boolean' } } as const;
    const values = parseFlags(rest, flags);
    const { account } = values;
    if (account !== undefined && !/^acct_[A-Za-z0-9_]{1,64}$/.test(account)) {
      throw new StartupError(`--account is an id such as acct_1, not '${account}'.`);
    }
    return { action, live: 'live' in values, account, data: dataFolder(values['data'], env) };
  }
  throw new StartupError('taximeter keys takes create, list or revoke.');
}

type Flags = Record<string, { readonly type: 'string' | 'boolean' }>;

/** Flags as text; a boolean flag that was given is ''. */
function parseFlags(args: readonly string[], options: Flags): Record<string, string | undefined> {
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

function envOf(env: Env, name: string): string | undefined {
  const value = env[`TAXIMETER_${name.toUpperCase().replaceAll('-', '_')}`];
  return value === '' ? undefined : value;
}

function dataFolder(flag: string | undefined, env: Env): string {
  return flag ?? envOf(env, 'data') ?? './taximeter-data';
}

function wholeNumber(
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

function customersOf(text: string | undefined): 'any' | 'registered' {
  if (text === undefined || text === 'any') return 'any';
  if (text === 'registered') return 'registered';
  throw new StartupError(`--customers is 'any' or 'registered', not '${text}'.`);
}

/** The message never repeats a key. */
function secretKeys(text: string | undefined): readonly string[] {
  const keys = (text ?? '')
    .split(',')
    .map((key) => key.trim())
    .filter((key) => key !== '');
  if (keys.every((key) => /^sk_(?:test|live)_[\w.~-]+$/.test(key))) return keys;
  throw new StartupError(
    'TAXIMETER_SECRET_KEY takes keys such as sk_test_… or sk_live_…, of letters, digits, _ . ~ and -.',
  );
}
