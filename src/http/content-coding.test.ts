import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { constants, createZstdCompress, gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { ApiError, type ErrorCode } from '../domain/errors.ts';
import { BodyBudget } from './limits/body-budget.ts';
import { codingOf, Unpacker, type Coding } from './content-coding.ts';

const PACK: Readonly<Record<Coding, (bytes: Uint8Array) => Buffer>> = {
  gzip: (bytes) => gzipSync(bytes),
  zstd: (bytes) => zstdCompressSync(bytes),
};
const CODINGS = ['gzip', 'zstd'] as const;
const MAX = 1024 * 1024;

async function unpack(coding: Coding, packed: Buffer, room = MAX): Promise<Buffer> {
  const share = new BodyBudget(room).open();
  return await new Unpacker().unpack(coding, packed, MAX, share);
}

async function refused(promise: Promise<unknown>, reason: ErrorCode): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof ApiError, String(error));
    assert.equal(error.reason, reason);
    return true;
  });
}

/** What the streams of this version of Node make of a body: chunks of it, so no length in front. */
async function streamed(bytes: Buffer, windowLog: number): Promise<Buffer> {
  const stream = createZstdCompress({ params: { [constants.ZSTD_c_windowLog]: windowLog } });
  stream.end(bytes);
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test('one coding that is known is taken, and none', () => {
  const of = (sent?: string): Coding | undefined =>
    codingOf(sent === undefined ? {} : { 'content-encoding': sent });
  assert.deepEqual(
    [of(), of(''), of('identity'), of('Identity')],
    [undefined, undefined, undefined, undefined],
  );
  assert.deepEqual(
    [of('gzip'), of('GZip'), of('x-gzip'), of('zstd')],
    ['gzip', 'gzip', 'gzip', 'zstd'],
  );
  for (const other of [
    'br',
    'deflate',
    'gzip, gzip',
    'identity, gzip',
    'gzip,',
    'x',
    'gzip;q=1',
    '*',
  ]) {
    assert.throws(
      () => of(other),
      (error) => error instanceof ApiError && error.reason === 'content_coding_unsupported',
      other,
    );
  }
});

for (const coding of CODINGS) {
  describe(coding, () => {
    test('a body comes out as it was, up to the last byte that it may have', async () => {
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ maxLength: 1000 }), async (bytes) => {
          assert.deepEqual(await unpack(coding, PACK[coding](bytes)), Buffer.from(bytes));
        }),
        { numRuns: 50 },
      );
      const whole = Buffer.alloc(MAX, 'ab');
      assert.deepEqual(await unpack(coding, PACK[coding](whole)), whole);
      assert.equal((await unpack(coding, Buffer.alloc(0))).length, 0);
    });

    test('a bomb is refused at the bound, whatever would come after it', async () => {
      for (const length of [MAX + 1, 300 * MAX]) {
        const bomb = PACK[coding](Buffer.alloc(length));
        await refused(unpack(coding, bomb), 'body_too_large');
        // Not even unpacked so far when there is no room for it.
        await refused(unpack(coding, bomb, 100_000), 'rate_limit');
      }
    });

    test('what is unpacked is counted, and given back with the rest', async () => {
      const budget = new BodyBudget(1000);
      const share = budget.open();
      await new Unpacker().unpack(coding, PACK[coding](Buffer.alloc(900)), MAX, share);
      assert.throws(() => budget.open().take(101), ApiError);
      share.close();
      budget.open().take(1000);
    });

    test('whatever else is sent is refused: cut, changed, or with more behind it', async () => {
      const bytes = Buffer.from('{"event_name":"requests","payload":{"value":"1"}}'.repeat(20));
      const packed = PACK[coding](bytes);
      for (let end = 1; end < packed.length; end += 1) {
        await refused(unpack(coding, packed.subarray(0, end)), 'body_invalid');
      }
      for (const more of ['x', '\0\0\0\0', 'garbage'.repeat(100)]) {
        const longer = Buffer.concat([packed, Buffer.from(more)]);
        await refused(unpack(coding, longer), 'body_invalid');
      }
      await refused(unpack(coding, bytes), 'body_invalid');
      const other = coding === 'gzip' ? 'zstd' : 'gzip';
      await refused(unpack(other, packed), 'body_invalid');
      const change = fc.tuple(fc.nat(packed.length - 1), fc.integer({ min: 1, max: 255 }));
      await fc.assert(
        fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
          const changed = Buffer.from(packed);
          for (const [at, by] of changes) changed[at] = (changed[at] ?? 0) ^ by;
          // Some changes show in nothing (a time in the header), or in what comes out, which JSON or a form refuses.
          await unpack(coding, changed).catch((error: unknown) => {
            assert.ok(error instanceof ApiError, String(error));
            assert.ok(['body_invalid', 'body_too_large'].includes(error.reason));
          });
        }),
        { numRuns: 200 },
      );
    });
  });
}

test('a frame that asks for much memory is refused before it gets any', async () => {
  const bytes = Buffer.alloc(300_000, 'x');
  assert.deepEqual(await unpack('zstd', await streamed(bytes, 23)), bytes);
  await refused(unpack('zstd', await streamed(bytes, 24)), 'body_invalid');
  await refused(unpack('zstd', await streamed(bytes, 27)), 'body_invalid');
});

test('gzip in members is one body; a second frame of zstd is refused, not dropped', async () => {
  const [a, b] = [Buffer.from('a'), Buffer.from('b')];
  assert.equal((await unpack('gzip', Buffer.concat([gzipSync(a), gzipSync(b)]))).toString(), 'ab');
  const frames = Buffer.concat([zstdCompressSync(a), zstdCompressSync(b)]);
  await refused(unpack('zstd', frames), 'body_invalid');
});

test('many at once take turns, and each gets its own, also behind one that is refused', async () => {
  const unpacker = new Unpacker();
  const budget = new BodyBudget();
  const results = await Promise.allSettled(
    Array.from({ length: 50 }, async (_, index) => {
      const bytes = index % 5 === 0 ? Buffer.from('x') : gzipSync(`body ${index}`);
      return (await unpacker.unpack('gzip', bytes, MAX, budget.open())).toString();
    }),
  );
  for (const [index, result] of results.entries()) {
    if (index % 5 === 0) assert.equal(result.status, 'rejected');
    else assert.deepEqual(result, { status: 'fulfilled', value: `body ${index}` });
  }
});
