import { activate, archive, deactivate } from '../../domain/alert.ts';
import type { Ingest } from '../../ingest/ingest.ts';
import type { Route } from '../route.ts';
import { alertForOtherKey, changeAlert, type AlertParts } from './alerts.ts';

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

/** POST /v1/billing/alerts/{id}/deactivate */
export function deactivateAlert(parts: AlertParts): Route {
  return {
    method: 'POST',
    path: '/v1/billing/alerts/:id/deactivate',
    scope: 'alerts.write',
    forOtherKey: alertForOtherKey(parts),
    handle: async (request) => await changeAlert(parts, request, deactivate),
  };
}

/** POST /v1/billing/alerts/{id}/archive: for good. */
export function archiveAlert(parts: AlertParts): Route {
  return {
    method: 'POST',
    path: '/v1/billing/alerts/:id/archive',
    scope: 'alerts.write',
    forOtherKey: alertForOtherKey(parts),
    handle: async (request) => await changeAlert(parts, request, archive),
  };
}
