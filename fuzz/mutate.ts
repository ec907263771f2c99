/** Inputs made from others, so that most of them are nearly right. */
import type { Random } from '../test/support/random.ts';
import type { Target } from './target.ts';

/** Most inputs are short, since short ones are many a second; one in a few thousand is as long as a body may be. */
const USUAL_LENGTH_MAX = 500;
const LENGTH_MAX = 1024 * 1024;
const LONG_CHANCE = 1 / 5_000;

export type MutatorParts = Pick<Target, 'corpus' | 'tokens' | 'generate' | 'lengthMax'>;

export class Mutator {
  readonly #random: Random;
  readonly #parts: MutatorParts;
  readonly #corpus: string[];

  constructor(random: Random, parts: MutatorParts) {
    this.#random = random;
    this.#parts = parts;
    this.#corpus = [...parts.corpus];
  }

  /** From here on, this input is mutated too. */
  keep(input: string): void {
    if (input.length <= USUAL_LENGTH_MAX) this.#corpus.push(input);
  }

  next(): string {
    const random = this.#random;
    const { generate, lengthMax = LENGTH_MAX } = this.#parts;
    if (generate !== undefined && random.chance(0.5)) return generate(random);
    let input = random.pick(this.#corpus);
    for (let changes = 1 + random.below(4); changes > 0; changes -= 1) input = this.#change(input);
    if (!random.chance(LONG_CHANCE)) return input.slice(0, USUAL_LENGTH_MAX);
    const [start, end] = this.#range(input);
    const part = input.slice(start, end) || random.pick(this.#parts.tokens);
    const room = lengthMax - input.length;
    const times = Math.floor(random.below(room) / part.length);
    return input.slice(0, start) + part.repeat(times) + input.slice(end);
  }

  #change(input: string): string {
    const random = this.#random;
    const [start, end] = this.#range(input);
    const before = input.slice(0, start);
    const part = input.slice(start, end);
    const after = input.slice(end);
    switch (random.below(8)) {
      case 0:
        return before + random.pick(this.#parts.tokens) + part + after;
      case 1:
        return before + random.pick(this.#parts.tokens) + after;
      case 2:
        return before + after;
      case 3:
        return before + part.repeat(2 + random.below(12)) + after;
      case 4:
        return before + this.#tail(random.pick(this.#corpus));
      case 5:
        return before + this.#char() + after;
      case 6:
        return before + String(random.below(10)) + after;
      default:
        return after + part + before;
    }
  }

  /** Where one change is: short, anywhere. */
  #range(input: string): [start: number, end: number] {
    const start = this.#random.below(input.length + 1);
    return [start, Math.min(input.length, start + this.#random.below(8))];
  }

  #tail(input: string): string {
    return input.slice(this.#random.below(input.length + 1));
  }

  #char(): string {
    const random = this.#random;
    return String.fromCharCode(random.below(random.pick([0x20, 0x80, 0x100, 0x1_0000])));
  }
}
