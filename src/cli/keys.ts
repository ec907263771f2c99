import { DAY_MS } from '../domain/time.ts';
import { setTimeout as delay } from 'node:timers/promises';
import { KEYS_STALE_MS, type Catalog } from '../catalog/catalog.ts';
import { systemClock } from '../lib/clock.ts';
import { openCatalog } from '../ops/data-folder.ts';
import { hashSecret } from '../api/access/auth.ts';
import { newKeyId, newRestrictedKey, newSecretKey } from '../lib/ids.ts';
import { stateOf, type Key } from '../domain/key.ts';
import type { KeysConfig, NewKeyConfig } from '../config/keys-config.ts';
import { accountOf, modeOf, toNamespace } from '../domain/namespace.ts';
import { redact } from '../lib/redact.ts';
import { formatRfc3339 } from '../domain/rfc3339.ts';
import { StartupError } from '../lib/startup-error.ts';
import { print } from '../lib/terminal.ts';

/** `taximeter keys create | list | revoke`, also while a server runs on the folder. */
export async function keys(config: KeysConfig): Promise<void> {
  const missing = config.action === 'create' ? 'make' : 'must exist';
  const catalog = openCatalog(config.data, systemClock, missing);
  const nowMs = systemClock.nowMs();
  try {
    switch (config.action) {
      case 'create': {
        const { key, secret } = await createKey(catalog, config, nowMs);
        print(secret, ...toTable([key], nowMs));
        return;
      }
      case 'list':
        print(...toTable(await catalog.keys.list(), nowMs));
        return;
      case 'revoke':
        await revokeKey(catalog, config.id, nowMs);
        print(`${config.id} is revoked.`);
    }
  } finally {
    catalog.close();
  }
}

/** Makes a key; the secret is in no other place than this answer. */
export async function createKey(
  { keys: store }: Pick<Catalog, 'keys'>,
  { live, account, scopes, expiresInDays, name }: NewKeyConfig,
  createdMs: number,
): Promise<{ key: Key; secret: string }> {
  const mode = live ? 'live' : 'test';
  const secret = scopes === 'all' ? newSecretKey(mode) : newRestrictedKey(mode);
  const key: Key = {
    id: newKeyId(),
    namespace: toNamespace(account ?? store.defaultAccount(), mode),
    scopes,
    name: name ?? null,
    hint: redact(secret),
    createdMs,
    expiresAtMs: expiresInDays === undefined ? null : createdMs + expiresInDays * DAY_MS,
    lastUsedMs: null,
    revokedAtMs: null,
  };
  await store.create(key, hashSecret(secret));
  return { key, secret };
}

/** Returns when no server takes the key any more: one may go on for KEYS_STALE_MS. */
async function revokeKey({ keys: store }: Catalog, id: string, nowMs: number): Promise<void> {
  if (!(await store.revoke(id, nowMs))) {
    throw new StartupError(`There is no key ${id}. See taximeter keys list.`);
  }
  await delay(KEYS_STALE_MS + 1);
}

const HEADINGS = [
  'ID',
  'ACCOUNT',
  'MODE',
  'KEY',
  'STATE',
  'EXPIRES',
  'LAST USED',
  'SCOPES',
  'NAME',
];

/** One line a key below the headings. */
function toTable(listed: readonly Key[], nowMs: number): readonly string[] {
  const rows = [HEADINGS, ...listed.map((key) => toRow(key, nowMs))];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}

function toRow(key: Key, nowMs: number): readonly string[] {
  const time = (timeMs: number | null): string =>
    timeMs === null ? 'never' : formatRfc3339(timeMs);
  return [
    key.id,
    accountOf(key.namespace),
    modeOf(key.namespace),
    key.hint,
    stateOf(key, nowMs),
    time(key.expiresAtMs),
    time(key.lastUsedMs),
    key.scopes === 'all' ? 'all' : key.scopes.join(','),
    key.name ?? '',
  ];
}
