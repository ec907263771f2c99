import { randomUUID } from 'node:crypto';
import type { Catalog } from '../../catalog/catalog.ts';
import { toSeconds } from '../../clock.ts';
import { ApiError } from '../../errors.ts';
import { measure, rejectTimestamp, type Rejection } from '../../events/measure.ts';
import type { Ingest } from '../../ingest/ingest.ts';
import type { Meter } from '../../meters/meter.ts';
import type { Namespace } from '../../namespace.ts';
import { toReceipt, type ApiRequest, type Route } from '../api.ts';
import type { Form } from '../form.ts';
import {
  integer,
  refuseExpand,
  refuseUnknown,
  requiredHash,
  requiredText,
  text,
  type Shape,
} from '../params.ts';
import { presentMeterEvent } from '../present.ts';

export type MeterEventParts = {
  readonly meters: Pick<Catalog['meters'], 'ofEventName'>;
  readonly ingest: Pick<Ingest, 'record'>;
  /** How old an event may be. */
  readonly pastDays: number;
  /** Throws for a customer that may not be metered; absent when any may. */
  readonly checkCustomer?: CheckCustomer | undefined;
};
export type CheckCustomer = (
  namespace: Namespace,
  customer: string,
  param: string,
) => Promise<void>;

/** POST /v1/billing/meter_events */
export function createMeterEvent(parts: MeterEventParts): Route {
  return {
    method: 'POST',
    path: '/v1/billing/meter_events',
    handle: (request) => recordMeterEvent(parts, request),
    replay: (request, receipt) => {
      const identifier = receipt.generatedIdentifier ?? '';
      const params = parseMeterEvent(request.form, receipt.receivedAtMs, () => identifier);
      return presentMeterEvent({ namespace: request.namespace, ...params });
    },
  };
}

async function recordMeterEvent(parts: MeterEventParts, request: ApiRequest): Promise<object> {
  const { namespace, receivedAtMs, form } = request;
  let generated: string | undefined;
  const params = parseMeterEvent(form, receivedAtMs, () => (generated = randomUUID()));
  const meter = activeMeter(
    parts.meters.ofEventName(namespace, params.eventName),
    params.eventName,
  );
  const measured = accepted(measure(meter, params.payload));
  const timestampMs = params.timestampS * 1000;
  // The default time is now, to the second: it is never refused.
  accepted(
    form.has('timestamp') ? rejectTimestamp(timestampMs, receivedAtMs, parts.pastDays) : undefined,
  );
  await parts.checkCustomer?.(namespace, measured.customer, `payload[${meter.customerKey}]`);
  const { identifier, payload } = params;
  const outcome = await parts.ingest.record(
    { namespace, meterId: meter.id, timestampMs, receivedAtMs, identifier, payload, ...measured },
    toReceipt(request, generated),
  );
  if (outcome === 'duplicate') {
    throw new ApiError(
      'duplicate_meter_event',
      `An event already exists with identifier ${identifier}.`,
      'identifier',
    );
  }
  return presentMeterEvent({ namespace, ...params });
}

type MeterEventParams = {
  readonly eventName: string;
  readonly identifier: string;
  readonly timestampS: number;
  readonly createdS: number;
  readonly payload: ReadonlyMap<string, string>;
};

const SHAPE: Shape = {
  event_name: true,
  payload: true,
  identifier: true,
  timestamp: true,
  expand: true,
};
/** Any whole number that is a time: which times an event may have is another rule, with codes of its own. */
const TIMESTAMP_BOUNDS = { min: 0, max: 999_999_999_999_999 };
const PAYLOAD_TEXT_MAX = 100;
/** Stripe names no limit; this one keeps an event's row small. */
const PAYLOAD_KEYS_MAX = 100;

/** A pure function of its arguments, so that a receipt can make the first answer again. */
function parseMeterEvent(
  form: Form,
  receivedAtMs: number,
  newIdentifier: () => string,
): MeterEventParams {
  refuseUnknown(form, SHAPE);
  refuseExpand(form);
  const createdS = toSeconds(receivedAtMs);
  return {
    eventName: requiredText(form, 'event_name', 100),
    payload: parsePayload(requiredHash(form, 'payload')),
    timestampS: integer(form, 'timestamp', TIMESTAMP_BOUNDS) ?? createdS,
    identifier: text(form, 'identifier', 100) ?? newIdentifier(),
    createdS,
  };
}

function parsePayload(sent: Form): ReadonlyMap<string, string> {
  if (sent.size > PAYLOAD_KEYS_MAX) {
    throw new ApiError(
      'parameter_invalid',
      `Invalid payload: it has at most ${PAYLOAD_KEYS_MAX} keys.`,
      'payload',
    );
  }
  const payload = new Map<string, string>();
  for (const [key, value] of sent) {
    if (
      typeof value !== 'string' ||
      value.length > PAYLOAD_TEXT_MAX ||
      key.length > PAYLOAD_TEXT_MAX
    ) {
      throw new ApiError(
        'parameter_invalid',
        `Invalid string: payload[${key}] must be a text of at most ${PAYLOAD_TEXT_MAX} characters.`,
        `payload[${key}]`,
      );
    }
    payload.set(key, value);
  }
  return payload;
}

function activeMeter(meters: readonly Meter[], eventName: string): Meter {
  const [meter] = meters;
  if (meter?.status === 'active') return meter;
  // Stripe's text for both; the code tells them apart.
  throw new ApiError(
    meter === undefined ? 'no_meter' : 'archived_meter',
    `No active meter found for event name "${eventName}".`,
    'event_name',
  );
}

function accepted<T>(result: T | Rejection): T {
  if (typeof result === 'object' && result !== null && 'code' in result) {
    throw new ApiError(result.code, result.message, result.param);
  }
  return result as T;
}
