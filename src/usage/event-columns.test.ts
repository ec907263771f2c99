/** Whatever an event holds, ClickHouse reads from the block what was put into it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Session } from 'chdb';
import fc from 'fast-check';
import { formatQuantity, toDecimal, toQuantity } from '../domain/quantity.ts';
import { BlockJoiner } from './chdb/join-blocks.ts';
import { EventColumns, type RowEvent } from './event-columns.ts';

const folder = mkdtempSync(join(tmpdir(), 'taximeter-native-'));
const file = join(folder, 'events.native');
const session = new Session(join(folder, 'engine'));
after(() => {
  session.close();
  rmSync(folder, { recursive: true });
});

type Row = { readonly event: RowEvent; readonly sequence: number };

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

test('small blocks are made one, the same as if all rows had come at once', () => {
  const columns = new EventColumns();
  const joiner = new BlockJoiner();
  const toBlock = (rows: readonly Row[]): Uint8Array => {
    for (const { event, sequence } of rows) columns.add(event, sequence);
    return columns.take();
  };
  const blocks = fc.array(fc.array(row, { maxLength: 8 }), { maxLength: 6 });
  fc.assert(
    fc.property(blocks, (of) => {
      const joined = joiner.join(Buffer.concat(of.map(toBlock)));
      assert.deepEqual(Buffer.from(joined), Buffer.from(toBlock(of.flat())));
    }),
  );
  // More names than a number of one byte tells apart, and more rows than a new column has room for.
  const one = fc.sample(row, { numRuns: 1, seed: 1 })[0]!;
  const many = Array.from({ length: 1500 }, (_, i) => ({
    sequence: i,
    event: { ...one.event, meterId: `mtr_${i % 700}`, rest: new Map([[`key${i % 900}`, 'ü']]) },
  }));
  const cut = [0, 499, 998, 1497].map((start) => many.slice(start, start + 499));
  const joined = joiner.join(Buffer.concat(cut.map(toBlock)));
  assert.deepEqual(Buffer.from(joined), Buffer.from(toBlock(many)));
});

test('blocks that are large, cut off, or of other columns are left as they are', () => {
  const columns = new EventColumns();
  const joiner = new BlockJoiner();
  const { event } = fc.sample(row, { numRuns: 1, seed: 2 })[0]!;
  const toBlock = (rows: number): Buffer => {
    for (let i = 0; i < rows; i += 1) columns.add(event, i);
    return Buffer.from(columns.take());
  };
  const large = Buffer.concat([toBlock(500), toBlock(1)]);
  assert.equal(joiner.join(large), large);
  const small = Buffer.concat([toBlock(3), toBlock(2)]);
  for (let length = 1; length < small.length; length += 1) {
    const cut = small.subarray(0, length);
    assert.ok([cut.length, toBlock(3).length].includes(joiner.join(cut).length));
  }
  const other = Buffer.from(small.toString('latin1').replace('customer', 'clientid'), 'latin1');
  assert.equal(joiner.join(other), other);
  assert.deepEqual(Buffer.from(joiner.join(small)), toBlock5());
  function toBlock5(): Buffer {
    for (const i of [0, 1, 2, 0, 1]) columns.add(event, i);
    return Buffer.from(columns.take());
  }
});

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
      } satisfies RowEvent,
    }));
    for (const { event, sequence } of rows) columns.add(event, sequence);
    assert.deepEqual(await read([columns.take()]), rows.map(expected));
  }
});

test('no rows are no bytes', () => {
  const columns = new EventColumns();
  assert.equal(columns.take().length, 0);
});
