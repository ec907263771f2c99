/** Meters and events with names of their own, so that the tests of a file can share one server. */
import type { Stripe } from './sdk.ts';
import { unique } from './random.ts';

export type MeterFields = {
  readonly formula?: 'sum' | 'count' | 'last';
  readonly event_name?: string;
  readonly display_name?: string;
  readonly event_time_window?: 'hour' | 'day';
  readonly customer_key?: string;
  readonly value_key?: string;
};

export async function createMeter(
  client: Stripe,
  fields: MeterFields = {},
): Promise<Stripe.Billing.Meter> {
  return await client.billing.meters.create({
    display_name: fields.display_name ?? 'Requests',
    event_name: fields.event_name ?? unique('requests'),
    default_aggregation: { formula: fields.formula ?? 'sum' },
    ...(fields.event_time_window === undefined
      ? {}
      : { event_time_window: fields.event_time_window }),
    ...(fields.customer_key === undefined
      ? {}
      : { customer_mapping: { type: 'by_id', event_payload_key: fields.customer_key } }),
    ...(fields.value_key === undefined
      ? {}
      : { value_settings: { event_payload_key: fields.value_key } }),
  });
}

export type EventFields = {
  readonly customer: string;
  readonly value?: string;
  readonly timestamp?: number;
  readonly identifier?: string;
};

/** Sends one event to a meter with the default payload keys. */
export async function sendEvent(
  client: Stripe,
  meter: { readonly event_name: string },
  event: EventFields,
  options?: Stripe.RequestOptions,
): Promise<Stripe.Billing.MeterEvent> {
  const { customer, value = '1', timestamp, identifier } = event;
  return await client.billing.meterEvents.create(
    {
      event_name: meter.event_name,
      payload: { stripe_customer_id: customer, value },
      ...(timestamp === undefined ? {} : { timestamp }),
      ...(identifier === undefined ? {} : { identifier }),
    },
    ...given(options),
  );
}

export async function cancelEvent(
  client: Stripe,
  meter: { readonly event_name: string },
  identifier: string,
  options?: Stripe.RequestOptions,
): Promise<Stripe.Billing.MeterEventAdjustment> {
  return await client.billing.meterEventAdjustments.create(
    { type: 'cancel', event_name: meter.event_name, cancel: { identifier } },
    ...given(options),
  );
}

/** stripe 21 refuses an empty options object. */
function given(options: Stripe.RequestOptions | undefined): [] | [Stripe.RequestOptions] {
  return options === undefined ? [] : [options];
}
