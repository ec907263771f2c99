/** What `taximeter keys` was asked to do. */
import {
  DATA,
  dataFolder,
  type Env,
  type FolderConfig,
  parseFlags,
  readFolderConfig,
  wholeNumber,
} from './config.ts';
import { SCOPES, type Scope } from '../domain/key.ts';
import { StartupError } from '../lib/startup-error.ts';

export type KeysConfig = FolderConfig &
  (
    | ({ readonly action: 'create' } & NewKeyConfig)
    | { readonly action: 'list' }
    | { readonly action: 'revoke'; readonly id: string }
  );

export type NewKeyConfig = {
  readonly live: boolean;
  /** Undefined: the default account. */
  readonly account: string | undefined;
  readonly scopes: readonly Scope[] | 'all';
  readonly expiresInDays: number | undefined;
  readonly name: string | undefined;
};

/** A hundred years. */
const EXPIRES_IN_DAYS_MAX = 36_500;

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
  if (action === 'create') return { action, ...readCreate(rest, env) };
  throw new StartupError('taximeter keys takes create, list or revoke.');
}

function readCreate(args: readonly string[], env: Env): FolderConfig & NewKeyConfig {
  const values = parseFlags(args, {
    data: DATA,
    account: { type: 'string' },
    live: { type: 'boolean' },
    restricted: { type: 'boolean' },
    scope: { type: 'string' },
    'expires-in-days': { type: 'string' },
    name: { type: 'string' },
  });
  const { account, name } = values;
  if (account !== undefined && !/^acct_[A-Za-z0-9_]{1,64}$/.test(account)) {
    throw new StartupError(`--account is an id such as acct_1, not '${account}'.`);
  }
  if (name !== undefined && !/^[^\p{C}\p{Zl}\p{Zp}]{1,100}$/u.test(name)) {
    throw new StartupError('--name is a text of 1 to 100 characters on one line.');
  }
  const expires = values['expires-in-days'];
  return {
    data: dataFolder(values['data'], env),
    live: 'live' in values,
    account,
    name,
    scopes: scopesOf('restricted' in values, values['scope']),
    expiresInDays: wholeNumber('expires-in-days', expires, 1, EXPIRES_IN_DAYS_MAX),
  };
}

/** Neither flag says the other: who forgets one would make a key that may do more, or less, than was meant. */
function scopesOf(restricted: boolean, text: string | undefined): NewKeyConfig['scopes'] {
  if (!restricted && text === undefined) return 'all';
  if (!restricted || text === undefined) {
    throw new StartupError(`--restricted and --scope go together. ${KNOWN_SCOPES}`);
  }
  const asked = new Set(text.split(',').map((scope) => scope.trim()));
  for (const scope of asked) {
    if (SCOPES.some((known) => known === scope)) continue;
    throw new StartupError(`--scope does not know '${scope}'. ${KNOWN_SCOPES}`);
  }
  return SCOPES.filter((scope) => asked.has(scope));
}

const KNOWN_SCOPES = `Scopes, separated by commas: ${SCOPES.join(', ')}.`;
