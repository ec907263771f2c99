import type { Catalog, Session } from '../../catalog/catalog.ts';
import { newSessionId, newSessionToken } from '../../lib/ids.ts';
import { modeOf } from '../../domain/namespace.ts';
import type { Route } from '../route.ts';
import type { AccessParts } from '../access/access.ts';
import { hashSecret } from '../access/auth.ts';
import { presentMeterEventSession } from './present-session.ts';

export type SessionParts = {
  readonly sessions: Pick<Catalog['sessions'], 'create'>;
  readonly sessionMinutes: number;
  readonly keys: Pick<AccessParts['keys'], 'findById'>;
};

/**
 * POST /v2/billing/meter_event_session
 *
 * The token is in no other place than this answer. So the answer is not kept for an Idempotency-Key: a retry
 * makes another session, which does no harm.
 */
export function createMeterEventSession({ sessions, sessionMinutes, keys }: SessionParts): Route {
  const isUsable = (keyId: string): boolean => keys.findById(keyId) !== undefined;
  return {
    method: 'POST',
    path: '/v2/billing/meter_event_session',
    scope: 'events.write',
    body: { json: {} },
    keepsNoAnswer: true,
    handle: async ({ namespace, key, receivedAtMs }) => {
      const session: Session = {
        id: newSessionId(modeOf(namespace)),
        namespace,
        keyId: key.id,
        createdMs: receivedAtMs,
        // A session ends with its key.
        expiresAtMs: Math.min(
          receivedAtMs + sessionMinutes * 60_000,
          key.expiresAtMs ?? Number.POSITIVE_INFINITY,
        ),
      };
      const token = newSessionToken();
      await sessions.create(session, hashSecret(token), isUsable);
      return presentMeterEventSession(session, token);
    },
  };
}
