import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { MANIFEST } from './manifest.ts';
import { Remembered, type RememberedOptions } from './dedup-set.ts';
import { DamagedRunError } from './run-file.ts';
import { folders, spread } from './testing/hashes.ts';

const newFolder = folders();
const ENTRIES = 500;
const POSITION = 1234;

function open(folder: string, given: Partial<RememberedOptions> = {}): Remembered {
  return Remembered.open({
    folder,
    owner: 'journal',
    lastPosition: POSITION,
    windowPeriods: 3,
    recentMax: ENTRIES,
    onFailure: (error) => {
      throw error;
    },
    ...given,
  });
}

function hashOf(i: number): Uint32Array {
  const hash = new Uint32Array(4);
  spread(i, hash);
  return hash;
}

const runIn = (folder: string): string =>
  join(
    folder,
    readdirSync(folder).find((file) => file.startsWith('run-'))!,
  );

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at < 0 ? bytes.length + at : at]! ^= 4;
  writeFileSync(path, bytes);
}

describe('what is on disk is opened as it is, or not at all', () => {
  const whole = newFolder();
  const copyOfWhole = (): string => {
    const folder = newFolder();
    cpSync(whole, folder, { recursive: true });
    return folder;
  };
  before(async () => {
    const remembered = open(whole);
    await remembered.rebuilt(0);
    for (let i = 0; i < ENTRIES; i += 1) remembered.add(hashOf(i), 1);
    remembered.sealIfDue(POSITION, 1, async () => undefined);
    await remembered.idle();
    await remembered.close();
  });

  async function assertGone(folder: string, given?: Partial<RememberedOptions>): Promise<void> {
    const remembered = open(folder, given);
    assert.equal(remembered.coveredThrough, 0);
    assert.equal(remembered.size, 0);
    assert.deepEqual(readdirSync(folder), []);
    // It can be filled again.
    await remembered.rebuilt(0);
    assert.equal(remembered.add(hashOf(0), 1), 'added');
    await remembered.close();
  }

  test('whole: all is there, and a smaller window or a longer journal do no harm', async () => {
    for (const given of [{}, { windowPeriods: 2 }, { lastPosition: POSITION + 1 }]) {
      const remembered = open(whole, given);
      assert.equal(remembered.coveredThrough, POSITION);
      assert.equal(remembered.size, ENTRIES);
      for (let i = 0; i < ENTRIES; i += 1) assert.equal(remembered.add(hashOf(i), 1), 'present');
      await remembered.close();
    }
  });

  test('files that a crash has left are removed, those of others are not', async () => {
    const folder = copyOfWhole();
    const named = readdirSync(folder);
    cpSync(runIn(folder), join(folder, 'run-of-a-seal-that-was-not-named'));
    for (const file of ['run-1.tmp', `${MANIFEST}.tmp`, 'notes']) {
      writeFileSync(join(folder, file), 'half');
    }
    const remembered = open(folder);
    assert.equal(remembered.size, ENTRIES);
    assert.deepEqual(readdirSync(folder).toSorted(), [...named, 'notes'].toSorted());
    await remembered.close();
  });

  const others: [string, Partial<RememberedOptions>][] = [
    ['of another owner', { owner: 'another journal' }],
    ['newer than the journal', { lastPosition: POSITION - 1 }],
    ['of a shorter window: what is wanted now may have been dropped', { windowPeriods: 4 }],
    ['without the values that are wanted', { values: true }],
  ];
  for (const [what, given] of others) {
    test(what, async () => await assertGone(copyOfWhole(), given));
  }

  const damages: [string, (folder: string) => void][] = [
    ['without manifest', (folder) => rmSync(join(folder, MANIFEST))],
    ['with an empty manifest', (folder) => truncateSync(join(folder, MANIFEST), 0)],
    ['with null for a manifest', (folder) => writeFileSync(join(folder, MANIFEST), 'null')],
    ['with half a manifest', (folder) => truncateSync(join(folder, MANIFEST), 80)],
    ['without its run', (folder) => rmSync(runIn(folder))],
    ['with half a run', (folder) => truncateSync(runIn(folder), 4000)],
    ['with a flipped bit in the footer', (folder) => flip(runIn(folder), -30)],
    ['with a flipped bit in the index', (folder) => flip(runIn(folder), -70)],
    ['with a flipped bit in the filter', (folder) => flip(runIn(folder), 8 * 1024 + 100)],
  ];
  for (const [what, damage] of damages) {
    test(what, async () => {
      const folder = copyOfWhole();
      damage(folder);
      await assertGone(folder);
    });
  }

  test('a digit that changed in the manifest', async () => {
    const text = readFileSync(join(whole, MANIFEST), 'utf8');
    const digits = [...text.matchAll(/\d/gu)].map(({ index }) => index);
    for (const at of digits) {
      const folder = copyOfWhole();
      const digit = (Number(text[at]) + 1) % 10;
      writeFileSync(join(folder, MANIFEST), text.slice(0, at) + digit + text.slice(at + 1));
      await assertGone(folder);
    }
  });

  test('a damaged page is found by who needs it, and named', async () => {
    const folder = copyOfWhole();
    flip(runIn(folder), 100);
    const remembered = open(folder);
    await remembered.rebuilt(POSITION);
    const answers = Array.from({ length: ENTRIES }, (_, i) => {
      try {
        return remembered.add(hashOf(i), 1);
      } catch (error) {
        assert.ok(error instanceof DamagedRunError);
        assert.ok(error.message.includes(runIn(folder)));
        return 'refused';
      }
    });
    assert.ok(answers.includes('refused'));
    assert.ok(!answers.includes('added'));
    await remembered.close();
  });
});
