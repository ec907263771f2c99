import { activate } from '../../domain/alert.ts';
import type { Ingest } from '../../ingest/ingest.ts';
import { alertForOtherKey, changeAlert, type AlertParts } from '../alerts.ts';
import type { Route } from '../api.ts';

/** POST /v1/billing/alerts/{id}/activate: it fires on what is reported from now on. */
export function activateAlert(
  parts: AlertParts & { readonly ingest: Pick<Ingest, 'lastSequence'> },
): Route {
  return {
    method: 'POST',
    path: '/v1/billing/alerts/:id/activate',
    scope: 'alerts.write',
    forOtherKey: alertForOtherKey(parts),
    handle: async (request) =>
      await changeAlert(parts, request, (alert) => activate(alert, parts.ingest.lastSequence)),
  };
}
