/**
 * Ids that a caller chooses for customers of its own: any text that a meter event may name as its customer, except what
 * could not be found again by a URL.
 */

/** As long as the customer of an event may be. */
export const CUSTOMER_ID_MAX = 100;

/**
 * Words that stand where an id does in Stripe's URLs, and belong to another call: `/v1/customers/search`. From the paths
 * of stripe-node 23.1; `upcoming` is of older ones.
 */
export const WORDS_OF_URLS: ReadonlySet<string> = new Set([
  'create_from_calculation',
  'create_preview',
  'create_reversal',
  'preview',
  'report_payment',
  'search',
  'upcoming',
]);

/** Why this text cannot be the id of a customer, to follow "the id"; undefined when it can. */
export function refusalOfId(id: string): string | undefined {
  if (WORDS_OF_URLS.has(id)) return 'is a word of the API';
  if (id === '.' || id === '..') return 'would be lost from a URL';
  // Four of Stripe's SDKs write a space in a path as a plus, the others as %20: see `withSpaces`.
  if (id.includes(' ') && id.includes('+')) return 'has both spaces and plus signs';
  return undefined;
}

/**
 * The id that the SDKs of Python, Ruby, PHP and Java mean by a path with plus signs, when none is registered with those;
 * undefined when it has none.
 */
export function withSpaces(id: string): string | undefined {
  return id.includes('+') && !id.includes(' ') ? id.replaceAll('+', ' ') : undefined;
}

/** The other id that stands in the URLs of some SDKs as this one does, so that only one of the two may be registered. */
export function twinOf(id: string): string | undefined {
  return withSpaces(id) ?? (id.includes(' ') ? id.replaceAll(' ', '+') : undefined);
}
