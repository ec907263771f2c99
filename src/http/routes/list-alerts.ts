import { alertPresenter, type AlertParts } from '../alerts.ts';
import type { Route } from '../api.ts';
import { PAGE_SHAPE, parsePage } from '../pages.ts';
import { oneOf, refuseUnknown, text } from '../params.ts';
import { presentList } from '../present.ts';

const PATH = '/v1/billing/alerts';

/** GET /v1/billing/alerts: newest first, without the archived ones. */
export function listAlerts(parts: AlertParts): Route {
  return {
    method: 'GET',
    path: PATH,
    scope: 'alerts.read',
    handle: async ({ form, namespace }) => {
      refuseUnknown(form, { ...PAGE_SHAPE, alert_type: true, meter: true });
      const present = alertPresenter(parts, form, 'data.');
      oneOf(form, 'alert_type', ['usage_threshold']);
      const meterId = text(form, 'meter', 100);
      const { data, hasMore } = await parts.alerts.list(namespace, parsePage(form), meterId);
      return presentList(PATH, await Promise.all(data.map(present)), hasMore);
    },
  };
}
