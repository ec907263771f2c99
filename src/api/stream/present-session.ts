/** A session of the stream as it stands on the wire. Shape: Stripe's OpenAPI. */
import type { Session } from '../../catalog/catalog.ts';
import { isLive } from '../../domain/namespace.ts';
import { formatRfc3339 } from '../../domain/rfc3339.ts';

export function presentMeterEventSession(session: Session, token: string): object {
  return {
    id: session.id,
    object: 'v2.billing.meter_event_session',
    authentication_token: token,
    created: formatRfc3339(session.createdMs),
    expires_at: formatRfc3339(session.expiresAtMs),
    livemode: isLive(session.namespace),
  };
}
