/** Random draws that a printed seed repeats. */
import { randomInt, randomUUID } from 'node:crypto';

export type Random = {
  readonly seed: number;
  /** An integer in [0, below). */
  below(below: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** A new, shuffled list. */
  shuffled<T>(items: readonly T[]): T[];
};

/** The seed from the environment (TAXIMETER_SEED), or a new one. */
export function newRandom(
  seed = Number(process.env['TAXIMETER_SEED'] ?? randomInt(2 ** 31)),
): Random {
  let state = seed >>> 0;
  // mulberry32: 32 bits of state are plenty to vary a test.
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    seed,
    below,
    chance: (probability) => next() < probability,
    pick: <T>(items: readonly T[]): T => items[below(items.length)] as T,
    shuffled: <T>(items: readonly T[]): T[] => {
      const list = [...items];
      for (let end = list.length - 1; end > 0; end--) {
        const other = below(end + 1);
        [list[end], list[other]] = [list[other] as T, list[end] as T];
      }
      return list;
    },
  };
}

/** A name that no other test uses, so that tests can share a server. */
export function unique(stem: string): string {
  return `${stem}_${randomUUID().slice(0, 13).replace('-', '')}`;
}
