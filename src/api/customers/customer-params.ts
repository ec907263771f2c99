/**
 * What creating and updating a customer take: all of Stripe's parameters (OpenAPI 2026-10-28.endive, with its lengths).
 * What belongs to payments and taxes is read, and refused when it is malformed, but not kept: nothing here would use it.
 */
import { bareOrQuoted, quoted } from '../../domain/characters.ts';
import { CUSTOMER_ID_MAX, refusalOfId } from '../../domain/customers/customer-id.ts';
import { NO_BILLING, type Customer } from '../../domain/customers/customer.ts';
import { ApiError } from '../../domain/errors.ts';
import { BILLING_SHAPE, parseBilling } from './billing-params.ts';
import type { Form } from '../read/form.ts';
import { parseMetadata } from '../read/metadata.ts';
import {
  flag,
  hash,
  oneOf,
  refuseUnknown,
  requiredText,
  text,
  textOrNull,
  type Shape,
} from '../read/params.ts';
import { items, TEXT_MAX } from './customer-texts.ts';

const SHAPE: Shape = {
  ...BILLING_SHAPE,
  cash_balance: { settings: { reconciliation_mode: true } },
  description: true,
  email: true,
  expand: true,
  metadata: true,
  name: true,
  phone: true,
  source: true,
  tax: { ip_address: true, validate_location: true },
  validate: true,
};
const CREATE_SHAPE: Shape = {
  ...SHAPE,
  id: true,
  payment_method: true,
  tax_id_data: true,
  test_clock: true,
};
const UPDATE_SHAPE: Shape = {
  ...SHAPE,
  bank_account: true,
  card: true,
  default_alipay_account: true,
  default_bank_account: true,
  default_card: true,
  default_source: true,
};

export type Fields = Pick<
  Customer,
  'name' | 'email' | 'description' | 'phone' | 'metadata' | 'billing'
>;

const NOTHING_SET: Fields = {
  name: null,
  email: null,
  description: null,
  phone: null,
  metadata: new Map(),
  billing: NO_BILLING,
};

/** The id is undefined unless the caller chose one. */
export type NewCustomer = Fields &
  Pick<Customer, 'testClock'> & { readonly id: string | undefined };

export function parseNewCustomer(form: Form): NewCustomer {
  refuseUnknown(form, CREATE_SHAPE);
  text(form, 'payment_method', TEXT_MAX);
  for (const index of (items(form, 'tax_id_data', ['type', 'value']) ?? []).keys()) {
    requiredText(form, `tax_id_data[${index}][type]`, TEXT_MAX);
    requiredText(form, `tax_id_data[${index}][value]`, TEXT_MAX);
  }
  return {
    id: parseId(form),
    testClock: text(form, 'test_clock', TEXT_MAX) ?? null,
    ...parseFields(form, ['deferred', 'immediately'])(NOTHING_SET),
  };
}

/** The customer's fields after this request: what it does not name stays, an empty text unsets. */
export function parseCustomerChanges(form: Form): (current: Fields) => Fields {
  refuseUnknown(form, UPDATE_SHAPE);
  for (const name of ['alipay_account', 'bank_account', 'card', 'source']) {
    text(form, `default_${name}`, 500);
  }
  return parseFields(form, ['auto', 'deferred', 'immediately']);
}

function parseFields(form: Form, validateLocation: readonly string[]): (current: Fields) => Fields {
  checkDropped(form, validateLocation);
  const name = textOrNull(form, 'name', 256);
  const email = parseEmail(form);
  const description = textOrNull(form, 'description', TEXT_MAX);
  const phone = textOrNull(form, 'phone', 20);
  const metadata = parseMetadata(form);
  const billing = parseBilling(form);
  return (current) => ({
    name: name === undefined ? current.name : name,
    email: email === undefined ? current.email : email,
    description: description === undefined ? current.description : description,
    phone: phone === undefined ? current.phone : phone,
    metadata: metadata(current.metadata),
    billing: billing(current.billing),
  });
}

function checkDropped(form: Form, validateLocation: readonly string[]): void {
  text(form, 'source', TEXT_MAX);
  flag(form, 'validate');
  hash(form, 'cash_balance');
  hash(form, 'tax');
  oneOf(form, 'cash_balance[settings][reconciliation_mode]', [
    'automatic',
    'manual',
    'merchant_default',
  ]);
  textOrNull(form, 'tax[ip_address]', TEXT_MAX);
  oneOf(form, 'tax[validate_location]', validateLocation);
}

/** Stripe's text and code. Its rule is unpublished: something on both sides of one @, and no white space. */
function parseEmail(form: Form): string | null | undefined {
  const email = textOrNull(form, 'email', 512);
  if (typeof email !== 'string' || /^[^\s@]+@[^\s@]+$/u.test(email)) return email;
  throw new ApiError('email_invalid', `Invalid email address: ${bareOrQuoted(email)}`, 'email');
}

/** Ours: Stripe makes all ids. */
function parseId(form: Form): string | undefined {
  const id = text(form, 'id', CUSTOMER_ID_MAX);
  const refusal = id === undefined ? undefined : refusalOfId(id);
  if (refusal === undefined) return id;
  throw new ApiError('parameter_invalid', `Invalid id: ${quoted(id ?? '')} ${refusal}.`, 'id');
}
