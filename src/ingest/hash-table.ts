/**
 * A table of hashed identifiers, each with the period (a day, an hour: any count from 0) it was added in. It
 * forgets an entry once it has seen, in any call, a period more than `windowPeriods` later. When the slot is
 * freed does not show. It owns nothing that a crash could lose: it is built anew from the store.
 *
 * Open addressing with linear probing in typed arrays: no object per entry, nothing for the garbage collector
 * to walk. A slot is 4 words: 112 bits of hash, then in the low half of word 3 a tag: 0 in an empty slot, else
 * 1 + the period modulo 65,535. The tag tells the period, as a shard is swept before the periods in it can be
 * further apart than two windows.
 *
 * There are 256 shards, by the top byte of word 0, each grown and swept at its own time: no event waits for
 * the whole table. Word 1 says at which slot of the shard a probe begins.
 */
const SHARDS = 256;
const SLOT_WORDS = 4;
const CAPACITY_MIN = 16;
/** Linear probing looks at 8.5 slots for an absent hash when 3/4 are taken, at 2.5 when half are. */
const LOAD_MAX = 0.75;
/** How full a shard is at most after a sweep, so that the next one is a quarter of its slots away. */
const LOAD_AFTER_SWEEP_MAX = 0.5;
const TAG_MASK = 0xffff;
const PERIODS = 65_535;
/** Two windows have to fit into the periods that a tag tells apart. */
export const WINDOW_PERIODS_MAX = 30_000;

type Shard = {
  readonly index: number;
  slots: Int32Array;
  /** A number for each slot; in a table without values of length 0, where writing does nothing. */
  values: Float64Array;
  /** Slots taken, those of forgotten entries included. */
  used: number;
  /** The periods of all entries are in [floor, floor + 2 windows]… */
  floor: number;
  /** …as the shard is swept when this period comes. */
  sweepAt: number;
};

export class HashTable {
  readonly #windowPeriods: number;
  readonly #valuesPerSlot: 0 | 1;
  readonly #shards: readonly Shard[];
  /** The latest period seen. */
  #now = 0;

