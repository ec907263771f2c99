/**
 * Idempotency-Key as Stripe has it (docs: api/idempotent_requests): the first answer to a keyed POST is
 * given again for 24 h, also after a restart; the same key with other parameters, or while the first request
 * is still being answered, is refused. Refusals are not kept: a request that changed nothing may be mended
 * and sent again under its key.
 *
 * Where the first answer lives depends on where the change went, so that both are stored in one commit: in
 * the catalog, as a body; in the journal, as a receipt from which the route makes the answer again. A table
 * of key hashes in memory says which, so that a fresh key costs no look-up on disk.
 */
import type { Answers, SavedAnswer } from '../catalog/catalog.ts';
import { parseExactly } from '../domain/core-events/wire.ts';
import { ApiError } from '../domain/errors.ts';
import { IN_CATALOG, type AnsweredKeys } from '../ingest/answered-keys.ts';
import type { Journal } from '../journal/journal.ts';
import { findPacked, type Fingerprint } from '../journal/receipt.ts';
import type { Namespace } from '../domain/namespace.ts';
import { Reply, type Answer, type ApiRequest, type Claim, type Route } from './route.ts';

/** Stripe's limit. */
const KEY_LENGTH_MAX = 255;

export type Answered = {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly replayed: Replayed | undefined;
};
/** The id of the first request, where it is kept: a receipt has no room for it. */
export type Replayed = { readonly originalRequest: string | undefined };

export class Idempotency {
  readonly #answered: AnsweredKeys;
  readonly #answers: Pick<Answers, 'find'>;
  readonly #journal: Pick<Journal, 'receipts' | 'answerBody'>;
  /** The keys that are being answered. */
  readonly #inFlight = new Map<Namespace, Set<string>>();

  constructor(
    answered: AnsweredKeys,
    answers: Pick<Answers, 'find'>,
    journal: Pick<Journal, 'receipts' | 'answerBody'>,
  ) {
    this.#answered = answered;
    this.#answers = answers;
    this.#journal = journal;
  }

  /** Answers a keyed request: the first time through `route.handle`, then with the same answer again. */
  async answer(route: Route, request: ApiRequest & { claim: Claim }): Promise<Answered> {
    const { claim } = request;
    const { idempotencyKey } = claim;
    const inFlight = this.#inFlightOf(request.namespace);
    if (inFlight.has(idempotencyKey)) throw keyInUse(idempotencyKey);
    // Held until the answer is on disk: a second request finds either this mark or the answer.
    inFlight.add(idempotencyKey);
    try {
      const place = this.#answered.find(claim.keyHash, request.receivedAtMs);
      if (place !== undefined) {
        const first = await this.#firstAnswer(route, request, place);
        if (first !== undefined) return first;
      }
      const answered = toAnswered(await route.handle(request));
      if (route.replay === undefined && route.keepsNoAnswer !== true) {
        this.#answered.add(claim.keyHash, request.receivedAtMs, IN_CATALOG);
      }
      return answered;
    } finally {
      inFlight.delete(idempotencyKey);
    }
  }

  #inFlightOf(namespace: Namespace): Set<string> {
    let keys = this.#inFlight.get(namespace);
    if (keys === undefined) {
      keys = new Set();
      this.#inFlight.set(namespace, keys);
    }
    return keys;
  }

  /** What a retry of the request is known by; for `identity` see parameters.ts. Throws for a key that is none. */
  claim(
    { namespace }: Pick<ApiRequest, 'namespace'>,
    idempotencyKey: string,
    identity: string | Fingerprint,
  ): Claim {
    if (idempotencyKey === '' || idempotencyKey.length > KEY_LENGTH_MAX) {
      throw new ApiError(
        'parameter_invalid',
        `Invalid Idempotency-Key: must be 1 to ${KEY_LENGTH_MAX} characters.`,
      );
    }
    const keyHash = this.#answered.hashKey(namespace, idempotencyKey);
    const fingerprint =
      typeof identity === 'string' ? this.#answered.fingerprint(namespace, identity) : identity;
    return { idempotencyKey, keyHash, fingerprint };
  }

  /** The first answer; undefined when it is not kept any more. Throws when it stood for something else. */
  async #firstAnswer(
    route: Route,
    request: ApiRequest & { claim: Claim },
    place: number,
  ): Promise<Answered | undefined> {
    const { claim, namespace } = request;
    if (place === IN_CATALOG) {
      const saved = await this.#answers.find(namespace, claim.idempotencyKey);
      if (saved === undefined) return undefined;
      if (saved.fingerprint !== claim.fingerprint.join('-')) throw mismatch(claim);
      const body = bodyFor(route, request, saved);
      return { body, headers: {}, replayed: { originalRequest: saved.requestId } };
    }
    const receipt = findPacked(await this.#journal.receipts(place), claim.keyHash);
    if (receipt === undefined) return undefined;
    if (!isSame(receipt.fingerprint, claim.fingerprint) || route.replay === undefined) {
      throw mismatch(claim);
    }
    const body = route.replaysBody
      ? await this.#journal.answerBody(place, claim.keyHash)
      : undefined;
    return toAnswered(route.replay(request, receipt, body), { originalRequest: undefined });
  }
}

function bodyFor({ forOtherKey }: Route, request: ApiRequest, saved: SavedAnswer): string {
  if (forOtherKey === undefined || saved.keyId === request.key.id) return saved.body;
  return JSON.stringify(forOtherKey(request, parseExactly(saved.body) as object));
}

export function toAnswered(answer: Answer, replayed?: Replayed): Answered {
  if (answer instanceof Reply) {
    return { body: JSON.stringify(answer.body), headers: answer.headers, replayed };
  }
  return { body: JSON.stringify(answer), headers: {}, replayed };
}

function isSame(a: Fingerprint, b: Fingerprint): boolean {
  return a[0] === b[0] && a[1] === b[1];
}

/** Stripe's text, as users report it. */
function mismatch({ idempotencyKey }: Claim): ApiError {
  return new ApiError(
    'idempotency_mismatch',
    'Keys for idempotent requests can only be used with the same parameters they were first used with. ' +
      `Try using a key other than '${idempotencyKey}' if you meant to execute a different request.`,
  );
}

function keyInUse(idempotencyKey: string): ApiError {
  return new ApiError(
    'idempotency_key_in_use',
    `There is currently another in-progress request using this Idempotency-Key (${idempotencyKey}). ` +
      'Try again when it has been answered.',
  );
}
