import type { Catalog } from '../catalog/catalog.ts';
import { KeyRing } from '../catalog/key-ring.ts';
import type { AccessParts } from '../api/access/access.ts';
import { hashSecret } from '../api/access/auth.ts';
import type { Key } from '../domain/key.ts';
import { toNamespace } from '../domain/namespace.ts';
import { redact } from '../lib/redact.ts';

/**
 * The keys that the server takes: the catalog's, and those of the environment, which open the default account and
 * are not stored: without them, they are gone, with the sessions that they opened.
 */
export function knownKeys(
  fromEnv: readonly string[],
  { keys }: Pick<Catalog, 'keys'>,
  nowMs: number,
): AccessParts['keys'] {
  if (fromEnv.length === 0) return keys;
  const account = keys.defaultAccount();
  const ring = new KeyRing(
    fromEnv.map((secret) => {
      const secretSha256 = hashSecret(secret);
      return { key: toKey(account, secret, secretSha256, nowMs), secretSha256 };
    }),
  );
  return {
    find: (secretSha256) => ring.find(secretSha256) ?? keys.find(secretSha256),
    findById: (id) => ring.findById(id) ?? keys.findById(id),
    isRevoked: (secretSha256) => keys.isRevoked(secretSha256),
    noteUse: (id, usedMs) => {
      if (ring.findById(id) === undefined) keys.noteUse(id, usedMs);
    },
  };
}

/** The id is the same at every start, since sessions name it; its 64 bits of the hash tell nothing of the key. */
function toKey(account: string, secret: string, secretSha256: string, createdMs: number): Key {
  return {
    id: `key_env_${secretSha256.slice(0, 16)}`,
    namespace: toNamespace(account, secret.startsWith('sk_live_') ? 'live' : 'test'),
    scopes: 'all',
    name: null,
    hint: redact(secret),
    createdMs,
    expiresAtMs: null,
    lastUsedMs: null,
    revokedAtMs: null,
  };
}
