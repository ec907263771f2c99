import { archive } from '../../domain/alert.ts';
import { alertForOtherKey, changeAlert, type AlertParts } from '../alerts.ts';
import type { Route } from '../api.ts';

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
