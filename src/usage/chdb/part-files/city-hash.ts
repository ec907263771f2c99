/**
 * CityHash128 as ClickHouse has it (version 1.0.2, by Google, MIT licence): the hash in its parts' `checksums.txt`. Written for
 * files of some kilobytes: it counts in bigints.
 */
const K0 = 0xc3a5c85c97cb3127n;
const K1 = 0xb492b66fbe98f273n;
const K2 = 0x9ae16a3b2f90404fn;
const K3 = 0xc949d7c7509e6557n;
const MULTIPLIER = 0x9ddfea08eb382d69n;

type Pair = readonly [low: bigint, high: bigint];

/** ClickHouse hashes its files in pieces of so many bytes, each seeded with what came before. */
const PIECE_BYTES = 2048;

/** Of a text as a whole. As ClickHouse writes it: 16 bytes, both halves little endian; in hexadecimal. */
export function cityHash128(bytes: Uint8Array): string {
  return toHex(hashOf(viewOf(bytes)));
}

/** Of a file, as its part's `checksums.txt` has it. */
export function fileHash(bytes: Uint8Array): string {
  let hash: Pair = [0n, 0n];
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    hash = seeded(viewOf(bytes.subarray(at, at + PIECE_BYTES)), hash);
  }
  return toHex(hash);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function toHex([low, high]: Pair): string {
  const out = Buffer.alloc(16);
  out.writeBigUInt64LE(low, 0);
  out.writeBigUInt64LE(high, 8);
  return out.toString('hex');
}

function hashOf(view: DataView): Pair {
  const length = view.byteLength;
  if (length >= 16) return seeded(tail(view, 16), [word(view, 0) ^ K3, word(view, 8)]);
  if (length >= 8) {
    const seed = word(view, 0) ^ u64(BigInt(length) * K0);
    return seeded(tail(view, length), [seed, word(view, length - 8) ^ K1]);
  }
  return seeded(view, [K0, K1]);
}

function seeded(view: DataView, seed: Pair): Pair {
  return view.byteLength < 128 ? murmur(view, seed) : long(view, seed);
}

function murmur(view: DataView, [low, high]: Pair): Pair {
  const length = view.byteLength;
  let a = low;
  let b = high;
  let c: bigint;
  let d: bigint;
  if (length <= 16) {
    a = u64(mix(u64(a * K1)) * K1);
    c = u64(b * K1 + short(view));
    d = mix(u64(a + (length >= 8 ? word(view, 0) : c)));
  } else {
    c = fold(u64(word(view, length - 8) + K1), a);
    d = fold(u64(b + BigInt(length)), u64(c + word(view, length - 16)));
    a = u64(a + d);
    for (let at = 0; at + 16 < length; at += 16) {
      a = u64((a ^ u64(mix(u64(word(view, at) * K1)) * K1)) * K1);
      b ^= a;
      c = u64((c ^ u64(mix(u64(word(view, at + 8) * K1)) * K1)) * K1);
      d ^= c;
    }
  }
  a = fold(a, c);
  b = fold(d, b);
  return [a ^ b, fold(b, a)];
}

/** Of up to 16 bytes. */
function short(view: DataView): bigint {
  const length = view.byteLength;
  const size = BigInt(length);
  if (length > 8) {
    const b = word(view, length - 8);
    return fold(word(view, 0), rotate(u64(b + size), size)) ^ b;
  }
  if (length >= 4) {
    const first = BigInt(view.getUint32(0, true));
    return fold(u64(size + (first << 3n)), BigInt(view.getUint32(length - 4, true)));
  }
  if (length === 0) return K2;
  const y = BigInt(view.getUint8(0) + view.getUint8(length >> 1) * 256);
  const z = BigInt(length + view.getUint8(length - 1) * 4);
  return u64(mix(u64(y * K2) ^ u64(z * K3)) * K2);
}

/** Of 128 bytes and more. */
function long(view: DataView, [low, high]: Pair): Pair {
  const length = view.byteLength;
  let x = low;
  let y = high;
  let z = u64(BigInt(length) * K1);
  let v: Pair = [u64(rotate(y ^ K1, 49n) * K1 + word(view, 0)), 0n];
  v = [v[0], u64(rotate(v[0], 42n) * K1 + word(view, 8))];
  let w: Pair = [
    u64(rotate(u64(y + z), 35n) * K1 + x),
    u64(rotate(u64(x + word(view, 88)), 53n) * K1),
  ];
  const whole = length - (length % 128);
  for (let at = 0; at < whole; at += 64) {
    x = u64(rotate(u64(x + y + v[0] + word(view, at + 16)), 37n) * K1) ^ w[1];
    y = u64(rotate(u64(y + v[1] + word(view, at + 48)), 42n) * K1) ^ v[0];
    z = rotate(z ^ w[0], 33n);
    v = weak(view, at, u64(v[1] * K1), u64(x + w[0]));
    w = weak(view, at + 32, u64(z + w[1]), y);
    [z, x] = [x, z];
  }
  y = u64(y + rotate(w[0], 37n) * K0 + z);
  x = u64(x + rotate(u64(v[0] + z), 49n) * K0);
  for (let done = 32; done - 32 < length - whole; done += 32) {
    y = u64(rotate(u64(y - x), 42n) * K0 + v[1]);
    w = [u64(w[0] + word(view, length - done + 16)), w[1]];
    x = u64(rotate(x, 49n) * K0 + w[0]);
    w = [u64(w[0] + v[0]), w[1]];
    v = weak(view, length - done, v[0], v[1]);
  }
  x = fold(x, v[0]);
  y = fold(y, w[0]);
  return [u64(fold(u64(x + v[1]), w[1]) + y), fold(u64(x + w[1]), u64(y + v[1]))];
}

/** Of 32 bytes and two seeds. */
function weak(view: DataView, at: number, seedA: bigint, seedB: bigint): Pair {
  const last = word(view, at + 24);
  const a = u64(seedA + word(view, at));
  const b = rotate(u64(seedB + a + last), 21n);
  const sum = u64(a + word(view, at + 8) + word(view, at + 16));
  return [u64(sum + last), u64(b + rotate(sum, 44n) + a)];
}

/** Two words to one. */
function fold(low: bigint, high: bigint): bigint {
  let a = u64((low ^ high) * MULTIPLIER);
  a ^= a >> 47n;
  let b = u64((high ^ a) * MULTIPLIER);
  b ^= b >> 47n;
  return u64(b * MULTIPLIER);
}

function word(view: DataView, at: number): bigint {
  return view.getBigUint64(at, true);
}

function tail(view: DataView, from: number): DataView {
  return new DataView(view.buffer, view.byteOffset + from, view.byteLength - from);
}

function u64(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}

function rotate(value: bigint, by: bigint): bigint {
  return by === 0n ? value : (value >> by) | u64(value << (64n - by));
}

function mix(value: bigint): bigint {
  return value ^ (value >> 47n);
}
