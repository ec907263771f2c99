/**
 * Steps that were released never change: a folder says only how many of them it has had. A release adds what is new to
 * this list; the test prints the hashes.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { SCHEMA_STEPS as JOURNAL_STEPS } from '../journal/sqlite/schema.ts';
import { SCHEMA_STEPS as USAGE_STEPS } from '../usage/schema.ts';

/** The first 12 digits of the SHA-256 of each, up to release 0.1.0. */
const RELEASED = {
  journal: ['b0174e2f895d', '8fb0d02f9bc3', '4daecf1232ee'],
  catalog: [
    '63a122b984d0',
    '9b205f4d95d6',
    '45bbfae7f0ff',
    'e6ae333b2559',
    'f71b1024cef2',
    '6d79462b9ddc',
  ],
  usage: ['0d6a3e0b830f', 'bd97f60c8e83', 'ed3df19ade4b', '8672665ce3c9'],
} as const;

const MIGRATIONS = new URL('../catalog/sqlite/migrations/', import.meta.url);
const NOW = {
  journal: JOURNAL_STEPS,
  catalog: readdirSync(MIGRATIONS)
    .toSorted()
    .map((name) => readFileSync(new URL(name, MIGRATIONS), 'utf8')),
  usage: USAGE_STEPS.map((statements) => statements.join(';')),
};

for (const part of ['journal', 'catalog', 'usage'] as const) {
  test(`released steps of the ${part} are what they were`, (t) => {
    const hashes = NOW[part].map((step) =>
      createHash('sha256').update(step).digest('hex').slice(0, 12),
    );
    t.diagnostic(`now: ${hashes.join(' ')}`);
    const released = RELEASED[part];
    assert.deepEqual(hashes.slice(0, released.length), released);
  });
}
