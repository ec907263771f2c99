import type { Route } from '../route.ts';
import type { Form } from '../read/form.ts';
import {
  parseSentAdjustment,
  replayAdjustment,
  type Adjustments,
  type SentAdjustment,
} from './meter-event-adjustments.ts';
import { refuseExpand, refuseUnknown, type Shape } from '../read/params.ts';
import { presentMeterEventAdjustment } from './present-adjustment.ts';

/** POST /v1/billing/meter_event_adjustments */
export function createMeterEventAdjustment(adjustments: Pick<Adjustments, 'cancel'>): Route {
  return {
    method: 'POST',
    path: '/v1/billing/meter_event_adjustments',
    scope: 'adjustments.write',
    handle: async (request) =>
      presentMeterEventAdjustment(await adjustments.cancel(request, parse(request.form))),
    replay: (request, receipt) =>
      presentMeterEventAdjustment(replayAdjustment(request, parse(request.form), receipt)),
  };
}

const SHAPE: Shape = { type: true, event_name: true, cancel: { identifier: true }, expand: true };

function parse(form: Form): SentAdjustment {
  refuseUnknown(form, SHAPE);
  refuseExpand(form);
  return parseSentAdjustment(form);
}
