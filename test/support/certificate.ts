/** A certificate that openssl makes for a test, so that no key has to be in the repository. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const HAS_OPENSSL = spawnSync('openssl', ['version']).status === 0;

export type Certificate = {
  readonly key: string;
  readonly cert: string;
  /** The files: key, certificate, and both in one. */
  readonly paths: { readonly key: string; readonly cert: string; readonly both: string };
};

/** For these names and addresses, such as `DNS:hooks.example.com` or `IP:127.0.0.1`; its files are in the folder. */
export function makeCertificate(folder: string, names: readonly string[]): Certificate {
  const file = (name: string): string => join(folder, name);
  const paths = { key: file('key.pem'), cert: file('cert.pem'), both: file('both.pem') };
  const what = ['-subj', '/CN=a test', '-addext', `subjectAltName=${names.join(',')}`];
  const kind = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2'];
  const files = ['-keyout', paths.key, '-out', paths.cert];
  execFileSync('openssl', ['req', ...kind, ...what, ...files], { stdio: 'ignore' });
  const [key, cert] = [readFileSync(paths.key, 'utf8'), readFileSync(paths.cert, 'utf8')];
  writeFileSync(paths.both, cert + key);
  return { key, cert, paths };
}
