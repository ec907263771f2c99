/** What a request says in its query and its body, read as its route takes it. */
import { crc32 } from 'node:zlib';
import type { Fingerprint } from '../../journal/receipt.ts';
import type { ApiRequest, Route } from '../route.ts';
import { canonicalForm, parseForm, type Form } from './form.ts';
import { jsonToForm, parseJson } from './json.ts';
import { refuseUnknown } from './params.ts';

export type Sent = Pick<ApiRequest, 'form' | 'bytes'>;

const NO_FORM: Form = new Map();
const NO_BYTES = Buffer.of();

/** Reads UTF-8 bytes. Throws the ApiError that says what is wrong; a call with a JSON body takes no query. */
export function readParameters({ body }: Pick<Route, 'body'>, query: string, bytes: Buffer): Sent {
  if (body === undefined) {
    return { form: parseForm(joinPairs(query, bytes)), bytes: NO_BYTES };
  }
  if (query !== '') refuseUnknown(parseForm(query), {});
  if (body === 'raw_json') return { form: NO_FORM, bytes };
  return { form: jsonToForm(parseJson(bytes), body.json), bytes: NO_BYTES };
}

/**
 * What tells a retry from another request with the same Idempotency-Key: one text for each set of parameters,
 * whatever their spelling. On the hot path it is the checksum and the length of the body instead, 2 words:
 * the keyed hash of 18 KB takes longer than parsing them. Who makes two bodies of one checksum fools only
 * himself: keys belong to a namespace.
 */
export function identityOf(
  { method, body }: Pick<Route, 'method' | 'body'>,
  path: string,
  { form }: Pick<Sent, 'form'>,
  bytes: Buffer,
): string | Fingerprint {
  if (body !== 'raw_json') return `${method} ${path} ${canonicalForm(form)}`;
  return [crc32(bytes, crc32(`${method} ${path} `)), bytes.length];
}

function joinPairs(query: string, bytes: Buffer): string {
  const body = bytes.toString();
  if (query === '') return body;
  return body === '' ? query : `${query}&${body}`;
}
