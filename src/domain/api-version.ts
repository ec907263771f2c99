import { parseRfc3339 } from './rfc3339.ts';

/** The version of Stripe's API whose objects these are: what is said to a request that names none. */
export const API_VERSION = '2026-10-28.endive';

/**
 * `2024-06-20`, `2025-03-31.basil`, `2025-03-31.preview`, and with the features of a beta behind it
 * (`2025-03-31.preview; some_beta=v1`), as Stripe's preview SDKs write them.
 */
const VERSION = /^(?<version>(?<date>\d{4}-\d\d-\d\d)(?:\.[a-z]+(?:_[a-z]+)*)?)(?:; ?\w+=\w+)*$/u;
/** The date of Stripe's first version. */
const FIRST = '2011-01-01';

/**
 * The version that a `Stripe-Version` header or a parameter names, without the features of betas; undefined when it
 * names none. It is the day of a release and, since 2024, the name of its train: which of those there were is Stripe's
 * to know, so any such day does, also a later one than API_VERSION's.
 */
export function parseApiVersion(text: string): string | undefined {
  const { version, date = '' } = VERSION.exec(text)?.groups ?? {};
  if (date < FIRST || parseRfc3339(`${date}T00:00:00Z`) === undefined) return undefined;
  return version;
}
