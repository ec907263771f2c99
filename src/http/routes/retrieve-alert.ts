import { alertPresenter, getAlert, type AlertParts } from '../alerts.ts';
import type { Route } from '../api.ts';
import { refuseUnknown } from '../params.ts';

/** GET /v1/billing/alerts/{id} */
export function retrieveAlert(parts: AlertParts): Route {
  return {
    method: 'GET',
    path: '/v1/billing/alerts/:id',
    scope: 'alerts.read',
    handle: async (request) => {
      refuseUnknown(request.form, { expand: true });
      const present = alertPresenter(parts, request.form);
      return await present(await getAlert(parts, request));
    },
  };
}
