/**
 * nginx and HAProxy in front of a server, with the configurations that docs/operations.md tells. Changed are places and
 * ports, and how long they wait for a body. What they take for a request they log by its `X-Id`.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { HAS_OPENSSL, makeCertificate } from './certificate.ts';
import { freePort } from './free-port.ts';
import { newFolder, REPO, removeFolder } from './server.ts';
import { until } from './wait.ts';

export type ProxyKind = 'nginx' | 'haproxy';
export const PROXY_KINDS: readonly ProxyKind[] = ['nginx', 'haproxy'];

/** Debian has them where the path of an ordinary user does not lead. */
const PATH = `${process.env['PATH']}:/usr/sbin:/usr/local/sbin`;

/** Why this machine cannot have it; undefined when it can. */
export function lacks(kind: ProxyKind): string | undefined {
  if (!HAS_OPENSSL) return 'there is no openssl to make a certificate with';
  const { error } = spawnSync(kind, ['-v'], { env: { PATH } });
  return error === undefined ? undefined : `${kind} is not installed`;
}

/** The only block of that kind on the page. */
function example(kind: ProxyKind): string {
  const page = readFileSync(join(REPO, 'docs/operations.md'), 'utf8');
  const blocks = [...page.matchAll(/```(\w+)\n([^]*?)```/gu)].filter(([, name]) => name === kind);
  assert.equal(blocks.length, 1, `docs/operations.md has one example for ${kind}`);
  return blocks[0]?.[2] ?? '';
}

/** Each text is there once, so that what is run is what is told. */
function changed(text: string, changes: Readonly<Record<string, string>>): string {
  return Object.entries(changes).reduce((before, [from, to]) => {
    assert.equal(before.split(from).length, 2, `once in the example: ${from}`);
    return before.replace(from, () => to);
  }, text);
}

const BODY_WAIT = '4s';
/** What both are told of places. */
type Places = { readonly folder: string; readonly port: number; readonly upstream: number };

function nginxConfig({ folder, port, upstream }: Places): string {
  const server = changed(example('nginx'), {
    '127.0.0.1:4747': `127.0.0.1:${upstream}`,
    'listen 443 ssl': `listen 127.0.0.1:${port} ssl`,
    '/etc/ssl/meter.crt': join(folder, 'cert.pem'),
    '/etc/ssl/meter.key': join(folder, 'key.pem'),
    'client_body_timeout 30s': `client_body_timeout ${BODY_WAIT}`,
  });
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''}
pid ${folder}/nginx.pid;
error_log stderr crit;
events { worker_connections 1024; }
http {
  log_format ids '$http_x_id $status';
  access_log ${folder}/log ids;
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
  ${server}
}`;
}

function haproxyConfig({ folder, port, upstream }: Places): string {
  const logged = `default_backend taximeter
    log stdout format raw local0
    http-request capture req.hdr(X-Id) len 20
    log-format "%[capture.req.hdr(0)] %ST"`;
  const sections = changed(example('haproxy'), {
    '127.0.0.1:4747': `127.0.0.1:${upstream}`,
    'bind :443 ssl crt /etc/ssl/meter.pem': `bind 127.0.0.1:${port} ssl crt ${join(folder, 'both.pem')}`,
    'timeout client 30s': `timeout client ${BODY_WAIT}`,
    'default_backend taximeter': logged,
  });
  return `global\n    maxconn 1000\n${sections}`;
}

export class FrontProxy {
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly agent: Agent;
  readonly #kind: ProxyKind;
  readonly #folder: string;
  readonly #child: ChildProcess;
  readonly #ca: string;

  private constructor(kind: ProxyKind, places: Places, ca: string) {
    this.#kind = kind;
    this.#folder = places.folder;
    this.port = places.port;
    this.#ca = ca;
    this.agent = new Agent({ ca, keepAlive: true, maxSockets: 64 });
    const file = join(places.folder, 'config');
    writeFileSync(file, kind === 'nginx' ? nginxConfig(places) : haproxyConfig(places));
    const args = kind === 'nginx' ? ['-c', file, '-p', places.folder] : ['-db', '-f', file];
    // A file takes every line of a log; a full pipe does not.
    const output = openSync(join(places.folder, 'output'), 'a');
    this.#child = spawn(kind, args, { env: { PATH }, stdio: ['ignore', output, output] });
    closeSync(output);
  }

  /** Returns when it passes requests on to that port of the loopback. */
  static async start(kind: ProxyKind, upstream: number): Promise<FrontProxy> {
    const folder = newFolder();
    const { cert } = makeCertificate(folder, ['IP:127.0.0.1']);
    const proxy = new FrontProxy(kind, { folder, port: await freePort(), upstream }, cert);
    await until(`${kind} answers`, async () => {
      assert.equal(proxy.#child.exitCode, null, proxy.#read('output'));
      return (await proxy.exchange('GET /v1/account HTTP/1.0\r\n\r\n')).includes(' 401 ');
    });
    return proxy;
  }

  get url(): string {
    return `https://${this.host}:${this.port}`;
  }

  open(): TLSSocket {
    const socket = connect({ host: this.host, port: this.port, ca: this.#ca });
    return socket.on('error', () => undefined);
  }

  /** Sends bytes as they are, and returns what comes back until it closes. Never rejects. */
  async exchange(bytes: string | Buffer): Promise<string> {
    const socket = this.open();
    let text = '';
    socket.setEncoding('latin1').on('data', (more: string) => (text += more));
    socket.write(bytes);
    await new Promise((resolve) => socket.once('close', resolve));
    return text;
  }

  /** What it has taken for requests so far: their ids, and the statuses that they were answered. */
  get log(): readonly (readonly [id: string, status: string])[] {
    const text = this.#read(this.#kind === 'nginx' ? 'log' : 'output');
    return [...text.matchAll(/^(\w{8}) (-?\d+)$/gmu)].map(([, id = '', status = '']) => [
      id,
      status,
    ]);
  }

  #read(name: string): string {
    return readFileSync(join(this.#folder, name), 'utf8');
  }

  async stop(): Promise<void> {
    this.agent.destroy();
    if (this.#child.exitCode === null) {
      const closed = once(this.#child, 'close');
      this.#child.kill('SIGTERM');
      await closed;
    }
    removeFolder(this.#folder);
  }
}
