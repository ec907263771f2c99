import { toSeconds } from '../../domain/time.ts';
import type { Trigger } from '../../domain/alert.ts';
import type { CoreEvent } from '../../domain/core-events/core-event.ts';
import { newCoreEventId } from '../../lib/ids.ts';
import type { Meter } from '../../domain/meter.ts';
import { isLive, modeOf } from '../../domain/namespace.ts';
import { formatInt64, formatQuantity } from '../../domain/quantity.ts';
import { presentAlert } from './present-alert.ts';

/**
 * The event that tells of a trigger. The snapshot is Stripe's `billing.alert_triggered`, the alert with its meter whole in
 * it, as Stripe's fixtures have it. `value` is an integer there, so ours is the value rounded down, which keeps it at the
 * alert's `gte` or above; `value_decimal` has all digits. Stripe's thin event has no data; ours says for whom and how much.
 */
export function alertTriggered(trigger: Trigger, meter: Meter): CoreEvent {
  const { alert, customer, value, createdMs } = trigger;
  const { namespace } = alert;
  const snapshot = {
    object: 'billing.alert_triggered',
    alert: presentAlert(alert, { meter }),
    created: toSeconds(createdMs),
    customer,
    livemode: isLive(namespace),
    value: JSON.rawJSON(formatInt64(value)),
    value_decimal: formatQuantity(value),
  };
  const data = { customer, value: formatQuantity(value) };
  return {
    id: newCoreEventId(modeOf(namespace)),
    namespace,
    createdMs,
    thin: { type: 'v1.billing.alert.triggered', data: JSON.stringify(data) },
    snapshot: {
      type: 'billing.alert.triggered',
      object: JSON.stringify(snapshot),
      previousAttributes: null,
    },
    relatedObject: {
      id: alert.id,
      type: 'billing.alert',
      url: `/v1/billing/alerts/${alert.id}`,
    },
    request: null,
  };
}