  /**
   * An entry is remembered in its own period and in the `windowPeriods` (1 to WINDOW_PERIODS_MAX) after it.
   * With `values`, a number is kept with each entry, in 8 bytes a slot more.
   */
  constructor({ windowPeriods, values = false }: { windowPeriods: number; values?: boolean }) {
    if (!(windowPeriods >= 1 && windowPeriods <= WINDOW_PERIODS_MAX)) {
      throw new RangeError(`A window has 1 to ${WINDOW_PERIODS_MAX} periods.`);
    }
    this.#windowPeriods = windowPeriods;
    this.#valuesPerSlot = values ? 1 : 0;
    this.#shards = Array.from({ length: SHARDS }, (_, index) => ({
      index,
      slots: new Int32Array(CAPACITY_MIN * SLOT_WORDS),
      values: new Float64Array(CAPACITY_MIN * this.#valuesPerSlot),
      used: 0,
      floor: 0,
      sweepAt: 0,
    }));
  }

  /**
   * Adds a hash (4 words, of which 112 bits count) unless it is present; then its period and value stay as
   * they are. A period that would be forgotten at once is 'added' and not kept.
   */
  add(hash: Uint32Array, period: number, value = 0): 'added' | 'present' {
    const shard = this.#shardIn(period, hash);
    let at = probe(shard.slots, hash);
    const taken = isTaken(shard.slots, at);
    if (taken && this.#isRemembered(shard, at)) return 'present';
    if (period < this.#now - this.#windowPeriods) return 'added';
    if (!taken) {
      if (shard.used >= (LOAD_MAX * shard.slots.length) / SLOT_WORDS) {
        this.#sweep(shard);
        at = probe(shard.slots, hash);
      }
      shard.used += 1;
    }
    shard.slots[at] = hash[0]!;
    shard.slots[at + 1] = hash[1]!;
    shard.slots[at + 2] = hash[2]!;
    shard.slots[at + 3] = (hash[3]! & ~TAG_MASK) | (1 + (period % PERIODS));
    shard.values[at / SLOT_WORDS] = value;
    return 'added';
  }

  /** Whether the hash was added, and not deleted, in this period or in the window before it. */
  has(hash: Uint32Array, period: number): boolean {
    const shard = this.#shardIn(period, hash);
    const at = probe(shard.slots, hash);
    return isTaken(shard.slots, at) && this.#isRemembered(shard, at);
  }

  /** The value that a present hash was added with; undefined when it is absent or no values are kept. */
  findValue(hash: Uint32Array, period: number): number | undefined {
    const shard = this.#shardIn(period, hash);
    const at = probe(shard.slots, hash);
    const present = isTaken(shard.slots, at) && this.#isRemembered(shard, at);
    return present ? shard.values[at / SLOT_WORDS] : undefined;
  }

  /** Takes an `add` back and leaves no trace, so that any number of them cost nothing. Idempotent. */
  delete(hash: Uint32Array): void {
    const shard = this.#shards[hash[0]! >>> 24]!;
    const at = probe(shard.slots, hash);
    if (!isTaken(shard.slots, at)) return;
    closeHole(shard, at);
    shard.used -= 1;
  }

  /** Slots taken: by entries, and by forgotten ones until they are swept. */
  get size(): number {
    return this.#shards.reduce((sum, shard) => sum + shard.used, 0);
  }

  /** The memory of all slots, taken or not. */
  get bytes(): number {
    return this.#shards.reduce(
      (sum, { slots, values }) => sum + slots.byteLength + values.byteLength,
      0,
    );
  }

  /** The hash's shard, swept if this period makes it due. */
  #shardIn(period: number, hash: Uint32Array): Shard {
    if (period > this.#now) this.#now = period;
    const shard = this.#shards[hash[0]! >>> 24]!;
    if (this.#now >= shard.sweepAt) this.#sweep(shard);
    return shard;
  }

  #isRemembered(shard: Shard, at: number): boolean {
    return periodAt(shard, at) >= this.#now - this.#windowPeriods;
  }

  /** Drops what is forgotten and gives what is left the smallest capacity that it fills by half at most. */
  #sweep(shard: Shard): void {
    const { slots, values } = shard;
    const kept: number[] = [];
    for (let at = 0; at < slots.length; at += SLOT_WORDS) {
      if (isTaken(slots, at) && this.#isRemembered(shard, at)) kept.push(at);
    }
    let capacity = CAPACITY_MIN;
    while (kept.length > LOAD_AFTER_SWEEP_MAX * capacity) capacity *= 2;
    shard.slots = new Int32Array(capacity * SLOT_WORDS);
    shard.values = new Float64Array(capacity * this.#valuesPerSlot);
    for (const from of kept) {
      let to = homeOf(shard.slots, slots[from + 1]!);
      while (isTaken(shard.slots, to)) to = after(shard.slots, to);
      for (let i = 0; i < SLOT_WORDS; i += 1) shard.slots[to + i] = slots[from + i]!;
      shard.values[to / SLOT_WORDS] = values[from / SLOT_WORDS]!;
    }
    shard.used = kept.length;
    shard.floor = this.#now - this.#windowPeriods;
    // In a window at the latest, and not all shards in the same period.
    shard.sweepAt =
      this.#now + this.#windowPeriods - ((this.#now + shard.index) % this.#windowPeriods);
  }
}

/** Where the slot of this hash begins, or the empty one that ends the search for it. */
function probe(slots: Int32Array, hash: Uint32Array): number {
  const word0 = hash[0]! | 0;
  const word1 = hash[1]! | 0;
  const word2 = hash[2]! | 0;
  const word3 = hash[3]! >>> 16;
  let at = homeOf(slots, word1);
  while (isTaken(slots, at)) {
    if (
      slots[at + 1] === word1 &&
      slots[at] === word0 &&
      slots[at + 2] === word2 &&
      slots[at + 3]! >>> 16 === word3
    ) {
      break;
    }
    at = after(slots, at);
  }
  return at;
}

/** Where the search for a hash with this word 1 begins. */
function homeOf(slots: Int32Array, word1: number): number {
  return (word1 << 2) & (slots.length - SLOT_WORDS);
}

/** The next slot; the first one after the last. */
function after(slots: Int32Array, at: number): number {
  return (at + SLOT_WORDS) & (slots.length - SLOT_WORDS);
}

function isTaken(slots: Int32Array, at: number): boolean {
  return (slots[at + 3]! & TAG_MASK) !== 0;
}

/** The period of a taken slot: the first from the floor up with its tag. */
function periodAt({ slots, floor }: Shard, at: number): number {
  // `| 0`: as integers. The remainder of floats alone takes 25 ns.
  const distance = (((slots[at + 3]! & TAG_MASK) - 1 - floor) % PERIODS) | 0;
  return floor + (distance < 0 ? distance + PERIODS : distance);
}

/** Empties a slot, after moving up each later one of the run whose search would end at the hole. */
function closeHole({ slots, values }: Shard, at: number): void {
  const mask = slots.length - SLOT_WORDS;
  let hole = at;
  for (let next = after(slots, hole); isTaken(slots, next); next = after(slots, next)) {
    const home = homeOf(slots, slots[next + 1]!);
    if (((next - home) & mask) < ((next - hole) & mask)) continue;
    slots.copyWithin(hole, next, next + SLOT_WORDS);
    values[hole / SLOT_WORDS] = values[next / SLOT_WORDS]!;
    hole = next;
  }
  slots.fill(0, hole, hole + SLOT_WORDS);
}
