import type { Alert } from '../alerts/alert.ts';
import type { Meter } from '../meters/meter.ts';
import { isLive } from '../namespace.ts';
import { formatQuantity } from '../quantity.ts';
import { presentMeter } from './present.ts';

/** Stripe's `billing.alert`; with the meter whole when it is given, and by its id when not. */
export function presentAlert(alert: Alert, meter?: Meter): object {
  const { customer } = alert;
  return {
    id: alert.id,
    object: 'billing.alert',
    alert_type: 'usage_threshold',
    livemode: isLive(alert.namespace),
    status: alert.status,
    title: alert.title,
    usage_threshold: {
      filters: customer === null ? null : [{ customer, type: 'customer' }],
      gte: JSON.rawJSON(formatQuantity(alert.gte)),
      meter: meter === undefined ? alert.meterId : presentMeter(meter),
      recurrence: alert.recurrence,
    },
  };
}
