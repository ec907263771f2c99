import { toSeconds } from '../../domain/time.ts';
import { RECURRENCES, type Alert } from '../../domain/alert.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import { bareOrQuoted, quoted } from '../../domain/characters.ts';
import { ApiError } from '../../domain/errors.ts';
import { newAlertId } from '../../lib/ids.ts';
import type { Ingest } from '../../ingest/ingest.ts';
import { modeOf, type Namespace } from '../../domain/namespace.ts';
import { parseQuantity, type Quantity } from '../../domain/quantity.ts';
import { alertExpander, alertForOtherKey, type AlertParts } from './alerts.ts';
import { remember, type Route } from '../route.ts';
import type { Form } from '../read/form.ts';
import {
  hash,
  missing,
  refuseUnknown,
  requiredHash,
  requiredOneOf,
  requiredText,
  text,
  type Shape,
} from '../read/params.ts';
import { presentAlert } from './present-alert.ts';

const SHAPE: Shape = {
  alert_type: true,
  expand: true,
  title: true,
  usage_threshold: { filters: true, gte: true, gte_decimal: true, meter: true, recurrence: true },
};
const FILTER_SHAPE: Shape = { type: true, customer: true };

/** POST /v1/billing/alerts */
export function createAlert(
  parts: AlertParts & { readonly ingest: Pick<Ingest, 'lastSequence'> },
): Route {
  return {
    method: 'POST',
    path: '/v1/billing/alerts',
    scope: 'alerts.write',
    forOtherKey: alertForOtherKey(parts),
    handle: async (request) => {
      const { form, namespace } = request;
      refuseUnknown(form, SHAPE);
      const expand = alertExpander(parts, request);
      const sent = parseAlert(form);
      await requireMeter(parts.meters, namespace, sent.meterId);
      const alert: Alert = {
        id: newAlertId(modeOf(namespace)),
        namespace,
        status: 'active',
        createdS: toSeconds(request.receivedAtMs),
        sinceSequence: parts.ingest.lastSequence,
        ...sent,
      };
      const whole = await expand(alert);
      const present = (made: Alert): object => presentAlert(made, whole);
      await parts.alerts.create(alert, remember(request, present));
      return present(alert);
    },
  };
}

function parseAlert(
  form: Form,
): Pick<Alert, 'title' | 'meterId' | 'customer' | 'gte' | 'recurrence'> {
  requiredOneOf(form, 'alert_type', ['usage_threshold']);
  requiredHash(form, 'usage_threshold');
  return {
    title: requiredText(form, 'title', 256),
    meterId: requiredText(form, 'usage_threshold[meter]', 100),
    customer: customerOf(form),
    gte: threshold(form),
    recurrence: requiredOneOf(form, 'usage_threshold[recurrence]', RECURRENCES),
  };
}

const GTE = 'usage_threshold[gte]';
const GTE_DECIMAL = 'usage_threshold[gte_decimal]';
const WHOLE = 'a whole number above 0, of at most 15 digits';
const DECIMAL = 'a decimal number above 0, of at most 15 integer digits and 12 fraction digits';

/** One of the two; Stripe's `gte` is an integer, and a fraction has a name of its own. */
function threshold(form: Form): Quantity {
  const whole = text(form, GTE, 100);
  const decimal = text(form, GTE_DECIMAL, 100);
  if (whole !== undefined && decimal !== undefined) {
    throw new ApiError(
      'parameter_invalid',
      `You may only specify one of these parameters: ${GTE}, ${GTE_DECIMAL}.`,
      GTE_DECIMAL,
    );
  }
  if (decimal !== undefined) return positive(decimal, GTE_DECIMAL, DECIMAL);
  if (whole === undefined) missing(GTE);
  if (/^-?\d+$/u.test(whole)) return positive(whole, GTE, WHOLE);
  throw new ApiError(
    'parameter_invalid_integer',
    `Invalid integer: ${bareOrQuoted(whole)}. For a threshold with a fraction, send ${GTE_DECIMAL} instead.`,
    GTE,
  );
}

function positive(sent: string, path: string, kind: string): Quantity {
  const quantity = parseQuantity(sent);
  if (typeof quantity === 'bigint' && quantity > 0n) return quantity;
  throw new ApiError(
    'parameter_invalid',
    `Invalid ${path}: must be ${kind}, not ${quoted(sent)}.`,
    path,
  );
}

/** The one filter that there may be names a customer. */
function customerOf(form: Form): string | null {
  const path = 'usage_threshold[filters]';
  const filters = hash(form, path);
  if (filters === undefined || filters.size === 0) return null;
  const first = `${path}[0]`;
  if (filters.size > 1 || !filters.has('0')) {
    throw new ApiError('parameter_invalid', `Invalid array: ${path} takes one filter.`, path);
  }
  refuseUnknown(requiredHash(form, first), FILTER_SHAPE);
  requiredOneOf(form, `${first}[type]`, ['customer']);
  return requiredText(form, `${first}[customer]`, 100);
}

async function requireMeter(
  meters: Catalog['meters'],
  namespace: Namespace,
  id: string,
): Promise<void> {
  if ((await meters.find(namespace, id)) !== undefined) return;
  throw new ApiError(
    'resource_missing_in_body',
    `No such billing meter: '${id}'`,
    'usage_threshold[meter]',
  );
}
