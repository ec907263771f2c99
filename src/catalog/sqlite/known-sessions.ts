/** The sessions of a catalog in memory, in the order of creation, and which of them have to go for a new one. */
import { ApiError } from '../../domain/errors.ts';
import type { Namespace } from '../../domain/namespace.ts';
import type { Session } from '../catalog.ts';

/** How many one creation drops at most: more than it adds, and little enough to wait for. */
const DROPPED_MAX = 100;

export type SessionLimits = { readonly all: number; readonly ofKey: number };

/** The tokens of a namespace by the keys that opened their sessions. */
type Held = { count: number; readonly ofKey: Map<string, Set<string>> };

export class KnownSessions {
  readonly #limits: SessionLimits;
  readonly #known = new Map<string, Session>();
  readonly #heldIn = new Map<Namespace, Held>();

  constructor(limits: SessionLimits) {
    this.#limits = limits;
  }

  find(tokenSha256: string): Session | undefined {
    return this.#known.get(tokenSha256);
  }

  put(session: Session, tokenSha256: string): void {
    this.#known.set(tokenSha256, session);
    const { namespace, keyId } = session;
    const held = this.#heldIn.get(namespace) ?? { count: 0, ofKey: new Map<string, Set<string>>() };
    this.#heldIn.set(namespace, held);
    held.count += 1;
    const tokens = held.ofKey.get(keyId);
    if (tokens === undefined) held.ofKey.set(keyId, new Set([tokenSha256]));
    else tokens.add(tokenSha256);
  }

  drop(tokenSha256: string): void {
    const session = this.#known.get(tokenSha256);
    if (session === undefined) return;
    this.#known.delete(tokenSha256);
    const held = this.#heldIn.get(session.namespace);
    const tokens = held?.ofKey.get(session.keyId);
    if (held === undefined || tokens === undefined) return;
    held.count -= 1;
    tokens.delete(tokenSha256);
    if (tokens.size === 0) held.ofKey.delete(session.keyId);
    if (held.count === 0) this.#heldIn.delete(session.namespace);
  }

  /** The oldest, as long as they expired before that. */
  expiredBefore(timeMs: number): readonly string[] {
    const expired: string[] = [];
    for (const [tokenSha256, { expiresAtMs }] of this.#known) {
      if (expiresAtMs >= timeMs || expired.length === DROPPED_MAX) break;
      expired.push(tokenSha256);
    }
    return expired;
  }

  /**
   * What has to go so that the key, and its namespace, may have this one more. Sessions of a key that is not usable stay
   * known until then: a client that still has one is told so, and is not taken for one that guesses.
   */
  inExcess(
    { namespace, keyId, createdMs }: Session,
    isUsable: (keyId: string) => boolean,
  ): readonly string[] {
    const { all, ofKey } = this.#limits;
    const held = this.#heldIn.get(namespace);
    if (held === undefined) return [];
    const own = held.ofKey.get(keyId);
    if (own !== undefined && own.size >= ofKey) {
      return this.#oldestExpired([own], createdMs, `This key has ${ofKey} open sessions.`);
    }
    if (held.count < all) return [];
    for (const [id, tokens] of held.ofKey) {
      if (!isUsable(id)) return [...tokens].slice(0, DROPPED_MAX);
    }
    const sets = held.ofKey.values();
    return this.#oldestExpired(sets, createdMs, `There are ${all} open sessions.`);
  }

  /** Of several sets of tokens the first of one, if it has expired. Throws when none has. */
  #oldestExpired(
    sets: Iterable<ReadonlySet<string>>,
    nowMs: number,
    problem: string,
  ): readonly string[] {
    let freeAtMs = Infinity;
    for (const [oldest = ''] of sets) {
      const expiresAtMs = this.#known.get(oldest)?.expiresAtMs ?? 0;
      if (expiresAtMs <= nowMs) return [oldest];
      freeAtMs = Math.min(freeAtMs, expiresAtMs);
    }
    throw new ApiError(
      'rate_limit',
      `${problem} Use one until it expires.`,
      undefined,
      Math.ceil((freeAtMs - nowMs) / 1000),
    );
  }
}
