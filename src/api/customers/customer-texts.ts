/** Readers of what a customer's parameters are made of, after those of params.ts. */
import { ApiError } from '../../domain/errors.ts';
import { toList, type Form } from '../read/form.ts';
import { hash, refuseAsUnknown, valueAt } from '../read/params.ts';

/** Stripe's, of texts that it names no other limit of. */
export const TEXT_MAX = 5000;

/** As `hash`, but an empty text (which is how SDKs send null) unsets: null. */
export function hashOrNull(form: Form, path: string): Form | null | undefined {
  return valueAt(form, path) === '' ? null : hash(form, path);
}

/** A list of hashes that have these names and no others; undefined when it was not sent. */
export function items(
  form: Form,
  path: string,
  names: readonly string[],
): readonly Form[] | undefined {
  const sent = hash(form, path);
  if (sent === undefined) return undefined;
  const list = toList(sent);
  if (list === undefined) throw new ApiError('parameter_invalid', `Invalid array: ${path}`, path);
  return list.map((item, index) => {
    const at = `${path}[${index}]`;
    if (typeof item === 'string') {
      throw new ApiError('parameter_invalid', `Invalid hash: ${at} takes named values.`, at);
    }
    const unknown = [...item.keys()].filter((name) => !names.includes(name));
    refuseAsUnknown(unknown.map((name) => `${at}[${name}]`));
    return item;
  });
}
