/** What the tests of this folder share. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

/**
 * Few hashes, many of one shard, that begin their search at few places, the first and the last slot among them, so
 * that runs of slots grow long, overlap and wrap around. Any of the words may be what tells two of them apart.
 */
export const fewHashes: readonly Uint32Array[] = [
  0, 1, 0xff000000, 0xff000001, 0xff800000, 0xfffffffe, 0xffffffff,
].flatMap((word0) => [
  Uint32Array.of(word0, 0, 0, 0),
  Uint32Array.of(word0, 0, 0, 0xff000000),
  Uint32Array.of(word0, 0, 0x80000000, 0),
  Uint32Array.of(word0, 0x7fffffff, 0, 0),
  Uint32Array.of(word0, 0x80000000, 1, 0x01000000),
]);

/** Well spread words from a counter: the finalizer of MurmurHash3. */
export function spread(i: number, out: Uint32Array): void {
  for (let word = 0; word < 4; word += 1) {
    let x = Math.imul(i + 1, 0x9e3779b1) + Math.imul(word + 1, 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    out[word] = x ^ (x >>> 16);
  }
}

/** A function that makes new folders; all are removed after the tests of the file. */
export function folders(): () => string {
  const root = mkdtempSync(join(tmpdir(), 'taximeter-remembered-'));
  after(() => rmSync(root, { recursive: true, force: true }));
  return () => mkdtempSync(join(root, 'folder-'));
}
