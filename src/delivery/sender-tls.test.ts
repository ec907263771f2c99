import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls';
import { Sender } from './sender.ts';

const NAME = 'hooks.example.com';
/** Makes the certificate, so that no key has to be in the repository. */
const HAS_OPENSSL = spawnSync('openssl', ['version']).status === 0;

test(
  'https goes to the checked address and is verified by the name',
  { skip: HAS_OPENSSL ? false : 'there is no openssl to make a certificate with' },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'taximeter-tls-'));
    const [key, cert] = makeCertificate(folder);
    const server = createServer({ key, cert }, (request, response) => {
      response.end(String((request.socket as TLSSocket & { servername?: string }).servername));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const trusted = getCACertificates();
    const sender = new Sender({
      allowPrivate: true,
      resolve: (_name, _options, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }]),
    });
    t.after(async () => {
      setDefaultCACertificates(trusted);
      await sender.close();
      server.close();
      rmSync(folder, { recursive: true });
    });
    const unknown = await sender.post(`https://${NAME}:${port}/`, '{}', '');
    assert.match(unknown.error ?? '', /self-signed certificate/u);
    setDefaultCACertificates([...trusted, cert]);
    const good = await sender.post(`https://${NAME}:${port}/`, '{}', '');
    assert.deepEqual([good.status, good.answer], [200, NAME]);
    const other = await sender.post(`https://other.example.com:${port}/`, '{}', '');
    assert.match(other.error ?? '', /does not match/u);
  },
);

function makeCertificate(folder: string): readonly [key: string, cert: string] {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const what = ['-subj', `/CN=${NAME}`, '-addext', `subjectAltName=DNS:${NAME}`, '-days', '2'];
  const files = ['-keyout', key, '-out', cert];
  const kind = ['-x509', '-newkey', 'rsa:2048', '-nodes'];
  execFileSync('openssl', ['req', ...kind, ...what, ...files], { stdio: 'ignore' });
  return [readFileSync(key, 'utf8'), readFileSync(cert, 'utf8')];
}
