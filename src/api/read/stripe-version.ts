/** The header `Stripe-Version`: which version of Stripe's API a request is written for. */
import type { IncomingHttpHeaders } from 'node:http';
import { API_VERSION, parseApiVersion } from '../../domain/api-version.ts';
import { bareOrQuoted } from '../../domain/characters.ts';
import { ApiError } from '../../domain/errors.ts';

/** The version that is asked for, as it was sent; ours without a header; undefined when the header names none. */
export function askedVersion(headers: IncomingHttpHeaders): string | undefined {
  const sent = headers['stripe-version'];
  if (sent === undefined || sent === API_VERSION) return API_VERSION;
  return parseApiVersion(String(sent)) === undefined ? undefined : String(sent);
}

/**
 * The version that an accepted request is written for, without the features of betas: what snapshots are read in, or what a
 * destination is sent that the request makes.
 */
export function requestVersion({ headers }: { readonly headers: IncomingHttpHeaders }): string {
  const sent = headers['stripe-version'];
  return (sent === undefined ? undefined : parseApiVersion(String(sent))) ?? API_VERSION;
}

/** Stripe's text and body, as users report them (the issues of stripe-java and stripity-stripe). */
export function unknownVersion(headers: IncomingHttpHeaders): ApiError {
  const sent = bareOrQuoted(String(headers['stripe-version']));
  return new ApiError('api_version_invalid', `Invalid Stripe API version: ${sent}`);
}
