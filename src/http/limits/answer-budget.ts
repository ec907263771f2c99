/**
 * Bounds the bytes of answers that are made and not fetched (P10). One of each connection there may be: of 10,000 connections
 * that do not read, ten gigabytes of the longest pages.
 */
import { ApiError } from '../../domain/errors.ts';
import type { HttpCall } from '../http-call.ts';

export type AnswerLimits = {
  /** Of all together. */
  readonly bytesMax: number;
  /** Of those to one owner, such as a key: the others still have room. With what its changes answer, twice as much. */
  readonly ownerBytesMax: number;
};

const ANSWER_LIMITS: AnswerLimits = {
  bytesMax: 128 * 1024 * 1024,
  ownerBytesMax: 32 * 1024 * 1024,
};

/** Up to here an answer is not counted: as many as there may be connections are 40 MB, and most are out at once. */
const SMALL_BYTES = 4 * 1024;

export class AnswerBudget {
  readonly #limits: AnswerLimits;
  readonly #ofOwner = new Map<string, number>();
  #bytes = 0;

  constructor(limits: Partial<AnswerLimits> = {}) {
    this.#limits = { ...ANSWER_LIMITS, ...limits };
  }

  /** Whether this owner may have an answer of so many bytes more; by default, of the least that is counted. */
  hasRoom(owner: string, bytes = SMALL_BYTES + 1): boolean {
    if (bytes <= SMALL_BYTES) return true;
    const { bytesMax, ownerBytesMax } = this.#limits;
    return this.#bytes + bytes <= bytesMax && this.#bytesOf(owner) + bytes <= ownerBytesMax;
  }

  /**
   * Counts an answer until it is out. False when there is no room for it, in all or past twice the owner's share: then it
   * must not be sent. What changes answer may go past the share, but not so far that one owner takes all the room.
   */
  take(call: Pick<HttpCall, 'onceOut'>, owner: string, bytes: number): boolean {
    if (bytes <= SMALL_BYTES) return true;
    const { bytesMax, ownerBytesMax } = this.#limits;
    if (this.#bytes + bytes > bytesMax) return false;
    if (this.#bytesOf(owner) + bytes > 2 * ownerBytesMax) return false;
    this.#add(owner, bytes);
    call.onceOut(() => this.#add(owner, -bytes));
    return true;
  }

  #bytesOf(owner: string): number {
    return this.#ofOwner.get(owner) ?? 0;
  }

  #add(owner: string, bytes: number): void {
    this.#bytes += bytes;
    const left = this.#bytesOf(owner) + bytes;
    if (left === 0) this.#ofOwner.delete(owner);
    else this.#ofOwner.set(owner, left);
  }
}

export function tooMuchUnread(): ApiError {
  return new ApiError(
    'rate_limit',
    'Too much of what was asked for has not been fetched yet. Read the answers, and try again a little later.',
  );
}
