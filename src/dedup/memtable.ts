/**
 * The records of late, in memory: open addressing with linear probing, no object per entry, nothing for the
 * garbage collector to walk. The slots are shared memory, so that a worker can write a table that is no longer
 * added to as a run, without a copy.
 *
 * There are 256 shards, by the top byte of word 0, each grown at its own time: no event waits for the whole
 * table. The other bits of word 0, scaled to the shard's capacity, are the record's home. So slots are nearly in
 * the order of the hashes, which makes sorting them cheap, and a capacity can be any number. Shards begin at
 * different sizes, so that they do not all grow in the same moments: by half each time, to 21 to 32 bytes an
 * entry in one shard, they take about 26 in all.
 */
import { copyRecord, isOf, isRecord, NONE, periodAt, RECORD_WORDS, writeRecord } from './record.ts';

const SHARDS = 256;
const CAPACITY_MIN = 16;
/** Linear probing looks at 8.5 slots for an absent hash when 3/4 are taken, next to each other. */
const LOAD_MAX = 0.75;
/** No shard of thousands gets this much more than its share. */
const EVENNESS = 1.04;
/** A quarter would keep it closer to 24 bytes, and take a third more time an entry. */
const GROWTH = 1.5;

export type Shard = {
  slots: Int32Array<SharedArrayBuffer>;
  /** A number for each slot; in a table without values of length 0, where writing does nothing. */
  values: Float64Array<SharedArrayBuffer>;
  used: number;
};

export class RecentTable {
  /** In the order of the hashes. */
  readonly shards: readonly Shard[];
  /** The period of the oldest record ever added; Infinity in an empty table. */
  oldestPeriod = Infinity;
  /** The value of the record that `find` found last. */
  foundValue = 0;
  readonly #valuesPerSlot: 0 | 1;
  #size = 0;

  /** `expected`: how many entries it need not grow for. */
  constructor({ values, expected = 0 }: { values: boolean; expected?: number }) {
    this.#valuesPerSlot = values ? 1 : 0;
    const shardExpected = Math.ceil((expected / SHARDS / LOAD_MAX) * EVENNESS);
    this.shards = Array.from({ length: SHARDS }, (_, index) => {
      const spread = Math.ceil(CAPACITY_MIN * GROWTH ** (index / SHARDS));
      return newShard(Math.max(spread, shardExpected), this.#valuesPerSlot);
    });
  }

  get size(): number {
    return this.#size;
  }

  /** The memory of all slots, taken or not. */
  get bytes(): number {
    return this.shards.reduce(
      (sum, { slots, values }) => sum + slots.byteLength + values.byteLength,
      0,
    );
  }

  /** The period of this hash, with its value in `foundValue`; NONE when it is absent. */
  find(hash: Uint32Array): number {
    const { slots, values } = this.shards[hash[0]! >>> 24]!;
    const at = probe(slots, hash);
    const period = periodAt(slots, at);
    if (period !== NONE) this.foundValue = values[at / RECORD_WORDS] ?? 0;
    return period;
  }

  /**
   * Reads where the search for a hash with this word 0 begins, and nothing else: memory brings it while the
   * next ones are touched, where each search alone would wait for it.
   */
  touch(word0: number): number {
    const { slots } = this.shards[word0 >>> 24]!;
    return slots[homeOf(slots, word0)]!;
  }

  /** Adds the hash, or gives it another period and value. */
  set(hash: Uint32Array, period: number, value: number): void {
    const shard = this.shards[hash[0]! >>> 24]!;
    let at = probe(shard.slots, hash);
    if (!isRecord(shard.slots, at)) {
      if (shard.used >= (LOAD_MAX * shard.slots.length) / RECORD_WORDS) {
        grow(shard, this.#valuesPerSlot);
        at = probe(shard.slots, hash);
      }
      shard.used += 1;
      this.#size += 1;
    }
    writeRecord(shard.slots, at, hash, period);
    shard.values[at / RECORD_WORDS] = value;
    if (period < this.oldestPeriod) this.oldestPeriod = period;
  }
}

/** Where in a shard the search for a hash with this word 0 begins. */
export function homeOf(slots: Int32Array, word0: number): number {
  const capacity = slots.length / RECORD_WORDS;
  return (((word0 & 0xff_ffff) * capacity * 2 ** -24) | 0) * RECORD_WORDS;
}

/** The slot of this hash, or the empty one that ends the search for it. */
function probe(slots: Int32Array, hash: Uint32Array): number {
  let at = homeOf(slots, hash[0]!);
  while (isRecord(slots, at) && !isOf(slots, at, hash)) at = after(slots, at);
  return at;
}

/** The next slot; the first one after the last. */
function after(slots: Int32Array, at: number): number {
  const next = at + RECORD_WORDS;
  return next === slots.length ? 0 : next;
}

function newShard(capacity: number, valuesPerSlot: number): Shard {
  const shared = (bytes: number): SharedArrayBuffer => new SharedArrayBuffer(bytes);
  return {
    slots: new Int32Array(shared(capacity * RECORD_WORDS * Int32Array.BYTES_PER_ELEMENT)),
    values: new Float64Array(shared(capacity * valuesPerSlot * Float64Array.BYTES_PER_ELEMENT)),
    used: 0,
  };
}

function grow(shard: Shard, valuesPerSlot: number): void {
  const { slots: from, values: fromValues } = shard;
  const capacity = from.length / RECORD_WORDS;
  const { slots, values } = newShard(Math.ceil(capacity * GROWTH), valuesPerSlot);
  for (let at = 0; at < from.length; at += RECORD_WORDS) {
    if (!isRecord(from, at)) continue;
    let to = homeOf(slots, from[at]!);
    while (isRecord(slots, to)) to = after(slots, to);
    copyRecord(from, at, slots, to);
    values[to / RECORD_WORDS] = fromValues[at / RECORD_WORDS]!;
  }
  shard.slots = slots;
  shard.values = values;
}
