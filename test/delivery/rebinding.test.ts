/**
 * Names that turn private (DNS rebinding), between a real server and a real name server: it asks as ever, by the machine's
 * resolv.conf, in a network where a public address is one of its own. Whatever the name server answers, and a receiver
 * redirects to, no connection goes to a private address.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { HAS_OPENSSL, makeCertificate } from '../support/certificate.ts';
import { NameServer, type DnsRecord, type Zone } from '../support/name-server.ts';
import { isInOwnNetwork, noOwnNetwork, runInOwnNetwork } from '../support/own-network.ts';
import { newClient } from '../support/sdk.ts';
import { newFolder, removeFolder, Server } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { createDestination, deliveriesTo, type ShownDelivery } from '../support/webhooks.ts';

const PUBLIC = '8.8.4.4';
const PUBLIC_V6 = '2606:4700:4700:0:0:0:0:1111';
const METADATA = '169.254.169.254';

if (isInOwnNetwork) inside();
else {
  const skip = noOwnNetwork() ?? (HAS_OPENSSL ? false : 'there is no openssl');
  test(
    'no delivery goes to a private address, whatever a name server answers',
    { skip },
    async () => {
      const own = [`${PUBLIC}/32`, `${METADATA}/32`, '10.0.0.5/32', `${PUBLIC_V6}/128 nodad`];
      await runInOwnNetwork(import.meta.filename, own);
    },
  );
}

function inside(): void {
  const folder = newFolder();
  const { key, cert, paths } = makeCertificate(folder, ['DNS:*.example.com']);
  const env = { NODE_EXTRA_CA_CERTS: paths.cert };
  /** The own addresses that connections came to, whatever was said on them. */
  let reached: string[] = [];
  let redirectTo: string | undefined;
  const receiver = createServer({ key, cert }, (request, response) => {
    request.resume().once('end', () => answer(response));
  });
  receiver.on('connection', (socket: Socket) => {
    reached.push((socket.localAddress ?? '').replace('::ffff:', ''));
  });
  let names: NameServer;
  let server: Server;

  function answer(response: ServerResponse): void {
    // So that the next delivery needs a connection of its own, and asks for the name.
    const headers = { connection: 'close' };
    if (redirectTo === undefined) response.writeHead(200, headers).end('thanks');
    else response.writeHead(307, { ...headers, location: redirectTo }).end();
  }

  before(async () => {
    names = await NameServer.start(53);
    receiver.listen(443, '::');
    await once(receiver, 'listening');
    server = await Server.start({ env });
  });
  after(async () => {
    await server.remove();
    receiver.close();
    names.close();
    removeFolder(folder);
  });

  /** What came of so many pings, one after the other, to a destination at the name; the first is the first. */
  async function ping(of: Server, name: string, times: number): Promise<readonly ShownDelivery[]> {
    const client = newClient(of);
    const { id } = await createDestination(client, `https://${name}/hook`);
    for (let time = 1; time <= times; time += 1) {
      await client.v2.core.eventDestinations.ping(id);
      await until(`delivery ${time} to ${name} was tried`, async () => {
        const all = await deliveriesTo(of, id);
        return all.filter(({ attempts }) => attempts.length > 0).length === time;
      });
    }
    const deliveries = await deliveriesTo(of, id);
    await client.v2.core.eventDestinations.del(id);
    return deliveries.toReversed();
  }

  const toV4 = (value: string): DnsRecord => ({ type: 'A', value });
  const toV6 = (value: string): DnsRecord => ({ type: 'AAAA', value });
  /** Public at first; then as it is said. */
  const rebinds =
    (...later: readonly DnsRecord[]): Zone =>
    (_name, type, askedBefore) =>
      askedBefore === 0
        ? [toV4(PUBLIC)].filter(() => type === 'A')
        : later.filter((one) => one.type === type || one.type === 'CNAME');

  const LATER: Readonly<Record<string, readonly DnsRecord[]>> = {
    loopback: [toV4('127.0.0.1')],
    metadata: [toV4(METADATA)],
    'this-host': [toV4('0.0.0.0')],
    'a-private-network': [toV4('10.0.0.5')],
    'loopback-of-ipv6': [toV6('0:0:0:0:0:0:0:1')],
    mapped: [toV6('0:0:0:0:0:ffff:7f00:1')],
    compatible: [toV6('0:0:0:0:0:0:7f00:1')],
    translated: [toV6('64:ff9b:0:0:0:0:7f00:1')],
    'public-first': [toV4(PUBLIC), toV4('127.0.0.1')],
    'private-first': [toV4('127.0.0.1'), toV4(PUBLIC)],
    'public-v4-and-private-v6': [toV4(PUBLIC), toV6('0:0:0:0:0:0:0:1')],
    'private-v4-and-public-v6': [toV4('127.0.0.1'), toV6(PUBLIC_V6)],
    'another-name': [
      { type: 'CNAME', value: 'inner.example.net' },
      { type: 'CNAME', name: 'inner.example.net', value: 'localhost' },
      { type: 'A', name: 'localhost', value: '127.0.0.1' },
    ],
  };

  for (const [label, later] of Object.entries(LATER)) {
    test(`public, then ${label}`, async () => {
      reached = [];
      names.zone = rebinds(...later);
      const [first, second] = await ping(server, `${label}.example.com`, 2);
      assert.deepEqual([first?.status, first?.attempts[0]?.http_status], ['succeeded', 200]);
      assert.match(second?.attempts[0]?.error ?? '', /^Not delivered: [\w.-]+ is at /u);
      assert.deepEqual(reached, [PUBLIC]);
    });
  }

  test('between check and connection: a name is asked about once, and what was answered is connected to', async () => {
    reached = [];
    names.zone = rebinds(toV4('127.0.0.1'));
    const [only] = await ping(server, 'once.example.com', 1);
    assert.equal(only?.status, 'succeeded');
    assert.equal(names.asked('once.example.com'), 2, 'for each family');
    assert.deepEqual(reached, [PUBLIC]);
  });

  test('public IPv6 is connected to', async () => {
    reached = [];
    names.zone = (_name, type) => (type === 'AAAA' ? [toV6(PUBLIC_V6)] : []);
    assert.equal((await ping(server, 'six.example.com', 1))[0]?.status, 'succeeded');
    assert.deepEqual(reached, ['2606:4700:4700::1111']);
  });

  test('a redirect is not followed, wherever it leads', async (t) => {
    t.after(() => (redirectTo = undefined));
    names.zone = (name, type) =>
      type === 'A' ? [toV4(name.startsWith('inner') ? '127.0.0.1' : PUBLIC)] : [];
    for (const [index, to] of [
      'https://127.0.0.1/',
      `http://${METADATA}:443/latest/meta-data/`,
      'https://inner.example.com/',
      'https://[::1]/',
    ].entries()) {
      reached = [];
      redirectTo = to;
      const [only] = await ping(server, `redirects${index}.example.com`, 1);
      assert.equal(only?.attempts[0]?.http_status, 307);
      assert.deepEqual(reached, [PUBLIC]);
    }
  });

  test('with --webhook-allow-private, what is private is reached: so it would be seen above', async () => {
    reached = [];
    names.zone = rebinds(toV4('127.0.0.1'));
    const open = await Server.start({ env, args: ['--webhook-allow-private'] });
    try {
      const [, second] = await ping(open, 'loopback.example.com', 2);
      assert.equal(second?.status, 'succeeded');
      assert.ok(reached.includes('127.0.0.1'), reached.join());
    } finally {
      await open.remove();
    }
  });
}
