import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { checkCatalogFile } from './check-file.ts';
import { openDatabase } from './database.ts';

test('a first start that ended before the file was in WAL mode is undone, and the next one goes on', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'taximeter-check-file-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [whole, cut] = [join(folder, 'whole.db'), join(folder, 'cut.db')];
  const db = new Database(whole);
  // Pages leave for the file before the commit, which only the journal can undo.
  db.pragma('cache_size = 1');
  db.exec(
    "BEGIN; CREATE TABLE t (a); INSERT INTO t SELECT randomblob(4000) FROM json_each('[1,2,3,4,5,6,7,8,9]')",
  );
  for (const ending of ['', '-journal']) copyFileSync(`${whole}${ending}`, `${cut}${ending}`);
  db.close();

  assert.equal(checkCatalogFile(cut, false), false);
  assert.ok(!existsSync(`${cut}-journal`));
  const opened = openDatabase(cut);
  assert.equal(opened.pragma('journal_mode', { simple: true }), 'wal');
  assert.deepEqual(opened.prepare("SELECT name FROM sqlite_schema WHERE name = 't'").all(), []);
  opened.close();
});
