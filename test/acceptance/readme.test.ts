/** What the README tells a newcomer to paste works as it is pasted. Only the address and the key differ. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Server, TEST_KEY } from '../support/server.ts';

const REPO = resolve(import.meta.dirname, '../..');
const readme = readFileSync(join(REPO, 'README.md'), 'utf8');
const run = promisify(execFile);

let server: Server;
before(async () => {
  server = await Server.start();
});
after(async () => {
  await server.remove();
});

/** The README's first block in a language that has this text in it. */
function block(language: string, having: string): string {
  const blocks = readme.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'gu'));
  const found = [...blocks].map(([, text]) => text ?? '').find((text) => text.includes(having));
  assert.ok(found, `no ${language} block with ${having}`);
  return found;
}

test('the first calls with curl answer the usage that was sent', async () => {
  const pasted = block('sh', 'event_summaries').replace(/^export .*$/mu, '');
  const env = { ...process.env, TAXIMETER: server.url, KEY: TEST_KEY };
  const { stdout } = await run('bash', ['-ec', pasted], { cwd: REPO, env });
  assert.match(stdout, /"aggregated_value":25\.5,/u);
});

test('the first calls with the SDK print the usage that was sent', async () => {
  const pasted = block('js', 'listEventSummaries').replace('4747', new URL(server.url).port);
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', pasted], {
    cwd: REPO,
    env: { ...process.env, KEY: TEST_KEY },
  });
  assert.equal(stdout.trim(), '1200');
});

test('the calls of the stream print what became of the events', async () => {
  const pasted = block('js', 'meterEventStream').replaceAll('4747', new URL(server.url).port);
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', pasted], {
    cwd: REPO,
    env: { ...process.env, KEY: TEST_KEY },
  });
  assert.equal(stdout.trim(), '2 0 1');
});
