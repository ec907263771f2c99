import type { Alert } from '../../domain/alert.ts';
import type { Customer } from '../../domain/customers/customer.ts';
import type { Meter } from '../../domain/meter.ts';
import { isLive } from '../../domain/namespace.ts';
import { formatInt64, formatQuantity } from '../../domain/quantity.ts';
import { presentCustomer } from '../customers/present-customer.ts';
import { presentMeter } from '../meters/present-meter.ts';

/** What an alert shows whole; the rest by its id. */
export type Whole = {
  readonly meter?: Meter | undefined;
  readonly customer?: Customer | undefined;
};

/**
 * Stripe's `billing.alert`. Its `gte` is an integer there, and clients of Go, Java and Rust read no other: so is ours, at or
 * below the threshold, and `gte_decimal` has all digits.
 */
export function presentAlert(alert: Alert, { meter, customer }: Whole = {}): object {
  return {
    id: alert.id,
    object: 'billing.alert',
    alert_type: 'usage_threshold',
    livemode: isLive(alert.namespace),
    status: alert.status,
    title: alert.title,
    usage_threshold: {
      filters:
        alert.customer === null
          ? null
          : [
              {
                customer: customer === undefined ? alert.customer : presentCustomer(customer),
                type: 'customer',
              },
            ],
      gte: JSON.rawJSON(formatInt64(alert.gte)),
      gte_decimal: formatQuantity(alert.gte),
      meter: meter === undefined ? alert.meterId : presentMeter(meter),
      recurrence: alert.recurrence,
    },
  };
}
