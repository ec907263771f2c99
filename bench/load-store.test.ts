import { DAY_MS } from '../src/domain/time.ts';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { systemClock } from '../src/lib/clock.ts';
import { closeDataFolder, openDataFolder } from '../src/ops/data-folder.ts';
import { loadStore } from './load-store.ts';

const root = mkdtempSync(join(tmpdir(), 'taximeter-load-'));
after(() => rmSync(root, { recursive: true }));

const UNTIL_MS = 20_000 * DAY_MS;
const OPTIONS = { customers: 10, days: 3, untilMs: UNTIL_MS };

type Event = { readonly identifier: string; readonly receivedAtMs: number };

async function read(folder: string) {
  const opened = await openDataFolder(folder, systemClock, 'must exist');
  const events: Event[] = [];
  for await (const chunk of opened.store.identifiers({ afterSequence: 0, sinceMs: 0 })) {
    for (let i = 0; i < chunk.count; i += 1) {
      const start = chunk.starts[i]!;
      const bytes = chunk.bytes.subarray(start, start + chunk.lengths[i]!);
      const identifier = Buffer.from(bytes).toString();
      events.push({ identifier, receivedAtMs: chunk.receivedAtMs[i]! });
    }
  }
  events.sort((a, b) => a.receivedAtMs - b.receivedAtMs);
  const audit = await opened.store.auditor.hours({});
  const lastSequence = await opened.store.lastSequence();
  const journalEndsAt = opened.journal.lastSequence;
  await closeDataFolder(opened);
  return { events, audit, lastSequence, journalEndsAt };
}

test('a loaded folder is whole: rollup, journal and meter fit, and more can be loaded', async () => {
  const folder = join(root, 'whole');
  const first = await loadStore(folder, { ...OPTIONS, events: 2000 });
  const second = await loadStore(folder, { ...OPTIONS, events: 1000, seed: 2 });
  assert.equal(second.meterId, first.meterId);
  assert.equal(second.lastSequence, 3000);
  const { events, audit, lastSequence, journalEndsAt } = await read(folder);
  assert.deepEqual([lastSequence, journalEndsAt], [3000, 3000]);
  assert.deepEqual([audit.events, audit.differences], [3000, 0]);
  assert.equal(new Set(events.map(({ identifier }) => identifier)).size, 3000);
});

test('the same seed makes the same events, evenly over the days', async () => {
  const make = async (name: string, seed: number): Promise<readonly Event[]> => {
    await loadStore(join(root, name), { ...OPTIONS, events: 1000, seed });
    return (await read(join(root, name))).events;
  };
  const events = await make('one', 7);
  assert.deepEqual(await make('two', 7), events);
  assert.notDeepEqual(await make('other', 8), events);
  const dayOf = ({ receivedAtMs }: Event) => Math.floor((UNTIL_MS - 1 - receivedAtMs) / DAY_MS);
  const perDay = [0, 1, 2].map((day) => events.filter((event) => dayOf(event) === day).length);
  for (const count of perDay) assert.ok(Math.abs(count - 1000 / 3) < 2, `${count} in a day`);
});
