import { RECURRENCES, type Alert } from '../../alerts/alert.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import { toSeconds } from '../../clock.ts';
import { ApiError } from '../../errors.ts';
import { newAlertId } from '../../ids.ts';
import type { Ingest } from '../../ingest/ingest.ts';
import type { Meter } from '../../meters/meter.ts';
import { modeOf, type Namespace } from '../../namespace.ts';
import { parseQuantity, type Quantity } from '../../quantity.ts';
import type { AlertParts } from '../alerts.ts';
import { remember, type Route } from '../api.ts';
import type { Form } from '../form.ts';
import {
  expanded,
  hash,
  refuseUnknown,
  requiredHash,
  requiredOneOf,
  requiredText,
  type Shape,
} from '../params.ts';
import { presentAlert } from '../present-alert.ts';

const SHAPE: Shape = {
  alert_type: true,
  expand: true,
  title: true,
  usage_threshold: { filters: true, gte: true, meter: true, recurrence: true },
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
    handle: async (request) => {
      const { form, namespace } = request;
      refuseUnknown(form, SHAPE);
      const isWhole = expanded(form, ['usage_threshold.meter']).size > 0;
      const sent = parseAlert(form);
      const meter = await meterOf(parts.meters, namespace, sent.meterId);
      const alert: Alert = {
        id: newAlertId(modeOf(namespace)),
        namespace,
        status: 'active',
        createdS: toSeconds(request.receivedAtMs),
        sinceSequence: parts.ingest.lastSequence,
        ...sent,
      };
      const present = (made: Alert): object => presentAlert(made, isWhole ? meter : undefined);
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

function threshold(form: Form): Quantity {
  const path = 'usage_threshold[gte]';
  const gte = parseQuantity(requiredText(form, path, 100));
  if (typeof gte === 'bigint' && gte > 0n) return gte;
  throw new ApiError(
    'parameter_invalid',
    `Invalid ${path}: must be a decimal number above 0, of at most 15 integer digits and 12 fraction digits.`,
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

async function meterOf(
  meters: Catalog['meters'],
  namespace: Namespace,
  id: string,
): Promise<Meter> {
  const meter = await meters.find(namespace, id);
  if (meter !== undefined) return meter;
  throw new ApiError(
    'resource_missing_in_body',
    `No such billing meter: '${id}'`,
    'usage_threshold[meter]',
  );
}
