import type { Namespace } from '../namespace.ts';

/** A registered customer. Empty text on the wire unsets a field. */
export type Customer = {
  readonly id: string;
  readonly namespace: Namespace;
  readonly createdS: number;
  readonly name: string | null;
  readonly email: string | null;
  readonly description: string | null;
  readonly phone: string | null;
  readonly metadata: ReadonlyMap<string, string>;
  /** The test clock that it was made with; null: it lives by the time of the world. */
  readonly testClock: string | null;
  readonly billing: BillingProfile;
  /** Deleted customers keep their id and nothing else that the API shows. */
  readonly deleted: boolean;
};

/** What bills are written by. Metering keeps and shows it, and does nothing with it. */
export type BillingProfile = {
  readonly address: Address | null;
  /** In the smallest unit of a currency; negative: a credit. */
  readonly balance: number;
  readonly businessName: string | null;
  readonly individualName: string | null;
  /** Null: it follows from the id. */
  readonly invoicePrefix: string | null;
  readonly invoiceSettings: InvoiceSettings;
  readonly nextInvoiceSequence: number;
  readonly preferredLocales: readonly string[];
  readonly shipping: Shipping | null;
  readonly taxExempt: TaxExempt;
};

export const TAX_EXEMPT = ['exempt', 'none', 'reverse'] as const;
export type TaxExempt = (typeof TAX_EXEMPT)[number];

export type Address = {
  readonly city: string | null;
  readonly country: string | null;
  readonly line1: string | null;
  readonly line2: string | null;
  readonly postalCode: string | null;
  readonly state: string | null;
};

export type Shipping = {
  readonly address: Address;
  readonly name: string;
  readonly phone: string | null;
};

export type InvoiceSettings = {
  readonly customFields: readonly CustomField[] | null;
  readonly defaultPaymentMethod: string | null;
  readonly footer: string | null;
  readonly renderingOptions: RenderingOptions | null;
};
export type CustomField = { readonly name: string; readonly value: string };
export type RenderingOptions = {
  readonly amountTaxDisplay: string | null;
  readonly template: string | null;
};

/** Of a customer for whom nothing of it was ever set. */
export const NO_BILLING: BillingProfile = {
  address: null,
  balance: 0,
  businessName: null,
  individualName: null,
  invoicePrefix: null,
  invoiceSettings: {
    customFields: null,
    defaultPaymentMethod: null,
    footer: null,
    renderingOptions: null,
  },
  nextInvoiceSequence: 1,
  preferredLocales: [],
  shipping: null,
  taxExempt: 'none',
};

/** A deleted customer: the id stays, so that usage stays explainable; the personal data goes. */
export function erase(customer: Customer): Customer {
  return {
    ...customer,
    name: null,
    email: null,
    description: null,
    phone: null,
    metadata: new Map(),
    testClock: null,
    billing: NO_BILLING,
    deleted: true,
  };
}
