/**
 * A network of its own for a test file, which runs once more in it: nothing of it leaves the process tree, so any address may
 * be one of its loopback, any port is free, and names are asked of whatever listens on 127.0.0.1:53 there.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newFolder, removeFolder } from './server.ts';

const MARK = 'RUNS_IN_ITS_OWN_NETWORK';

export const isInOwnNetwork = process.env[MARK] !== undefined;

/** Why this machine cannot have one; undefined when it can. */
export function noOwnNetwork(): string | undefined {
  const script = 'ip link set lo up && mount --bind /dev/null /etc/resolv.conf';
  const { status } = spawnSync('unshare', ['-Urmn', 'sh', '-c', script], { stdio: 'ignore' });
  return status === 0 ? undefined : 'this machine does not let a test have a network of its own';
}

/** Runs the tests of the file in a network whose loopback has these addresses too. Fails with what they print. */
export async function runInOwnNetwork(file: string, addresses: readonly string[]): Promise<void> {
  const folder = newFolder();
  const resolver = join(folder, 'resolv.conf');
  writeFileSync(resolver, 'nameserver 127.0.0.1\n');
  const script = [
    'mount --bind "$1" /etc/resolv.conf',
    'ip link set lo up',
    ...addresses.map((address) => `ip address add ${address} dev lo`),
    'exec "$0" "$2"',
  ];
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const command = ['-Urmn', 'sh', '-ec', script.join('\n'), process.execPath, resolver, file];
  const child = spawn('unshare', command, { env: { ...env, [MARK]: '1' } });
  let output = '';
  child.stdout.on('data', (text: Buffer) => (output += text.toString()));
  child.stderr.on('data', (text: Buffer) => (output += text.toString()));
  await once(child, 'close');
  removeFolder(folder);
  assert.equal(child.exitCode, 0, output);
  assert.match(output, /pass [1-9]/u);
}
