/** The `keys` commands, as an operator types them. */
import assert from 'node:assert/strict';
import { runCli, type Exit } from './server.ts';

/** Makes a key and returns its secret, which is printed once. */
export async function createKey(folder: string, ...flags: readonly string[]): Promise<string> {
  const exit = await keys(folder, 'create', ...flags);
  assert.equal(exit.code, 0, exit.stderr);
  const secrets = exit.stdout.match(/[sr]k_(?:test|live)_[0-9A-Za-z]{16,}/gu) ?? [];
  assert.equal(secrets.length, 1, exit.stdout);
  return secrets[0] ?? '';
}

/** The ids, `key_…`, in the order of `keys list`. */
export async function keyIds(folder: string): Promise<string[]> {
  const exit = await keys(folder, 'list');
  assert.equal(exit.code, 0, exit.stderr);
  return exit.stdout.match(/key_\w+/gu) ?? [];
}

export async function keys(folder: string, ...args: readonly string[]): Promise<Exit> {
  return await runCli(['keys', ...args, '--data', folder], { keys: null });
}
