/** So many at once in all, and of these so many of one account: what one account may not have is left for the others. */
export class Shares {
  readonly #max: number;
  readonly #maxOfOne: number;
  readonly #held = new Map<string, number>();
  #all = 0;

  constructor(max: number, maxOfOne: number) {
    this.#max = max;
    this.#maxOfOne = maxOfOne;
  }

  /** Takes one; else says whose bound is reached. */
  take(account: string): 'taken' | 'account is full' | 'all are full' {
    const held = this.#held.get(account) ?? 0;
    if (held >= this.#maxOfOne) return 'account is full';
    if (this.#all >= this.#max) return 'all are full';
    this.#held.set(account, held + 1);
    this.#all += 1;
    return 'taken';
  }

  giveBack(account: string): void {
    const held = (this.#held.get(account) ?? 0) - 1;
    if (held > 0) this.#held.set(account, held);
    else this.#held.delete(account);
    this.#all -= 1;
  }
}
