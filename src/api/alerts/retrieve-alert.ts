import { alertExpander, getAlert, type AlertParts } from './alerts.ts';
import type { Route } from '../route.ts';
import { refuseUnknown } from '../read/params.ts';
import { presentAlert } from './present-alert.ts';

/** GET /v1/billing/alerts/{id} */
export function retrieveAlert(parts: AlertParts): Route {
  return {
    method: 'GET',
    path: '/v1/billing/alerts/:id',
    scope: 'alerts.read',
    handle: async (request) => {
      refuseUnknown(request.form, { expand: true });
      const expand = alertExpander(parts, request);
      const alert = await getAlert(parts, request);
      return presentAlert(alert, await expand(alert));
    },
  };
}
