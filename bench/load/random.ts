/**
 * Random identifiers at a few dozen nanoseconds each: Marsaglia's xorshift128 (period 2^128 - 1, so that no
 * UUID comes twice in a run), seeded by the system.
 */
import { randomFillSync } from 'node:crypto';

export const UUID_LENGTH = 36;

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const HIGH = Uint8Array.from(HEX, (pair) => pair.charCodeAt(0));
const LOW = Uint8Array.from(HEX, (pair) => pair.charCodeAt(1));
const DASH = 0x2d;
const DIGIT_0 = 0x30;

export class Random {
  #x: number;
  #y: number;
  #z: number;
  #w: number;

  constructor(seed: Uint32Array = randomFillSync(new Uint32Array(4))) {
    const [x = 1, y = 2, z = 3, w = 4] = seed;
    // A state of zeros would stay zero.
    [this.#x, this.#y, this.#z, this.#w] = [x | 1, y, z, w];
  }

  /** Any 32-bit integer. */
  next(): number {
    const t = this.#x ^ (this.#x << 11);
    this.#x = this.#y;
    this.#y = this.#z;
    this.#z = this.#w;
    this.#w = this.#w ^ (this.#w >>> 19) ^ t ^ (t >>> 8);
    return this.#w;
  }

  /** A whole number in [0, below). */
  below(below: number): number {
    return (this.next() >>> 0) % below;
  }

  /** Writes a version 4 UUID of 36 characters. */
  writeUuid(bytes: Uint8Array, at: number): void {
    writeHex(bytes, at, this.next());
    bytes[at + 8] = DASH;
    const middle = (this.next() & 0xffff0fff) | 0x4000;
    writeHex16(bytes, at + 9, middle >>> 16);
    bytes[at + 13] = DASH;
    writeHex16(bytes, at + 14, middle);
    bytes[at + 18] = DASH;
    const node = (this.next() & 0x3fffffff) | 0x80000000;
    writeHex16(bytes, at + 19, node >>> 16);
    bytes[at + 23] = DASH;
    writeHex16(bytes, at + 24, node);
    writeHex(bytes, at + 28, this.next());
  }

  /** Writes `length` decimal digits. */
  writeDigits(bytes: Uint8Array, at: number, length: number): void {
    let rest = this.next() >>> 0;
    for (let i = at + length - 1; i >= at; i -= 1) {
      bytes[i] = DIGIT_0 + (rest % 10);
      rest = Math.trunc(rest / 10);
    }
  }
}

function writeHex(bytes: Uint8Array, at: number, word: number): void {
  writeHex16(bytes, at, word >>> 16);
  writeHex16(bytes, at + 4, word);
}

function writeHex16(bytes: Uint8Array, at: number, half: number): void {
  const high = (half >>> 8) & 0xff;
  const low = half & 0xff;
  bytes[at] = HIGH[high] ?? 0;
  bytes[at + 1] = LOW[high] ?? 0;
  bytes[at + 2] = HIGH[low] ?? 0;
  bytes[at + 3] = LOW[low] ?? 0;
}
