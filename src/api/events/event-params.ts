/** What the calls about core events share. */
import { ApiError } from '../../domain/errors.ts';
import type { Form } from '../read/form.ts';
import { texts } from '../read/params.ts';

/** Longer than any type of Stripe's. */
export const TYPE_LENGTH_MAX = 200;
/** Stripe's limit of both lists. */
const TYPES_MAX = 20;

export function parseTypes(form: Form, path: string): readonly string[] | undefined {
  return texts(form, path, { itemsMax: TYPES_MAX, lengthMax: TYPE_LENGTH_MAX });
}

export function noSuchEvent(id: string): never {
  throw new ApiError('resource_missing', `No such event: '${id}'`, 'id');
}
