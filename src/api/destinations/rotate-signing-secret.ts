import { HOUR_MS } from '../../domain/time.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import { rotateSecret, SECRET_OVERLAP_HOURS_MAX } from '../../domain/core-events/destination.ts';
import { ApiError } from '../../domain/errors.ts';
import { newSigningSecret } from '../../lib/ids.ts';
import { unitHint } from '../../domain/rfc3339.ts';
import type { Route } from '../route.ts';
import { changeDestinationAs } from './change-destination.ts';
import type { Form } from '../read/form.ts';
import { time } from '../read/params.ts';
import { hideSecret } from './present-destination.ts';

const WHEN = 'previous_secret_expires_at';

/**
 * POST /v2/core/event_destinations/{id}/rotate_secret: a new secret, which only this answer has. Until
 * `previous_secret_expires_at` (a day from now unless it says earlier; now, if it has passed) deliveries are signed with
 * both. Stripe has this in its dashboard alone.
 */
export function rotateSigningSecret({ destinations }: Pick<Catalog, 'destinations'>): Route {
  return {
    method: 'POST',
    path: '/v2/core/event_destinations/:id/rotate_secret',
    scope: 'destinations.write',
    forOtherKey: (_, answer) => hideSecret(answer),
    body: { json: { [WHEN]: 'time' } },
    handle: async (request) => {
      const { form, receivedAtMs } = request;
      const untilMs = parseUntil(form, receivedAtMs);
      const secret = newSigningSecret();
      return await changeDestinationAs(
        destinations,
        request,
        (current) => rotateSecret(current, secret, untilMs, receivedAtMs),
        { secret: true },
      );
    },
  };
}

function parseUntil(form: Form, nowMs: number): number {
  const latestMs = nowMs + SECRET_OVERLAP_HOURS_MAX * HOUR_MS;
  const untilMs = time(form, WHEN) ?? latestMs;
  if (untilMs <= latestMs) return untilMs;
  throw new ApiError(
    'parameter_invalid',
    `Invalid ${WHEN}: must be within ${SECRET_OVERLAP_HOURS_MAX} hours.${unitHint(untilMs / 1000)}`,
    WHEN,
  );
}
