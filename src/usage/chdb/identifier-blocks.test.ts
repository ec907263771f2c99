import assert from 'node:assert/strict';
import { test } from 'node:test';
import { identifierBlocks } from './identifier-blocks.ts';

/** A block as ClickHouse writes it; texts and names are short here, so that a length is one byte. */
function block(identifiers: readonly string[], receivedAtMs: readonly bigint[]): Buffer {
  const text = (value: string) => {
    const bytes = Buffer.from(value);
    return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  };
  return Buffer.concat([
    Buffer.from([2, identifiers.length]),
    text('identifier'),
    text('String'),
    ...identifiers.map(text),
    text('received_ms'),
    text('Int64'),
    Buffer.from(BigInt64Array.from(receivedAtMs).buffer),
  ]);
}

function read(bytes: Uint8Array): [string, number][] {
  return [...identifierBlocks(bytes)].flatMap(({ count, starts, lengths, receivedAtMs, ...of }) =>
    Array.from({ length: count }, (_, i): [string, number] => {
      const identifier = Buffer.from(of.bytes).subarray(starts[i], starts[i]! + lengths[i]!);
      return [identifier.toString(), receivedAtMs[i]!];
    }),
  );
}

test('every block is read, and times of any sign', () => {
  const first = block(['a', '', 'é🚕'], [0n, -1n, 253_402_300_799_999n]);
  const second = block(['b'], [-5_000_000_000n]);
  const empty = Buffer.from([0, 0]);
  assert.deepEqual(read(Buffer.concat([first, empty, second])), [
    ['a', 0],
    ['', -1],
    ['é🚕', 253_402_300_799_999],
    ['b', -5_000_000_000],
  ]);
  assert.deepEqual(read(Buffer.alloc(0)), []);
});

test('bytes that begin in the middle of their buffer are read as well', () => {
  const bytes = block(['a'], [7n]);
  assert.deepEqual(read(Buffer.concat([Buffer.alloc(3), bytes]).subarray(3)), [['a', 7]]);
});

test('a block that is cut, or has other columns, is refused', () => {
  const bytes = block(['abc', 'd'], [1n, 2n]);
  for (let length = 1; length < bytes.length; length += 1) {
    assert.throws(
      () => read(bytes.subarray(0, length)),
      { name: /RangeError|TypeError/u },
      `${length}`,
    );
  }
  const other = Buffer.from(bytes.toString('latin1').replace('Int64', 'Int32'), 'latin1');
  assert.throws(() => read(other), TypeError);
});
