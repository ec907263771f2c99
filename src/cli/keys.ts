import type { Catalog, Key } from '../catalog/catalog.ts';
import { systemClock } from '../clock.ts';
import type { KeysConfig } from '../config.ts';
import { openCatalog } from '../data-folder.ts';
import { hashSecret, redact } from '../http/auth.ts';
import { newKeyId, newSecretKey } from '../ids.ts';
import type { Mode } from '../namespace.ts';
import { StartupError } from '../startup-error.ts';

/** `taximeter keys create | list | revoke`, also while a server runs on the folder. */
export async function keys(config: KeysConfig): Promise<void> {
  const missing = config.action === 'create' ? 'make' : 'must exist';
  const catalog = openCatalog(config.data, systemClock, missing);
  try {
    switch (config.action) {
      case 'create': {
        const mode = config.live ? 'live' : 'test';
        const now = systemClock.nowMs();
        const { key, secret } = await createKey(catalog, mode, config.account, now);
        console.log(`${secret}\n${describe(key)}`);
        return;
      }
      case 'list':
        for (const key of await catalog.keys.list()) console.log(describe(key));
        return;
      case 'revoke':
        if (!(await catalog.keys.revoke(config.id, systemClock.nowMs()))) {
          throw new StartupError(`There is no key ${config.id}. See taximeter keys list.`);
        }
        console.log(`${config.id} is revoked.`);
    }
  } finally {
    catalog.close();
  }
}

/** Makes a key; the secret is in no other place than this answer. */
export async function createKey(
  { keys: store }: Pick<Catalog, 'keys'>,
  mode: Mode,
  account: string | undefined,
  createdMs: number,
): Promise<{ key: Key; secret: string }> {
  const secret = newSecretKey(mode);
  const key: Key = {
    id: newKeyId(),
    account: account ?? store.defaultAccount(),
    mode,
    hint: redact(secret),
    createdMs,
    revokedAtMs: null,
  };
  await store.create(key, hashSecret(secret));
  return { key, secret };
}

function describe(key: Key): string {
  const state = key.revokedAtMs === null ? 'active' : 'revoked';
  return [key.id, key.account, key.mode, key.hint, state].join('  ');
}
