/** What passes between the server and the routes. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Caller, Remember } from '../catalog/catalog.ts';
import type { Fingerprint, Receipt } from '../journal/receipt.ts';
import type { Key, Scope } from '../domain/key.ts';
import type { Namespace } from '../domain/namespace.ts';
import type { Form } from './read/form.ts';
import type { JsonShape } from './read/json.ts';

/** An authenticated request with its parameters read. */
export type ApiRequest = {
  /** `req_…`, also in the `Request-Id` header. */
  readonly id: string;
  readonly namespace: Namespace;
  /** The key that it came with, or that opened its session. */
  readonly key: Pick<Key, 'id' | 'expiresAtMs' | 'scopes' | 'hint' | 'namespace'>;
  readonly receivedAtMs: number;
  readonly pathParams: Readonly<Record<string, string | undefined>>;
  /** From query and body together, a JSON body in the same form. Empty for a route of `raw_json`. */
  readonly form: Form;
  /**
   * The body of a route of `raw_json`, to be parsed by the route: what was parsed is garbage at once when nothing
   * holds it while the answer waits for the disk, and a stream is a lot of it. Empty for every other.
   */
  readonly bytes: Buffer;
  readonly headers: IncomingHttpHeaders;
  readonly caller: Caller;
  /** What a retry is known by; undefined without an Idempotency-Key. */
  readonly claim: Claim | undefined;
};

/** An Idempotency-Key with a request that is being answered for the first time. */
export type Claim = {
  readonly idempotencyKey: string;
  readonly keyHash: Uint32Array;
  readonly fingerprint: Fingerprint;
};

/** The object of a 200; a Reply where headers of its own go with it. */
export type Answer = object | Reply;

/** An answer with headers of its own, such as `Preference-Applied`. */
export class Reply {
  readonly body: object;
  readonly headers: Readonly<Record<string, string>>;

  constructor(body: object, headers: Readonly<Record<string, string>>) {
    this.body = body;
    this.headers = headers;
  }
}

/** One API method. A refusal is a thrown ApiError. */
export type Route = {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** `:name` stands for one part of the path. */
  readonly path: string;
  /** What a restricted key must be allowed to make this call; `any`: nothing beyond being a key. */
  readonly scope: Scope | 'any';
  /** What the Authorization header must hold: a key unless it says otherwise. */
  readonly opensWith?: 'session';
  /**
   * How the body is written: a form unless it says otherwise. `json`, with what it holds, becomes the same tree as a form
   * does; `raw_json` is for the hot path and stays as it came.
   */
  readonly body?: { readonly json: JsonShape } | 'raw_json';
  /** The largest body that is read; BODY_BYTES_MAX unless it says otherwise. */
  readonly bodyBytesMax?: number;
  readonly handle: (request: ApiRequest) => Promise<Answer> | Answer;
  /**
   * Makes the first answer again, from the same request and its receipt. Only methods that record in the
   * journal have this; the others keep their first answer in the catalog.
   */
  readonly replay?: (request: ApiRequest, receipt: Receipt, body: string | undefined) => Answer;
  /** The journal keeps the bodies that came with receipts of this route: `replay` is given the one of this answer. */
  readonly replaysBody?: true;
  /**
   * What another key than the one that was answered first is shown of the answer that the catalog keeps: all of it, unless
   * this says otherwise. Throws for what that key may see nothing of.
   */
  readonly forOtherKey?: (request: ApiRequest, answer: object) => object;
  /** The first answer is kept nowhere: a retry under its key is a new call. */
  readonly keepsNoAnswer?: true;
};

/** The `:id` in the route's path. */
export function pathId({ pathParams }: Pick<ApiRequest, 'pathParams'>): string {
  return pathParams['id'] ?? '';
}

/** What the catalog keeps of the answer, beside the change that it reports. */
export function remember<T>(request: ApiRequest, present: (changed: T) => object): Remember<T> {
  const { claim, namespace } = request;
  if (claim === undefined) return undefined;
  return (changed) => ({
    namespace,
    idempotencyKey: claim.idempotencyKey,
    keyId: request.key.id,
    fingerprint: claim.fingerprint.join('-'),
    status: 200,
    body: JSON.stringify(present(changed)),
    requestId: request.id,
    createdMs: request.receivedAtMs,
  });
}

/** What the journal keeps of the answer; undefined without an Idempotency-Key. */
export function toReceipt(request: ApiRequest, generatedIdentifier?: string): Receipt | undefined {
  if (request.claim === undefined) return undefined;
  const { keyHash, fingerprint } = request.claim;
  return { keyHash, fingerprint, receivedAtMs: request.receivedAtMs, generatedIdentifier };
}
