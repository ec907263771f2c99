import { deactivate } from '../../domain/alert.ts';
import { alertForOtherKey, changeAlert, type AlertParts } from '../alerts.ts';
import type { Route } from '../api.ts';

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
