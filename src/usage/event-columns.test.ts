/** Whatever an event holds, ClickHouse reads from the block what was put into it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Session } from 'chdb';
import fc from 'fast-check';
import type { IncomingEvent } from '../events/event.ts';
import { formatQuantity, toDecimal, toQuantity } from '../quantity.ts';
import { EventColumns } from './event-columns.ts';

const folder = mkdtempSync(join(tmpdir(), 'taximeter-native-'));
const file = join(folder, 'events.native');
const session = new Session(join(folder, 'engine'));
after(() => {
  session.close();
  rmSync(folder, { recursive: true });
});

type Row = { readonly event: IncomingEvent; readonly sequence: number };

/** Well-formed texts of every length class: a varint of one byte and of two, ASCII and not. */
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 40 }).filter((one) => one.isWellFormed()),
  fc.constantFrom('', 'x'.repeat(127), 'x'.repeat(128), 'ü'.repeat(64), '🚕'.repeat(100)),
);

const row: fc.Arbitrary<Row> = fc.record({
  sequence: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  event: fc.record({
    namespace: fc.constantFrom('acct_1/test', 'acct_1/live', 'acct_2/test'),
    meterId: text,
    customer: text,
    timestampMs: fc.nat({ max: 4_294_964_400_000 }),
    receivedAtMs: fc.nat({ max: 4_294_964_400_000 }),
    identifier: text,
    value: fc.bigInt({ min: -(10n ** 27n - 1n), max: 10n ** 27n - 1n }).map(toDecimal),
    rest: fc.array(fc.tuple(text, text), { maxLength: 3 }).map((pairs) => new Map(pairs)),
  }),
});

/** What the engine finds in these blocks, in the order in which the rows were added. */
async function read(blocks: readonly Uint8Array[]): Promise<unknown[]> {
  const bytes = Buffer.concat(blocks);
  if (bytes.length === 0) return [];
  await writeFile(file, bytes);
  const result = await session.queryAsync(
    `SELECT namespace, meter, customer, toString(toUnixTimestamp64Milli(timestamp)), toString(sequence),
       toString(toUnixTimestamp64Milli(received_at)), identifier, toString(value),
       arraySort(arrayZip(mapKeys(payload), mapValues(payload)))
     FROM file('${file}', Native) SETTINGS max_threads = 1`,
    { format: 'JSONCompactEachRow' },
  );
  return result
    .text()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);
}

function expected({ event, sequence }: Row): unknown {
  const pairs = [...event.rest].toSorted(byBytes);
  const times = [event.timestampMs, sequence, event.receivedAtMs].map(String);
  const names = [event.namespace, event.meterId, event.customer];
  return [...names, ...times, event.identifier, formatQuantity(toQuantity(event.value)), pairs];
}

/** ClickHouse compares texts by their bytes, JavaScript by UTF-16 units. */
function byBytes([a]: [string, string], [b]: [string, string]): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

test('rows come out as they went in, also from blocks that lie one after the other', async () => {
  const columns = new EventColumns();
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(row, { maxLength: 8 }), { maxLength: 4 }),
      async (blocks) => {
        const written = blocks.map((rows) => {
          for (const { event, sequence } of rows) columns.add(event, sequence);
          assert.equal(columns.rows, rows.length);
          return columns.take();
        });
        assert.deepEqual(await read(written), blocks.flat().map(expected));
      },
    ),
    { numRuns: 150 },
  );
});

test('a block may name more meters and keys than one byte or two count, and be larger than any buffer', async () => {
  const columns = new EventColumns();
  for (const count of [256, 257, 70_000]) {
    const rows = Array.from({ length: count }, (_, n) => ({
      sequence: n,
      event: {
        namespace: 'acct_1/test',
        meterId: `mtr_${n}`,
        customer: `cus_${n % 7}`,
        timestampMs: n,
        receivedAtMs: n,
        identifier: `event ${n}`,
        value: toDecimal(BigInt(n)),
        rest: new Map([[`key ${n}`, String(n)]]),
      } satisfies IncomingEvent,
    }));
    for (const { event, sequence } of rows) columns.add(event, sequence);
    assert.deepEqual(await read([columns.take()]), rows.map(expected));
  }
});

test('no rows are no bytes', () => {
  const columns = new EventColumns();
  assert.equal(columns.take().length, 0);
});
