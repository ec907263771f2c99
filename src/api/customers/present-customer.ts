/** A customer as it stands on the wire. Shape: Stripe's OpenAPI, and `Customers.d.ts` of stripe-node 23. */
import type { Address, BillingProfile, Customer } from '../../domain/customers/customer.ts';
import { isLive } from '../../domain/namespace.ts';
import { toObject } from '../present/texts.ts';

/** With the values of what was expanded; of what it has not, they are empty. */
export function presentCustomer(
  customer: Customer,
  expand: ReadonlySet<Expandable> = NONE,
): object {
  const { id, billing } = customer;
  if (customer.deleted) return { id, object: 'customer', deleted: true };
  return {
    id,
    object: 'customer',
    address: billing.address && presentAddress(billing.address),
    balance: billing.balance,
    ...(billing.businessName === null ? {} : { business_name: billing.businessName }),
    created: customer.createdS,
    currency: null,
    default_source: null,
    delinquent: false,
    description: customer.description,
    discount: null,
    email: customer.email,
    ...(billing.individualName === null ? {} : { individual_name: billing.individualName }),
    invoice_prefix: billing.invoicePrefix ?? id.slice(-8).toUpperCase(),
    invoice_settings: presentInvoiceSettings(billing),
    livemode: isLive(customer.namespace),
    metadata: toObject(customer.metadata),
    name: customer.name,
    next_invoice_sequence: billing.nextInvoiceSequence,
    phone: customer.phone,
    preferred_locales: billing.preferredLocales,
    shipping: presentShipping(billing),
    tax_exempt: billing.taxExempt,
    test_clock: customer.testClock,
    ...presentExpanded(id, expand),
  };
}

/**
 * What Stripe expands in a customer. Of these, only the lists and hashes that Stripe leaves out unless they are expanded
 * change what is shown: there are no payments, taxes and test clocks here, so an id of one stays an id.
 */
export const EXPANDABLE = [
  'cash_balance',
  'default_source',
  'invoice_credit_balance',
  'invoice_settings.default_payment_method',
  'sources',
  'subscriptions',
  'tax',
  'tax_ids',
  'test_clock',
] as const;
export type Expandable = (typeof EXPANDABLE)[number];

const NONE: ReadonlySet<Expandable> = new Set();

function presentExpanded(id: string, expand: ReadonlySet<Expandable>): object {
  if (expand.size === 0) return {};
  const list = (name: string): object => ({
    object: 'list',
    data: [],
    has_more: false,
    url: `/v1/customers/${encodeURIComponent(id)}/${name}`,
  });
  return {
    ...(expand.has('cash_balance') ? { cash_balance: null } : {}),
    ...(expand.has('invoice_credit_balance') ? { invoice_credit_balance: {} } : {}),
    ...(expand.has('sources') ? { sources: list('sources') } : {}),
    ...(expand.has('subscriptions') ? { subscriptions: list('subscriptions') } : {}),
    ...(expand.has('tax') ? { tax: NO_TAX } : {}),
    ...(expand.has('tax_ids') ? { tax_ids: list('tax_ids') } : {}),
  };
}

/** Nothing here looks for where a customer is taxed. */
const NO_TAX = {
  automatic_tax: 'unrecognized_location',
  ip_address: null,
  location: null,
  provider: 'stripe',
} as const;

function presentInvoiceSettings({ invoiceSettings }: BillingProfile): object {
  const { customFields, defaultPaymentMethod, footer, renderingOptions } = invoiceSettings;
  return {
    custom_fields: customFields,
    default_payment_method: defaultPaymentMethod,
    footer,
    rendering_options: renderingOptions && {
      amount_tax_display: renderingOptions.amountTaxDisplay,
      template: renderingOptions.template,
    },
  };
}

function presentShipping({ shipping }: BillingProfile): object | null {
  return (
    shipping && {
      address: presentAddress(shipping.address),
      name: shipping.name,
      phone: shipping.phone,
    }
  );
}

function presentAddress({ city, country, line1, line2, postalCode, state }: Address): object {
  return { city, country, line1, line2, postal_code: postalCode, state };
}
