import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { dropEmptyTokens, hasEmptyTokens } from './token-logs.ts';

/** A table as the engine lays it out. */
function aTable(t: TestContext, parts: readonly string[], log: string) {
  const folder = mkdtempSync(join(tmpdir(), 'taximeter-tokens-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const table = join(folder, 'store/abc/abc-def');
  for (const part of parts) mkdirSync(join(table, part), { recursive: true });
  const logs = join(table, 'deduplication_logs');
  mkdirSync(logs, { recursive: true });
  const file = join(logs, 'deduplication_log_1.txt');
  writeFileSync(file, log);
  return { folder, logs, read: () => readFileSync(file, 'latin1') };
}

const PARTS = [
  '202601_1_3_1',
  '202601_5_5_0_7',
  '202602_1_1_0',
  'all_1_1_0',
  'tmp_insert_202601_6_6_0',
];

test('a token counts when its part is there, by itself or in a merged one', (t) => {
  const kept = [
    '1\t202601_2_2_0\ta\n',
    '1\t202601_5_5_0\tb\n',
    '1\tall_1_1_0\tc\n',
    '2\t202512_1_1_0\td\n',
  ];
  const { folder, read } = aTable(t, PARTS, kept.join(''));
  assert.ok(!hasEmptyTokens(folder));
  dropEmptyTokens(folder);
  assert.equal(read(), kept.join(''));
});

test('a token goes when its part never got its name, and the others stay', (t) => {
  const log = '1\t202601_1_1_0\ta\n1\t202601_6_6_0\tb\n1\t202602_2_2_0\tc\n1\t202602_1_1_0\td';
  const { folder, logs, read } = aTable(t, PARTS, log);
  assert.ok(hasEmptyTokens(folder));
  dropEmptyTokens(folder);
  assert.equal(read(), '1\t202601_1_1_0\ta\n1\t202602_1_1_0\td');
  assert.ok(!hasEmptyTokens(folder));
  assert.deepEqual(readdirSync(logs), ['deduplication_log_1.txt']);
});

test('a folder that is new has none', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'taximeter-tokens-'));
  t.after(() => rmSync(folder, { recursive: true }));
  dropEmptyTokens(join(folder, 'usage'));
  assert.deepEqual(readdirSync(folder), []);
});
