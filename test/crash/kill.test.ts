/**
 * What torture.ts asserts, as often as fits into CI. TAXIMETER_KILLS says how often (200 unless told);
 * TAXIMETER_SEED repeats the draws of a run.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newRandom } from '../support/random.ts';
import { countOf, shown, torture } from './torture.ts';

const KILLS = Number(process.env['TAXIMETER_KILLS'] ?? '200');

test(
  `${KILLS} kills lose nothing and double nothing`,
  { timeout: 600_000 + KILLS * 60_000 },
  async (t) => {
    const random = newRandom();
    t.diagnostic(`seed ${random.seed} (TAXIMETER_SEED repeats its draws)`);
    const report = await torture({ kills: KILLS, random }, (line) => t.diagnostic(line));
    for (const line of shown(report).split('\n')) t.diagnostic(line);
    assert.equal(countOf(report), KILLS);
  },
);
