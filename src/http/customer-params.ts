import type { Customer } from '../customers/customer.ts';
import { ApiError } from '../errors.ts';
import type { Form } from './form.ts';
import { refuseExpand, refuseUnknown, textOrNull, type Shape } from './params.ts';

const SHAPE: Shape = {
  name: true,
  email: true,
  description: true,
  phone: true,
  metadata: true,
  expand: true,
};

/** Stripe's limits: customers (name 256, email 512, description 350 and up, phone 20) and metadata. */
const METADATA_KEYS_MAX = 50;
const METADATA_KEY_LENGTH_MAX = 40;
const METADATA_VALUE_LENGTH_MAX = 500;

type Fields = Pick<Customer, 'name' | 'email' | 'description' | 'phone' | 'metadata'>;

/** The customer's fields after this request: what it does not name stays, an empty text unsets. */
export function parseCustomerFields(form: Form): (current: Fields) => Fields {
  refuseUnknown(form, SHAPE);
  refuseExpand(form);
  const name = textOrNull(form, 'name', 256);
  const email = textOrNull(form, 'email', 512);
  const description = textOrNull(form, 'description', 5000);
  const phone = textOrNull(form, 'phone', 20);
  const metadata = parseMetadata(form);
  return (current) => ({
    name: name === undefined ? current.name : name,
    email: email === undefined ? current.email : email,
    description: description === undefined ? current.description : description,
    phone: phone === undefined ? current.phone : phone,
    metadata: metadata(current.metadata),
  });
}

/** Named keys are set, keys with an empty value unset; `metadata=` unsets all (Stripe: api/metadata). */
function parseMetadata(
  form: Form,
): (current: ReadonlyMap<string, string>) => ReadonlyMap<string, string> {
  const sent = form.get('metadata');
  if (sent === undefined) return (current) => current;
  if (sent === '') return () => new Map();
  if (typeof sent === 'string') {
    throw new ApiError(
      'parameter_invalid',
      'Invalid hash: metadata takes named values.',
      'metadata',
    );
  }
  const changes = [...sent].map(([key, value]) => [key, metadataValue(key, value)] as const);
  return (current) => {
    const merged = new Map(current);
    for (const [key, value] of changes) {
      if (value === '') merged.delete(key);
      else merged.set(key, value);
    }
    if (merged.size > METADATA_KEYS_MAX) throw invalid('metadata', `${METADATA_KEYS_MAX} keys`);
    return merged;
  };
}

function metadataValue(key: string, value: string | Form): string {
  const path = `metadata[${key}]`;
  if (typeof value !== 'string') {
    throw new ApiError('parameter_invalid', `Invalid string: ${path}`, path);
  }
  if (key === '' || key.length > METADATA_KEY_LENGTH_MAX) {
    throw invalid(path, `${METADATA_KEY_LENGTH_MAX} characters in a key`);
  }
  if (value.length > METADATA_VALUE_LENGTH_MAX) {
    throw invalid(path, `${METADATA_VALUE_LENGTH_MAX} characters in a value`);
  }
  return value;
}

function invalid(path: string, limit: string): ApiError {
  return new ApiError('parameter_invalid', `Invalid ${path}: metadata has at most ${limit}.`, path);
}
