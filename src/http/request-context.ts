import { ApiError, type ApiVersion } from '../domain/errors.ts';
import { log, logError } from '../lib/log.ts';
import type { Route } from '../api/route.ts';
import type { BodyShare } from './limits/body-budget.ts';
import type { HttpCall } from './http-call.ts';

/** A request on its way through the pipeline. */
export type Exchange = {
  readonly call: HttpCall;
  /** `req_…`, in every line of the log that is about it. */
  readonly id: string;
  readonly path: string;
  readonly query: string;
  /** The version to answer in, as it was sent; undefined when what was sent names none. */
  readonly apiVersion: string | undefined;
  readonly share: BodyShare;
  /** Once it is found. */
  route?: Route;
  /** Whose answer it is: the key, once it is known. */
  owner?: string;
  /** Its body was read, so a closing server waits for its answer. */
  isRead?: true;
};

export function versionOf({ path }: Exchange): ApiVersion {
  return path.startsWith('/v2/') ? 'v2' : 'v1';
}

/** A refusal stays what it is. Anything else is our fault: logged whole, answered without detail. */
export function toApiError({ id: requestId }: Exchange, error: unknown): ApiError {
  if (error instanceof ApiError) {
    // A 503 that says we are starting or stopping is no news; one with a cause behind it is.
    if (error.cause !== undefined) logError(error.message, error.cause, { requestId });
    return error;
  }
  logError('A request failed.', error, { requestId });
  return new ApiError('internal', `An unknown error occurred. Please report ${requestId}.`);
}

/** The route as it is written, never the URL: that may hold anything. */
export function logRequest({ id, call, route }: Exchange, startMs: number): void {
  log.debug(
    {
      requestId: id,
      method: call.method,
      route: route?.path,
      status: call.status,
      durationMs: Math.round(performance.now() - startMs),
    },
    'request',
  );
}
