import type { Route } from '../route.ts';
import type { Form } from '../read/form.ts';
import {
  parseSentEvent,
  recordMeterEvent,
  replayMeterEvent,
  type MeterEventParts,
  type SentEvent,
} from './meter-events.ts';
import { unitHint } from '../../domain/rfc3339.ts';
import { integer, refuseExpand, refuseUnknown, type Shape } from '../read/params.ts';
import { presentMeterEvent } from './present-meter-event.ts';

/** POST /v1/billing/meter_events */
export function createMeterEvent(parts: MeterEventParts): Route {
  return {
    method: 'POST',
    path: '/v1/billing/meter_events',
    scope: 'events.write',
    handle: (request) => recordMeterEvent(parts, request, parse(request.form), presentMeterEvent),
    replay: (request, receipt) =>
      presentMeterEvent(replayMeterEvent(request, parse(request.form), receipt)),
  };
}

const SHAPE: Shape = {
  event_name: true,
  payload: true,
  identifier: true,
  timestamp: true,
  expand: true,
};
/** Any whole number that is a time: which times an event may have is another rule, with codes of its own. */
const TIMESTAMP_BOUNDS = { min: 0, max: 999_999_999_999_999, hint: unitHint };

function parse(form: Form): SentEvent {
  refuseUnknown(form, SHAPE);
  refuseExpand(form);
  const timestampS = integer(form, 'timestamp', TIMESTAMP_BOUNDS);
  return {
    ...parseSentEvent(form),
    timestampMs: timestampS === undefined ? undefined : timestampS * 1000,
    timestampIsSent: timestampS !== undefined,
  };
}
