import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { FUTURE_MS_MAX } from '../events/measure.ts';
import type { Namespace } from '../namespace.ts';
import { DAY_MS } from '../summaries/windows.ts';
import { Identifiers } from './identifiers.ts';
import { NamespaceHashes } from './namespace-hashes.ts';

const WINDOW_DAYS = 3;
const NAMESPACE: Namespace = 'acct_1/test';
/** An event may be dated a little ahead of its arrival: for that much longer it can be sent again. */
const REMEMBERED_MS = WINDOW_DAYS * DAY_MS + FUTURE_MS_MAX;
/** In the middle of a day. */
const NOW_MS = 20_000.5 * DAY_MS;

const folder = mkdtempSync(join(tmpdir(), 'taximeter-identifiers-'));
after(() => rmSync(folder, { recursive: true }));

const openIdentifiers = (dataFolder: string, lastPosition = 0) =>
  new Identifiers(new NamespaceHashes(Uint32Array.of(1, 2, 3, 4)), {
    owner: 'journal',
    dataFolder,
    lastPosition,
    windowDays: WINDOW_DAYS,
    recentMax: 100,
    onFailure: (error) => {
      throw error;
    },
  });
const newIdentifiers = () => openIdentifiers(mkdtempSync(join(folder, 'data-')));
const received = (identifier: string, receivedAtMs: number, namespace: Namespace = NAMESPACE) => ({
  namespace,
  identifier,
  receivedAtMs,
});

test('an identifier is new once', () => {
  const identifiers = newIdentifiers();
  assert.equal(identifiers.add(received('a', NOW_MS)), true);
  assert.equal(identifiers.add(received('a', NOW_MS + 1)), false);
  assert.equal(identifiers.add(received('b', NOW_MS)), true);
  assert.equal(identifiers.size, 2);
});

test('accounts and modes know nothing of each other', () => {
  const identifiers = newIdentifiers();
  for (const namespace of ['acct_1/test', 'acct_1/live', 'acct_2/test'] as const) {
    assert.equal(identifiers.add(received('a', NOW_MS, namespace)), true);
    assert.equal(identifiers.add(received('a', NOW_MS, namespace)), false);
  }
});

test('an identifier is remembered for as long as its event can be sent again, and forgotten two days after it at most', () => {
  const anyTime = fc.integer({ min: 0, max: DAY_MS - 1 }).map((ms) => NOW_MS + ms);
  // The edge and its neighbourhood are drawn as often as all the rest.
  const later = fc.oneof(
    fc.nat({ max: (WINDOW_DAYS + 4) * DAY_MS }),
    fc.nat({ max: DAY_MS }).map((ms) => REMEMBERED_MS - ms),
    fc.constant(REMEMBERED_MS),
  );
  const sentAt = fc.oneof(
    anyTime,
    fc.nat({ max: FUTURE_MS_MAX }).map((ms) => 20_001 * DAY_MS - ms),
  );
  fc.assert(
    fc.property(sentAt, later, (receivedAtMs, laterMs) => {
      const identifiers = newIdentifiers();
      identifiers.add(received('a', receivedAtMs));
      const isNew = identifiers.add(received('a', receivedAtMs + laterMs));
      if (laterMs <= REMEMBERED_MS) assert.equal(isNew, false);
      if (laterMs > (WINDOW_DAYS + 2) * DAY_MS) assert.equal(isNew, true);
    }),
  );
});

test('a rebuild from what is stored, in any order, remembers the whole window', () => {
  const ages = fc.array(fc.nat({ max: (WINDOW_DAYS + 3) * DAY_MS }), { maxLength: 20 });
  fc.assert(
    fc.property(ages, (agesMs) => {
      const rebuilt = newIdentifiers();
      const sinceMs = rebuilt.rememberedSinceMs(NOW_MS);
      assert.ok(sinceMs <= NOW_MS - REMEMBERED_MS);
      agesMs.forEach((ageMs, index) => {
        if (NOW_MS - ageMs >= sinceMs) rebuilt.add(received(String(index), NOW_MS - ageMs));
      });
      agesMs.forEach((ageMs, index) => {
        if (ageMs > REMEMBERED_MS) return;
        assert.equal(rebuilt.add(received(String(index), NOW_MS)), false);
      });
    }),
  );
});

test('an identifier is the same as text and as bytes, wherever they stand', () => {
  const anIdentifier = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('\ufeffa', 'é', ''),
  );
  const identifiers = newIdentifiers();
  const seen = new Set<string>();
  fc.assert(
    fc.property(anIdentifier, fc.nat({ max: 5 }), fc.boolean(), (identifier, start, asText) => {
      const bytes = Buffer.from('x'.repeat(start) + identifier + 'x');
      const length = bytes.length - start - 1;
      const isNew = !seen.has(identifier);
      seen.add(identifier);
      const asBytes = () => identifiers.addBytes(NAMESPACE, bytes, start, length, NOW_MS);
      const add = () => identifiers.add(received(identifier, NOW_MS));
      assert.equal(asText ? add() : asBytes(), isNew);
      assert.equal(asText ? asBytes() : add(), false);
    }),
    { numRuns: 1_000 },
  );
});

test('what was sealed is there after a restart, and the rest comes from what is stored', async () => {
  const dataFolder = mkdtempSync(join(folder, 'data-'));
  const identifiers = openIdentifiers(dataFolder);
  await identifiers.rebuilt(0);
  for (let i = 1; i <= 150; i += 1) {
    identifiers.add(received(String(i), NOW_MS));
    if (i === 120) identifiers.sealIfDue(120, NOW_MS, async () => undefined);
    if (i === 120) await identifiers.idle();
  }
  await identifiers.close();
  const restarted = openIdentifiers(dataFolder, 150);
  assert.equal(restarted.coveredThrough, 120);
  assert.equal(restarted.size, 120);
  for (let i = 121; i <= 150; i += 1) assert.ok(restarted.add(received(String(i), NOW_MS)));
  await restarted.rebuilt(150);
  for (let i = 1; i <= 150; i += 1) assert.ok(!restarted.add(received(String(i), NOW_MS)));
  await restarted.close();
});
