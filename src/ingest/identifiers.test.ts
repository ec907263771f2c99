import { DAY_MS } from '../domain/time.ts';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { NOTHING_MORE, type IncomingEvent } from '../domain/meter-events/meter-event.ts';
import { FUTURE_MS_MAX } from '../domain/meter-events/measure.ts';
import type { Namespace } from '../domain/namespace.ts';
import { ONE } from '../domain/quantity.ts';
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
const received = (
  identifier: string,
  receivedAtMs: number,
  given: Partial<IncomingEvent> = {},
): IncomingEvent => ({
  namespace: NAMESPACE,
  meterId: 'mtr_1',
  customer: 'cus_1',
  timestampMs: receivedAtMs,
  timestampIsSent: false,
  receivedAtMs,
  identifier,
  value: ONE,
  rest: NOTHING_MORE,
  ...given,
});

test('an identifier is new once', () => {
  const identifiers = newIdentifiers();
  assert.equal(identifiers.add(received('a', NOW_MS)), 'new');
  assert.equal(identifiers.add(received('a', NOW_MS + 1)), 'repeated');
  assert.equal(identifiers.add(received('b', NOW_MS)), 'new');
  assert.equal(identifiers.size, 2);
});

test('what repeats the first event is told from what may say something else', () => {
  const identifiers = newIdentifiers();
  const rest = new Map([
    ['zone', 'eu'],
    ['plan', 'pro'],
  ]);
  const sent = { timestampIsSent: true, timestampMs: NOW_MS - 5 };
  const first = { ...sent, rest };
  assert.deepEqual(identifiers.addAll([received('a', NOW_MS, first)]), ['new']);
  const inAnotherOrder = new Map([...rest].reverse());
  assert.equal(
    identifiers.add(received('a', NOW_MS + 1, { ...sent, rest: inAnotherOrder })),
    'repeated',
  );
  const others: readonly Partial<IncomingEvent>[] = [
    { ...first, meterId: 'mtr_2' },
    { ...first, customer: 'cus_2' },
    { ...first, value: { ...ONE, whole: 2 } },
    { ...first, value: { ...ONE, whole: 1 + 2 ** 32 } },
    { ...first, value: { ...ONE, fraction: 1 } },
    { ...first, value: { ...ONE, negative: true } },
    { ...first, timestampMs: NOW_MS - 4 },
    { ...first, timestampIsSent: false },
    { ...sent },
    { ...sent, rest: new Map([...rest, ['zone', 'us']]) },
    { ...sent, rest: new Map([...rest, ['more', '']]) },
  ];
  for (const other of others) {
    assert.equal(identifiers.add(received('a', NOW_MS, other)), 'taken', JSON.stringify(other));
  }
  assert.equal(identifiers.add(received('a', NOW_MS, first)), 'repeated');
  identifiers.cancelled({ namespace: NAMESPACE, identifier: 'a' });
  assert.equal(identifiers.add(received('a', NOW_MS, first)), 'taken');
});

test('accounts and modes know nothing of each other', () => {
  const identifiers = newIdentifiers();
  for (const namespace of ['acct_1/test', 'acct_1/live', 'acct_2/test'] as const) {
    assert.equal(identifiers.add(received('a', NOW_MS, { namespace })), 'new');
    assert.equal(identifiers.add(received('a', NOW_MS, { namespace })), 'repeated');
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
      const isNew = identifiers.add(received('a', receivedAtMs + laterMs)) === 'new';
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
        assert.notEqual(rebuilt.add(received(String(index), NOW_MS)), 'new');
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
      const add = () => identifiers.add(received(identifier, NOW_MS)) === 'new';
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
  for (let i = 121; i <= 150; i += 1) {
    assert.equal(restarted.add(received(String(i), NOW_MS)), 'new');
  }
  await restarted.rebuilt(150);
  for (let i = 1; i <= 150; i += 1) {
    assert.notEqual(restarted.add(received(String(i), NOW_MS)), 'new');
  }
  await restarted.close();
});
