import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { LAST_BOOT_FILE, LastBoot } from './last-boot.ts';

const ONE = '15b114cc-3efc-4fb2-8a6e-281f232f373d';
const OTHER = '25b114cc-3efc-4fb2-8a6e-281f232f373d';

function aMachine(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'taximeter-boot-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const data = mkdtempSync(join(folder, 'data-'));
  const bootIdFile = join(folder, 'boot_id');
  return {
    data,
    open: (bootId: string): LastBoot => {
      writeFileSync(bootIdFile, `${bootId}\n`);
      return new LastBoot(data, bootIdFile);
    },
    openWithout: (): LastBoot => new LastBoot(data, join(folder, 'missing')),
  };
}

test('another boot than the noted one is told, until it is noted', (t) => {
  const { data, open } = aMachine(t);
  assert.equal(open(ONE).isAnother, false, 'nothing was noted');
  open(ONE).note();
  assert.equal(open(ONE).isAnother, false);
  assert.equal(open(OTHER).isAnother, true);
  const boot = open(OTHER);
  boot.note();
  assert.equal(boot.isAnother, false);
  assert.equal(open(OTHER).isAnother, false);
  assert.equal(open(ONE).isAnother, true);
  assert.deepEqual(readdirSync(data), [LAST_BOOT_FILE]);
});

test('a machine that tells no boot, or a note that is none, is not another', (t) => {
  const { data, open, openWithout } = aMachine(t);
  openWithout().note();
  assert.deepEqual(readdirSync(data), []);
  open(ONE).note();
  assert.equal(openWithout().isAnother, false);
  assert.equal(open('unknown').isAnother, false);
  writeFileSync(join(data, LAST_BOOT_FILE), '');
  assert.equal(open(ONE).isAnother, false);
});

test('it is noted at once where no database has a log, and else not', (t) => {
  const { data, open } = aMachine(t);
  const file = join(data, 'some.db');
  writeFileSync(`${file}-wal`, '');
  open(ONE).noteWithoutLogs([join(data, 'other.db'), file]);
  open(ONE).note();
  open(OTHER).noteWithoutLogs([file]);
  assert.equal(open(OTHER).isAnother, true);
  rmSync(`${file}-wal`);
  open(OTHER).noteWithoutLogs([file]);
  assert.equal(open(OTHER).isAnother, false);
});

test('this machine tells its boot, if it is Linux', { skip: process.platform !== 'linux' }, (t) => {
  const { data } = aMachine(t);
  new LastBoot(data).note();
  assert.deepEqual(readdirSync(data), [LAST_BOOT_FILE]);
  assert.equal(new LastBoot(data).isAnother, false);
});
