/** What the commands that call a running server were asked to do. The key never stands on the command line. */
import { readFileSync } from 'node:fs';
import { API_VERSION, parseApiVersion } from '../domain/api-version.ts';
import { envOf, parseFlags, type Env } from './config.ts';
import { StartupError } from '../lib/startup-error.ts';

export type ClientConfig = {
  /** Where the server is, without a slash at the end. */
  readonly url: string;
  readonly apiKey: string;
};

export type ListenConfig = ClientConfig & {
  readonly forwardTo: string | undefined;
  readonly forwardThinTo: string | undefined;
  /** Types of both APIs; undefined: all. */
  readonly events: readonly string[] | undefined;
  /** What snapshots say their version is; undefined: ours. */
  readonly apiVersion: string | undefined;
};

const CLIENT_FLAGS = { url: { type: 'string' }, 'api-key-file': { type: 'string' } } as const;

export function readListenConfig(args: readonly string[], env: Env): ListenConfig {
  const values = parseFlags(args, {
    ...CLIENT_FLAGS,
    'forward-to': { type: 'string' },
    'forward-thin-to': { type: 'string' },
    events: { type: 'string' },
    'api-version': { type: 'string' },
  });
  return {
    ...clientConfig(values, env),
    forwardTo: httpUrl('forward-to', values['forward-to']),
    forwardThinTo: httpUrl('forward-thin-to', values['forward-thin-to']),
    events: values['events']?.split(',').map((type) => type.trim()),
    apiVersion: apiVersion(values['api-version'] ?? envOf(env, 'api-version')),
  };
}

function apiVersion(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const version = parseApiVersion(text);
  if (version !== undefined) return version;
  throw new StartupError(
    `--api-version is one of Stripe's, such as ${API_VERSION}: what your SDK sends. It is not '${text}'.`,
  );
}

export type ResendConfig = ClientConfig & {
  readonly eventId: string;
  readonly webhookEndpoint: string | undefined;
};

export function readEventsConfig(args: readonly string[], env: Env): ResendConfig {
  const [action, eventId, ...flags] = args;
  if (action !== 'resend') throw new StartupError('taximeter events takes resend.');
  if (eventId === undefined || !/^evt_\w+$/u.test(eventId)) {
    throw new StartupError('Which event? taximeter events resend evt_…');
  }
  const values = parseFlags(flags, { ...CLIENT_FLAGS, 'webhook-endpoint': { type: 'string' } });
  return { ...clientConfig(values, env), eventId, webhookEndpoint: values['webhook-endpoint'] };
}

function clientConfig(values: Record<string, string | undefined>, env: Env): ClientConfig {
  const url = httpUrl('url', values['url'] ?? envOf(env, 'url')) ?? 'http://127.0.0.1:4747';
  return { url: url.replace(/\/$/u, ''), apiKey: apiKey(values['api-key-file'], env) };
}

function apiKey(file: string | undefined, env: Env): string {
  const key = file === undefined ? envOf(env, 'api-key') : readKeyFile(file);
  if (key !== undefined && /^[\w.~-]+$/u.test(key)) return key;
  throw new StartupError('Which key? Set TAXIMETER_API_KEY, or name a file by --api-key-file.');
}

function readKeyFile(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new StartupError(`Cannot read ${file}: ${error instanceof Error ? error.message : ''}`);
  }
}

function httpUrl(name: string, text: string | undefined): string | undefined {
  if (text === undefined || /^https?:$/u.test(URL.parse(text)?.protocol ?? '')) return text;
  throw new StartupError(
    `--${name} is a URL such as http://localhost:3000/webhook, not '${text}'.`,
  );
}
