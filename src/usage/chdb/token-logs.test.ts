import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { dropTokens, hasEmptyTokens } from './token-logs.ts';

/** A table as the engine lays it out. */
function aTable(t: TestContext, parts: readonly string[], log: string) {
  const folder = mkdtempSync(join(tmpdir(), 'taximeter-tokens-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const table = join(folder, 'store/abc/abc-def');
  for (const part of parts) mkdirSync(join(table, part), { recursive: true });
  const logs = join(table, 'deduplication_logs');
  mkdirSync(logs, { recursive: true });
  writeFileSync(join(logs, 'deduplication_log_1.txt'), log);
  return { folder, logs };
}

const PARTS = [
  '202601_1_3_1',
  '202601_5_5_0_7',
  '202602_1_1_0',
  'all_1_1_0',
  'tmp_insert_202601_6_6_0',
];

test('a token stands for something when its part is there, by itself or in a merged one', (t) => {
  const lines = [
    '1\t202601_2_2_0\ta\n',
    '1\t202601_5_5_0\tb\n',
    '1\tall_1_1_0\tc\n',
    '2\t202512_1_1_0\td\n',
  ];
  assert.ok(!hasEmptyTokens(aTable(t, PARTS, lines.join('')).folder));
});

test('a token stands for nothing when its part never got its name', (t) => {
  for (const part of ['202601_6_6_0', '202602_2_2_0', '202603_1_1_0']) {
    const log = `1\t202601_1_1_0\ta\n1\t${part}\tb\n1\t202602_1_1_0\tc`;
    assert.ok(hasEmptyTokens(aTable(t, PARTS, log).folder), part);
  }
});

test('a token of a part that was dropped with its month stands for something', (t) => {
  const lines = ['1\t202601_1_1_0\ta\n', '1\t202512_7_7_0\tb\n', '2\t202512_7_7_0\tb\n'];
  assert.ok(!hasEmptyTokens(aTable(t, PARTS, lines.join('')).folder));
  assert.ok(hasEmptyTokens(aTable(t, PARTS, lines.slice(0, 2).join('')).folder));
});

test('no list outlives its process, whatever is in it; a folder that is new has none', (t) => {
  const log = '1\t202601_1_1_0\ta\n1\t202601_6_6_0\tb\n1\t2026';
  const { folder, logs } = aTable(t, PARTS, log);
  dropTokens(folder);
  assert.deepEqual(readdirSync(logs), []);
  dropTokens(folder);
  dropTokens(join(folder, 'missing'));
});
