/** What passes between the server and the routes. */
import type { Remember } from '../catalog/catalog.ts';
import type { Receipt } from '../journal/receipt.ts';
import type { Namespace } from '../namespace.ts';
import type { Form } from './form.ts';

/** An authenticated request with its parameters read: from the URL's path, and from query and body together. */
export type ApiRequest = {
  /** `req_…`, also in the `Request-Id` header. */
  readonly id: string;
  readonly namespace: Namespace;
  readonly receivedAtMs: number;
  readonly pathParams: Readonly<Record<string, string | undefined>>;
  readonly form: Form;
  /** What a retry is known by; undefined without an Idempotency-Key. */
  readonly claim: Claim | undefined;
};

/** An Idempotency-Key with a request that is being answered for the first time. */
export type Claim = {
  readonly idempotencyKey: string;
  readonly keyHash: Uint32Array;
  readonly fingerprint: Uint32Array;
};

/** One API method. `handle` answers the object of a 200; a refusal is a thrown ApiError. */
export type Route = {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** `:name` stands for one part of the path. */
  readonly path: string;
  readonly handle: (request: ApiRequest) => Promise<object> | object;
  /**
   * Makes the first answer again, from the same request and its receipt. Only methods that record in the
   * journal have this; the others keep their first answer in the catalog.
   */
  readonly replay?: (request: ApiRequest, receipt: Receipt) => object;
};

/** What the catalog keeps of the answer, beside the change that it reports. */
export function remember<T>(request: ApiRequest, present: (changed: T) => object): Remember<T> {
  const { claim, namespace } = request;
  if (claim === undefined) return undefined;
  return (changed) => ({
    namespace,
    idempotencyKey: claim.idempotencyKey,
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
