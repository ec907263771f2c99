import type { Route } from '../route.ts';
import type { Form } from '../read/form.ts';
import type { JsonShape } from '../read/json.ts';
import {
  parseSentAdjustment,
  replayAdjustment,
  type Adjustments,
  type SentAdjustment,
} from './meter-event-adjustments.ts';
import { presentMeterEventAdjustmentV2 } from './present-adjustment.ts';

/** POST /v2/billing/meter_event_adjustments */
export function createMeterEventAdjustmentV2(adjustments: Pick<Adjustments, 'cancel'>): Route {
  return {
    method: 'POST',
    path: '/v2/billing/meter_event_adjustments',
    scope: 'adjustments.write',
    body: { json: SHAPE },
    handle: async (request) =>
      presentMeterEventAdjustmentV2(await adjustments.cancel(request, parse(request.form))),
    replay: (request, receipt) =>
      presentMeterEventAdjustmentV2(replayAdjustment(request, parse(request.form), receipt)),
  };
}

const SHAPE: JsonShape = { type: 'text', event_name: 'text', cancel: { identifier: 'text' } };

function parse(form: Form): SentAdjustment {
  return parseSentAdjustment(form);
}
