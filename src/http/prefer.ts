/** The `Prefer` header (RFC 7240): what a client would like to be told. */
import type { IncomingHttpHeaders } from 'node:http';

/** A preference with its parameters: up to the next comma that is not in a quoted string. */
const PREFERENCES = /(?:"(?:[^"\\]|\\.)*(?:"|\\?$)|[^",])+/gsu;
const RETURN = /^\s*return\s*(?:[=;]|$)/iu;
const REPRESENTATION = /^\s*return\s*=\s*(?:representation|"representation")\s*(?:;|$)/iu;

/**
 * Whether a body that tells what became of the request is wanted (section 4.2). Names are case-insensitive; of a
 * preference that is sent twice the first counts (section 2).
 */
export function prefersRepresentation({ prefer }: IncomingHttpHeaders): boolean {
  if (prefer === undefined) return false;
  // Node gives headers of the same name as one, with commas between.
  const first = String(prefer)
    .match(PREFERENCES)
    ?.find((preference) => RETURN.test(preference));
  return first !== undefined && REPRESENTATION.test(first);
}
