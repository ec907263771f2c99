/** The `Prefer` header (RFC 7240): what a client would like to be told, and how strict it likes the server. */
import type { IncomingHttpHeaders } from 'node:http';

/** A preference with its parameters: up to the next comma that is not in a quoted string. */
const PREFERENCES = /(?:"(?:[^"\\]|\\.)*(?:"|\\?$)|[^",])+/gsu;
const NAME = /^\s*([^\s=;]+)\s*(?:[=;]|$)/u;
/** Right after the name, with or without quotes: what comes after a semicolon is a parameter. */
const VALUE = /^\s*[^\s=;]+\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))\s*(?:;|$)/su;

/** Whether a body that tells what became of the request is wanted (section 4.2). */
export function prefersRepresentation(headers: IncomingHttpHeaders): boolean {
  return preferred(headers, 'return') === 'representation';
}

/** How strict the server should be with the request (section 4.4); undefined where nothing that is known is said. */
export function preferredHandling(headers: IncomingHttpHeaders): 'lenient' | 'strict' | undefined {
  const handling = preferred(headers, 'handling');
  return handling === 'lenient' || handling === 'strict' ? handling : undefined;
}

/**
 * The value of a preference, in lower case; undefined without one. Names are case-insensitive; of a preference that is
 * sent twice the first counts (section 2).
 */
function preferred({ prefer }: IncomingHttpHeaders, name: string): string | undefined {
  if (prefer === undefined) return undefined;
  // Node gives headers of the same name as one, with commas between.
  const first = String(prefer)
    .match(PREFERENCES)
    ?.find((preference) => NAME.exec(preference)?.[1]?.toLowerCase() === name);
  if (first === undefined) return undefined;
  const [, quoted, plain] = VALUE.exec(first) ?? [];
  return (quoted ?? plain)?.toLowerCase();
}
