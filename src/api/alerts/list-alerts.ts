import { alertExpander, type AlertParts } from './alerts.ts';
import type { Route } from '../route.ts';
import { PAGE_SHAPE, parsePage } from '../read/pagination.ts';
import { oneOf, refuseUnknown, text } from '../read/params.ts';
import { presentAlert } from './present-alert.ts';
import { presentList } from '../present/list.ts';

const PATH = '/v1/billing/alerts';

/** GET /v1/billing/alerts: newest first, without the archived ones. */
export function listAlerts(parts: AlertParts): Route {
  return {
    method: 'GET',
    path: PATH,
    scope: 'alerts.read',
    handle: async (request) => {
      const { form, namespace } = request;
      refuseUnknown(form, { ...PAGE_SHAPE, alert_type: true, meter: true });
      const expand = alertExpander(parts, request, 'data.');
      oneOf(form, 'alert_type', ['usage_threshold']);
      const meterId = text(form, 'meter', 100);
      const page = parsePage(form);
      const { data, hasMore } = await parts.alerts.list(namespace, page, meterId);
      const shown = data.map(async (alert) => presentAlert(alert, await expand(alert)));
      return presentList(PATH, page, await Promise.all(shown), hasMore);
    },
  };
}
