/** The parameters of a customer that are kept for bills (OpenAPI 2026-10-28.endive, with its lengths). */
import {
  TAX_EXEMPT,
  type Address,
  type BillingProfile,
  type CustomField,
  type InvoiceSettings,
  type RenderingOptions,
  type Shipping,
} from '../../domain/customers/customer.ts';
import { ApiError } from '../../domain/errors.ts';
import { hashOrNull, items, TEXT_MAX } from './customer-texts.ts';
import type { Form } from '../read/form.ts';
import {
  hash,
  integer,
  missing,
  oneOf,
  requiredHash,
  requiredText,
  text,
  textOrNull,
  texts,
  valueAt,
  type Shape,
} from '../read/params.ts';

const ADDRESS_SHAPE: Shape = {
  city: true,
  country: true,
  line1: true,
  line2: true,
  postal_code: true,
  state: true,
};

export const BILLING_SHAPE: Shape = {
  address: ADDRESS_SHAPE,
  balance: true,
  business_name: true,
  individual_name: true,
  invoice_prefix: true,
  invoice_settings: {
    custom_fields: true,
    default_payment_method: true,
    footer: true,
    rendering_options: { amount_tax_display: true, template: true },
  },
  next_invoice_sequence: true,
  preferred_locales: true,
  shipping: { address: ADDRESS_SHAPE, name: true, phone: true },
  tax_exempt: true,
};

/** Stripe: "up to 4". */
const CUSTOM_FIELDS_MAX = 4;
const LOCALES_MAX = 100;
/** Of all of it together, as JSON: a list shows a hundred customers, and Stripe's limits would allow 100 KB of each. */
const PROFILE_LENGTH_MAX = 20_000;
const SAFE = { min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER };

/**
 * The profile after this request. An address and a shipping are set as a whole; of `invoice_settings` what is not named
 * stays. Answers the same object when nothing of it was sent.
 */
export function parseBilling(form: Form): (current: BillingProfile) => BillingProfile {
  if (!Object.keys(BILLING_SHAPE).some((name) => form.has(name))) return (current) => current;
  const taxExempt =
    valueAt(form, 'tax_exempt') === '' ? 'none' : oneOf(form, 'tax_exempt', TAX_EXEMPT);
  const settings = parseInvoiceSettings(form);
  const sent = {
    address: parseAddress(form, 'address'),
    balance: integer(form, 'balance', SAFE),
    businessName: textOrNull(form, 'business_name', 150),
    individualName: textOrNull(form, 'individual_name', 150),
    invoicePrefix: parsePrefix(form),
    nextInvoiceSequence: integer(form, 'next_invoice_sequence', { min: 1, max: 1_000_000_000 }),
    preferredLocales: parseLocales(form),
    shipping: parseShipping(form),
    taxExempt,
  };
  const changes = Object.fromEntries(
    Object.entries(sent).filter(([, value]) => value !== undefined),
  ) as Partial<BillingProfile>;
  return (current) =>
    refuseLong({ ...current, ...changes, invoiceSettings: settings(current.invoiceSettings) });
}

function refuseLong(billing: BillingProfile): BillingProfile {
  if (JSON.stringify(billing).length <= PROFILE_LENGTH_MAX) return billing;
  throw new ApiError(
    'parameter_invalid',
    `The address, shipping, invoice_settings and so on of a customer have ${PROFILE_LENGTH_MAX} characters ` +
      'at most together.',
  );
}

function parseAddress(form: Form, path: string): Address | null | undefined {
  const sent = hashOrNull(form, path);
  if (sent === undefined || sent === null) return sent;
  const part = (name: string): string | null =>
    textOrNull(form, `${path}[${name}]`, TEXT_MAX) ?? null;
  return {
    city: part('city'),
    country: part('country'),
    line1: part('line1'),
    line2: part('line2'),
    postalCode: part('postal_code'),
    state: part('state'),
  };
}

function parseShipping(form: Form): Shipping | null | undefined {
  const sent = hashOrNull(form, 'shipping');
  if (sent === undefined || sent === null) return sent;
  requiredHash(form, 'shipping[address]');
  return {
    address: parseAddress(form, 'shipping[address]') ?? missing('shipping[address]'),
    name: requiredText(form, 'shipping[name]', TEXT_MAX),
    phone: textOrNull(form, 'shipping[phone]', TEXT_MAX) ?? null,
  };
}

/** Stripe: api/customers/create, invoice_prefix. */
function parsePrefix(form: Form): string | undefined {
  const prefix = text(form, 'invoice_prefix', TEXT_MAX);
  if (prefix === undefined || /^[0-9A-Z]{3,12}$/u.test(prefix)) return prefix;
  throw new ApiError(
    'parameter_invalid',
    'Invalid invoice_prefix: must be 3–12 uppercase letters or numbers.',
    'invoice_prefix',
  );
}

function parseLocales(form: Form): readonly string[] | undefined {
  const path = 'preferred_locales';
  if (valueAt(form, path) === '') return [];
  return texts(form, path, { itemsMax: LOCALES_MAX, lengthMax: TEXT_MAX });
}

function parseInvoiceSettings(form: Form): (current: InvoiceSettings) => InvoiceSettings {
  const path = 'invoice_settings';
  if (hash(form, path) === undefined) return (current) => current;
  const customFields = parseCustomFields(form, `${path}[custom_fields]`);
  const paymentMethod = textOrNull(form, `${path}[default_payment_method]`, TEXT_MAX);
  const footer = textOrNull(form, `${path}[footer]`, TEXT_MAX);
  const options = parseRenderingOptions(form, `${path}[rendering_options]`);
  return (current) => ({
    customFields: customFields === undefined ? current.customFields : customFields,
    defaultPaymentMethod:
      paymentMethod === undefined ? current.defaultPaymentMethod : paymentMethod,
    footer: footer === undefined ? current.footer : footer,
    renderingOptions: options === undefined ? current.renderingOptions : options,
  });
}

function parseCustomFields(form: Form, path: string): readonly CustomField[] | null | undefined {
  if (valueAt(form, path) === '') return null;
  const sent = items(form, path, ['name', 'value']);
  if (sent === undefined) return undefined;
  if (sent.length > CUSTOM_FIELDS_MAX) {
    throw new ApiError(
      'parameter_invalid',
      `Invalid array: ${path} takes at most ${CUSTOM_FIELDS_MAX} values, and has ${sent.length}.`,
      path,
    );
  }
  return sent.map((_, index) => ({
    name: requiredText(form, `${path}[${index}][name]`, 40),
    value: requiredText(form, `${path}[${index}][value]`, 140),
  }));
}

function parseRenderingOptions(form: Form, path: string): RenderingOptions | null | undefined {
  const sent = hashOrNull(form, path);
  if (sent === undefined || sent === null) return sent;
  const display = `${path}[amount_tax_display]`;
  return {
    amountTaxDisplay:
      valueAt(form, display) === ''
        ? null
        : (oneOf(form, display, ['exclude_tax', 'include_inclusive_tax']) ?? null),
    template: textOrNull(form, `${path}[template]`, TEXT_MAX) ?? null,
  };
}
