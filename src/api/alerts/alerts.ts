/** What the calls for alerts share: finding one, changing its status, and showing whole what is asked for. */
import type { Alert } from '../../domain/alert.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import { ApiError } from '../../domain/errors.ts';
import { refuseBeyondScopes } from '../access/access.ts';
import { type Answer, type ApiRequest, pathId, remember } from '../route.ts';
import { expanded, refuseUnknown } from '../read/params.ts';
import { presentAlert, type Whole } from './present-alert.ts';

export type AlertParts = Pick<Catalog, 'alerts' | 'meters' | 'customers'>;

/** What can be expanded in an alert; in a list, with `data.` before it. */
const METER = 'usage_threshold.meter';
const CUSTOMER = 'usage_threshold.filters.customer';

/**
 * Finds what the request wants to see whole of an alert. Throws for what cannot be expanded, and for what the key may not
 * read. A customer that is not registered, or was deleted, stays an id: Stripe's schema has no other form for it.
 */
export function alertExpander(
  { meters, customers }: Pick<AlertParts, 'meters' | 'customers'>,
  { form, key }: Pick<ApiRequest, 'form' | 'key'>,
  prefix = '',
): (alert: Pick<Alert, 'namespace' | 'meterId' | 'customer'>) => Promise<Whole> {
  const asked = expanded(form, [`${prefix}${METER}`, `${prefix}${CUSTOMER}`]);
  const wantsMeter = asked.has(`${prefix}${METER}`);
  const wantsCustomer = asked.has(`${prefix}${CUSTOMER}`);
  if (wantsMeter) refuseBeyondScopes(key, 'meters.read');
  if (wantsCustomer) refuseBeyondScopes(key, 'customers.read');
  return async ({ namespace, meterId, customer: id }) => {
    const meter = wantsMeter ? await meters.find(namespace, meterId) : undefined;
    const customer = wantsCustomer && id !== null ? await customers.find(namespace, id) : undefined;
    return { meter, customer: customer?.deleted === true ? undefined : customer };
  };
}

export async function getAlert(
  { alerts }: Pick<AlertParts, 'alerts'>,
  { namespace, ...request }: ApiRequest,
): Promise<Alert> {
  const id = pathId(request);
  return (await alerts.find(namespace, id)) ?? noSuchAlert(id);
}

/** As `Route.forOtherKey`: what was expanded for one key asks another for its scopes too. */
export function alertForOtherKey(
  parts: AlertParts,
): (request: ApiRequest, answer: object) => object {
  return (request, answer) => {
    alertExpander(parts, request);
    return answer;
  };
}

/** Activating, deactivating and archiving take no parameters and answer the alert as it is afterwards. */
export async function changeAlert(
  parts: AlertParts,
  request: ApiRequest,
  change: (alert: Alert) => Alert,
): Promise<Answer> {
  const { form, namespace } = request;
  refuseUnknown(form, { expand: true });
  const expand = alertExpander(parts, request);
  const alert = await getAlert(parts, request);
  const whole = await expand(alert);
  const present = (changed: Alert): object => presentAlert(changed, whole);
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
