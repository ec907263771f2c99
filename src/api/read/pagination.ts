import type { PageQuery } from '../../catalog/catalog.ts';
import { ApiError } from '../../domain/errors.ts';
import type { Form } from './form.ts';
import { integer, text, type Shape } from './params.ts';

/** The parameters that every list takes. */
export const PAGE_SHAPE = {
  limit: true,
  starting_after: true,
  ending_before: true,
  expand: true,
} as const satisfies Shape;

/** Longer than any id that a list gives out, summaries included. */
const CURSOR_LENGTH_MAX = 1000;

/** `limit` 1 to 100, 10 when left out; at most one cursor (Stripe: api/pagination). */
export function parsePage(form: Form): PageQuery {
  const limit = integer(form, 'limit', { min: 1, max: 100 }) ?? 10;
  const startingAfter = text(form, 'starting_after', CURSOR_LENGTH_MAX);
  const endingBefore = text(form, 'ending_before', CURSOR_LENGTH_MAX);
  if (startingAfter !== undefined && endingBefore !== undefined) {
    throw new ApiError(
      'parameter_invalid',
      'You may only specify one of these parameters: ending_before, starting_after.',
      'ending_before',
    );
  }
  return { limit, startingAfter, endingBefore };
}
