import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls';
import { HAS_OPENSSL, makeCertificate } from '../../test/support/certificate.ts';
import { Sender } from './sender.ts';

const NAME = 'hooks.example.com';

test(
  'https goes to the checked address and is verified by the name',
  { skip: HAS_OPENSSL ? false : 'there is no openssl to make a certificate with' },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'taximeter-tls-'));
    const { key, cert } = makeCertificate(folder, [`DNS:${NAME}`]);
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
