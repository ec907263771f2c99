import type { Route } from '../route.ts';
import type { Form } from '../read/form.ts';
import type { JsonShape } from '../read/json.ts';
import {
  parseSentEvent,
  recordMeterEvent,
  replayMeterEvent,
  type MeterEventParts,
  type SentEvent,
} from './meter-events.ts';
import { time } from '../read/params.ts';
import { presentMeterEventV2 } from './present-meter-event.ts';

/** POST /v2/billing/meter_events */
export function createMeterEventV2(parts: MeterEventParts): Route {
  return {
    method: 'POST',
    path: '/v2/billing/meter_events',
    scope: 'events.write',
    body: { json: SHAPE },
    handle: (request) => {
      const sent = parse(request.form, request.receivedAtMs);
      return recordMeterEvent(parts, request, sent, presentMeterEventV2);
    },
    replay: (request, receipt) => {
      const sent = parse(request.form, receipt.receivedAtMs);
      return presentMeterEventV2(replayMeterEvent(request, sent, receipt));
    },
  };
}

const SHAPE: JsonShape = {
  event_name: 'text',
  payload: 'texts',
  identifier: 'text',
  timestamp: 'time',
};

/** Times of v2 have milliseconds: without a timestamp the event happened when it was received. */
function parse(form: Form, receivedAtMs: number): SentEvent {
  const timestampMs = time(form, 'timestamp');
  return {
    ...parseSentEvent(form),
    timestampMs: timestampMs ?? receivedAtMs,
    timestampIsSent: timestampMs !== undefined,
  };
}
