/** What the calls for alerts share: finding one, changing its status, and showing its meter whole on demand. */
import type { Alert } from '../alerts/alert.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { ApiError } from '../errors.ts';
import { remember, type Answer, type ApiRequest } from './api.ts';
import type { Form } from './form.ts';
import { expanded, refuseUnknown } from './params.ts';
import { presentAlert } from './present-alert.ts';
import { pathId } from './resources.ts';

export type AlertParts = Pick<Catalog, 'alerts' | 'meters'>;

/** What can be expanded in an alert; in a list, with `data.` before it. */
const METER = 'usage_threshold.meter';

/** Shows alerts as the request wants them. */
export function alertPresenter(
  { meters }: Pick<AlertParts, 'meters'>,
  form: Form,
  prefix = '',
): (alert: Alert) => Promise<object> {
  const isWhole = expanded(form, [`${prefix}${METER}`]).has(`${prefix}${METER}`);
  return async (alert) => {
    const meter = isWhole ? await meters.find(alert.namespace, alert.meterId) : undefined;
    return presentAlert(alert, meter);
  };
}

export async function getAlert(
  { alerts }: Pick<AlertParts, 'alerts'>,
  { namespace, ...request }: ApiRequest,
): Promise<Alert> {
  const id = pathId(request);
  return (await alerts.find(namespace, id)) ?? noSuchAlert(id);
}

/** Activating, deactivating and archiving take no parameters and answer the alert as it is afterwards. */
export async function changeAlert(
  parts: AlertParts,
  request: ApiRequest,
  change: (alert: Alert) => Alert,
): Promise<Answer> {
  const { form, namespace } = request;
  refuseUnknown(form, { expand: true });
  const isWhole = expanded(form, [METER]).has(METER);
  const alert = await getAlert(parts, request);
  const meter = isWhole ? await parts.meters.find(namespace, alert.meterId) : undefined;
  const present = (changed: Alert): object => presentAlert(changed, meter);
  const changed = await parts.alerts.change(
    namespace,
    alert.id,
    (current) => change(refuseArchived(current)),
    remember(request, present),
  );
  return present(changed ?? noSuchAlert(alert.id));
}

function refuseArchived(alert: Alert): Alert {
  if (alert.status !== 'archived') return alert;
  throw new ApiError('parameter_invalid', 'This alert is archived, and stays so.', 'id');
}

function noSuchAlert(id: string): never {
  throw new ApiError('resource_missing', `No such billing alert: '${id}'`, 'id');
}
