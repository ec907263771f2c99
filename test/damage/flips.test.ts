/**
 * One bit of one file of a data folder flips, and a server starts on it: never a wrong sum. Files of every kind are drawn
 * alike, not bytes, so that the small ones have their turn.
 *
 * TAXIMETER_FLIPS says how many (40 unless told); TAXIMETER_SEED repeats the draws.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { newRandom } from '../support/random.ts';
import { copyOf, filesOf, judge, makeFolder, removeMade } from './made-folder.ts';

const FLIPS = Number(process.env['TAXIMETER_FLIPS'] ?? '40');

test(
  `${FLIPS} flipped bits make no wrong sum`,
  { timeout: 600_000 + FLIPS * 60_000 },
  async (t) => {
    const random = newRandom();
    t.diagnostic(`seed ${random.seed} (TAXIMETER_SEED repeats its draws)`);
    const folders = [await makeFolder('stopped'), await makeFolder('killed')];
    const counts = new Map<string, number>();
    const wrong: string[] = [];
    const kindsOf = folders.map(({ folder }) => [...Map.groupBy(filesOf(folder), kindOf).values()]);
    try {
      for (let flip = 0; flip < FLIPS; flip += 1) {
        const which = random.below(2);
        const file = random.pick(random.pick(kindsOf[which]!));
        const folder = copyOf(folders[which]!);
        const at = flipBit(join(folder, file), (limit) => random.below(limit));
        const outcome = await judge(folders[which]!, folder);
        if (outcome.startsWith('wrong')) wrong.push(`${which} ${file}, ${at}: ${outcome}`);
        const tally = `${kindOf(file)}: ${outcome.startsWith('wrong') ? 'WRONG' : outcome}`;
        counts.set(tally, (counts.get(tally) ?? 0) + 1);
      }
    } finally {
      for (const [tally, count] of counts) t.diagnostic(`${tally} ${count}`);
      for (const made of folders) removeMade(made);
    }
    assert.deepEqual(wrong, []);
  },
);

function flipBit(file: string, below: (limit: number) => number): string {
  const bytes = readFileSync(file);
  const at = below(bytes.length);
  const bit = below(8);
  bytes[at] = bytes[at]! ^ (1 << bit);
  writeFileSync(file, bytes);
  return `byte ${at}, bit ${bit}`;
}

/** The path without ids and numbers. */
function kindOf(file: string): string {
  return file
    .replaceAll(/[0-9a-f]{8}-[\w-]+|store\/\w+/gu, '')
    .replaceAll(/\w+_\d+_\d+_\d+\//gu, 'part/')
    .replaceAll(/\/+/gu, '/')
    .replaceAll(/\d+/gu, 'N');
}
