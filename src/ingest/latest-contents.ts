/**
 * What the latest events said: a fingerprint each, so that a retry is known to be one at once, without a look at the
 * usage store. Most duplicates are retries of the last minutes.
 *
 * A table of a fixed size in which a new event takes the place of an older one, and nothing that must not be lost: what
 * is not here has to be compared with the first event itself.
 */
import type { IncomingEvent } from '../domain/meter-events/meter-event.ts';

/** 8 MiB. At full speed the events of some four seconds, at a thousand events a second those of a quarter of an hour. */
const SLOTS = 2 ** 20;
const SLOT_WORDS = 2;

export class LatestContents {
  /** Of each slot a word of the identifier's hash, and the fingerprint; 0 and 0 where there is none. */
  readonly #words: Uint32Array;
  readonly #mask: number;
  /** The meter that came last: most events are of the one before them. */
  #meterId = '';
  #meterHash = 0;

  /** `slots`: a power of two. */
  constructor(slots = SLOTS) {
    this.#words = new Uint32Array(slots * SLOT_WORDS);
    this.#mask = slots - 1;
  }

  /** Remembers what the event says, which is the first of its identifier. `hash` is the identifier's. */
  set(hash: Uint32Array, event: IncomingEvent): void {
    const at = this.#slotOf(hash);
    this.#words[at] = hash[1]!;
    this.#words[at + 1] = this.#fingerprintOf(event);
  }

  /**
   * Whether the first event of this identifier is remembered and said the same, to the letter. Two contents pass for the
   * same by chance at odds of one in four billion.
   */
  isSame(hash: Uint32Array, event: IncomingEvent): boolean {
    const at = this.#slotOf(hash);
    return this.#words[at] === hash[1] && this.#words[at + 1] === this.#fingerprintOf(event);
  }

  /** Forgets it: from now on what has this identifier is compared with the event itself. */
  forget(hash: Uint32Array): void {
    const at = this.#slotOf(hash);
    if (this.#words[at] === hash[1]) this.#words.fill(0, at, at + SLOT_WORDS);
  }

  /** Never 0. The rest of a payload counts in any order. */
  #fingerprintOf(event: IncomingEvent): number {
    const { meterId, value, rest } = event;
    if (meterId !== this.#meterId) {
      this.#meterId = meterId;
      this.#meterHash = mixText(0, meterId);
    }
    let hash = mixText(this.#meterHash, event.customer);
    hash = mixNumber(mixNumber(hash, value.whole), value.fraction);
    hash = mix(hash, value.negative ? 1 : 0);
    hash = mixNumber(hash, event.timestampIsSent ? event.timestampMs : -1);
    for (const [key, text] of rest) hash = (hash + mixText(mixText(1, key), text)) | 0;
    return finish(hash) || 1;
  }

  #slotOf(hash: Uint32Array): number {
    return (hash[2]! & this.#mask) * SLOT_WORDS;
  }
}

function mixText(hash: number, text: string): number {
  let mixed = mix(hash, text.length);
  for (let at = 0; at < text.length; at += 1) mixed = mix(mixed, text.charCodeAt(at));
  return mixed;
}

function mixNumber(hash: number, number: number): number {
  return mix(mix(hash, number | 0), Math.floor(number / 2 ** 32));
}

/** FNV-1a by whole words, with the high bits brought down, where a product alone would leave them. */
function mix(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, 0x01_00_01_93);
  return product ^ (product >>> 15);
}

/** The end of MurmurHash3: each bit of the input changes half of the output's. */
function finish(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85_eb_ca_6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2_b2_ae_35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
