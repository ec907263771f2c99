import type { Customer } from '../customers/customer.ts';
import type { Form } from './form.ts';
import { parseMetadata } from './metadata.ts';
import { refuseExpand, refuseUnknown, textOrNull, type Shape } from './params.ts';

const SHAPE: Shape = {
  name: true,
  email: true,
  description: true,
  phone: true,
  metadata: true,
  expand: true,
};

type Fields = Pick<Customer, 'name' | 'email' | 'description' | 'phone' | 'metadata'>;

/**
 * The customer's fields after this request: what it does not name stays, an empty text unsets. Lengths: Stripe's, of
 * customers (name 256, email 512, description 350 and up, phone 20).
 */
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
