/**
 * A server that `taximeter listen` or `events resend` was pointed at and that is no friend: what it says reaches the terminal as
 * text only.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { REPO, runCli, TEST_KEY } from '../support/server.ts';
import { until, within } from '../support/wait.ts';

/** Sets a title, clears the screen, makes a line of its own, turns text, begins a control sequence in one byte. */
const HOSTILE =
  '\u001B]0;owned\u0007\u001B[2J\r\nforged\u202E\u2066\u200F\u061C\u0085\u009B1A\u2028';
/** How it is shown. */
const SHOWN =
  '\\u001b]0;owned\\u0007\\u001b[2J\\u000d\\u000aforged\\u202e\\u2066\\u200f\\u061c\\u0085\\u009b1A\\u2028';
const env = { TAXIMETER_API_KEY: TEST_KEY };

async function serve(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function assertText(output: string): void {
  assert.doesNotMatch(output.replaceAll('\n', ''), /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u);
}

test('the reason of a refusal is one line of text', async (t) => {
  const url = await serve(t, (_, response) => {
    const key = 'sk_live_0123456789abcdef0123';
    response.writeHead(401).end(JSON.stringify({ error: { message: `${HOSTILE} ${key}` } }));
  });
  for (const command of [['events', 'resend', 'evt_1'], ['listen']]) {
    const { code, stderr } = await runCli([...command, '--url', url], { env });
    assert.equal(code, 1);
    assertText(stderr);
    assert.equal(stderr, `${SHOWN} sk_live_****0123\n`);
  }
});

for (const [what, body] of [
  ['what is no JSON', HOSTILE],
  ['no list', JSON.stringify({ data: HOSTILE })],
  ['a list of no events', JSON.stringify({ data: [null] })],
  ['events without a type', JSON.stringify({ data: [{ id: HOSTILE }] })],
  ['nothing', 'null'],
  ['a refusal without a message', JSON.stringify({ error: { message: [HOSTILE] } })],
]) {
  test(`${what}: one line says so`, async (t) => {
    const status = what?.startsWith('a refusal') === true ? 400 : 200;
    const url = await serve(t, (_, response) => response.writeHead(status).end(body));
    const { code, stderr } = await runCli(['listen', '--url', url], { env });
    assert.equal(code, 1);
    assertText(stderr);
    assert.match(stderr, /^(?:http:\S+ answers what is no JSON|The server answers )[^\n]*\n$/u);
  });
}

test('events are printed as text', async (t) => {
  let asked = 0;
  const url = await serve(t, (request, response) => {
    const isSnapshot = request.url?.startsWith('/v1/') === true;
    const data = isSnapshot && (asked += 1) > 1 ? [{ id: `evt_${HOSTILE}`, type: HOSTILE }] : [];
    response.end(JSON.stringify({ data }));
  });
  // Forwarded to where nothing listens for HTTP: what became of it is printed too.
  const args = [
    join(REPO, 'src/main.ts'),
    'listen',
    '--url',
    url,
    '--forward-to',
    `${url}/${HOSTILE}`,
  ];
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  await until('it is printed', () => output.includes('<-- ['));
  const closed = once(child, 'close');
  child.kill('SIGINT');
  await within('it ends', closed);
  assertText(output);
  assert.ok(output.includes(`--> ${SHOWN} [evt_${SHOWN}]\n`), output);
});
