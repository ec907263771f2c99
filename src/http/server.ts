/**
 * The HTTP server: one pipeline for every request. Which route, whose key, what parameters, first answer or a
 * repeated one, and one place that turns errors into responses.
 *
 * It listens from the start, so that a port in use is known at once and health can be asked for while the
 * data folder is recovered; API calls are answered once `serve` was called.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Session } from '../catalog/catalog.ts';
import type { Clock } from '../clock.ts';
import { ApiError, type ApiVersion } from '../errors.ts';
import { newRequestId } from '../ids.ts';
import { logError } from '../log.ts';
import type { Namespace } from '../namespace.ts';
import { StartupError } from '../startup-error.ts';
import type { Route } from './api.ts';
import { authenticate } from './auth.ts';
import { BodyBudget, type BodyShare } from './body-budget.ts';
import { BODY_BYTES_MAX, readBody } from './body.ts';
import { toAnswered, type Answered, type Idempotency } from './idempotency.ts';
import { InFlight } from './in-flight.ts';
import { identityOf, readParameters } from './parameters.ts';
import { apiHeaders, replayHeaders, sendError, sendJson, type ResponseHeaders } from './respond.ts';
import { Router } from './router.ts';
import { authenticateSession } from './session-auth.ts';

export type Api = {
  readonly routes: readonly Route[];
  readonly idempotency: Idempotency;
  readonly namespaceOf: (secretSha256: string) => Namespace | undefined;
  readonly sessionOf: (tokenSha256: string) => Session | undefined;
};

/** Idle connections are kept longer than SDKs and proxies keep theirs, so that they close first. */
const KEEP_ALIVE_MS = 65_000;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** Bounds sockets and the memory of half-sent bodies (P10); past it, a new connection is closed at once. */
const CONNECTIONS_MAX = 10_000;
/** How long a closing server waits for answers to requests that it has read. */
const ANSWER_TIMEOUT_MS = 10_000;

export class ApiServer {
  readonly #server = createServer((request, response) => void this.#respond(request, response));
  readonly #clock: Clock;
  readonly #bodies = new BodyBudget();
  readonly #inFlight = new InFlight();
  #api: { router: Router; parts: Api } | undefined;
  #unready = 'starting';
  #isClosing = false;
  /** Requests that were read whole and whose answer is not out yet. */
  #unanswered = 0;
  #onAllAnswered = (): void => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#server.keepAliveTimeout = KEEP_ALIVE_MS;
    this.#server.headersTimeout = HEADERS_TIMEOUT_MS;
    this.#server.requestTimeout = REQUEST_TIMEOUT_MS;
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  /** Answers the port. Throws StartupError when the address cannot be had. */
  listen(port: number, host: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => {
        const reason =
          error.code === 'EADDRINUSE' ? 'the port is in use' : (error.code ?? error.message);
        reject(new StartupError(`Cannot listen on ${host}:${port}: ${reason}.`));
      });
      this.#server.listen(port, host, () => {
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  /** From here on API calls are answered. */
  serve(api: Api): void {
    this.#api = { router: new Router(api.routes), parts: api };
  }

  /** From here on API calls get a 503 that says why; what was begun goes on. */
  refuse(reason: string): void {
    this.#api = undefined;
    this.#unready = reason;
  }

  /**
   * Takes no new requests and waits for the answers to those that were read; then lets go of every
   * connection, also of those that never finish a request. A second call does nothing more.
   */
  async close(): Promise<void> {
    this.refuse('stopping');
    this.#isClosing = true;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeIdleConnections();
    await this.#allAnswered();
    this.#server.closeAllConnections();
    await closed;
  }

  #allAnswered(): Promise<void> {
    if (this.#unanswered === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ANSWER_TIMEOUT_MS);
      this.#onAllAnswered = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #beginAnswer(response: ServerResponse): void {
    // Who has gone already gets no answer to wait for.
    if (response.closed) return;
    this.#unanswered += 1;
    response.once('close', () => {
      this.#unanswered -= 1;
      if (this.#unanswered === 0) this.#onAllAnswered();
    });
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url ?? '/';
    const question = url.indexOf('?');
    const path = question === -1 ? url : url.slice(0, question);
    if (path === '/healthz') return this.#health(response, true);
    if (path === '/readyz') return this.#health(response, this.#api !== undefined);
    const { socket } = request;
    if (!this.#inFlight.begin(socket)) return void socket.destroy();
    const requestId = newRequestId();
    const headers = apiHeaders(requestId, request.headers);
    const share = this.#bodies.open();
    try {
      const query = question === -1 ? '' : url.slice(question + 1);
      const answered = await this.#answer(request, response, path, query, requestId, share);
      const { body, replayed } = answered;
      Object.assign(headers, answered.headers);
      if (replayed !== undefined) Object.assign(headers, replayHeaders(replayed));
      this.#partIfDone(request, headers);
      sendJson(response, 200, body, headers);
    } catch (error) {
      if (response.destroyed) return;
      this.#partIfDone(request, headers);
      sendError(response, toApiError(error, requestId), versionOf(path), headers);
    } finally {
      share.close();
      this.#inFlight.end(socket);
    }
  }

  /** A connection is not kept when the server is closing, or when the rest of a body would come first. */
  #partIfDone(request: IncomingMessage, headers: ResponseHeaders): void {
    if (this.#isClosing || !request.complete) headers['Connection'] = 'close';
  }

  async #answer(
    message: IncomingMessage,
    response: ServerResponse,
    path: string,
    query: string,
    id: string,
    share: BodyShare,
  ): Promise<Answered> {
    if (this.#api === undefined) {
      throw new ApiError('unavailable', `Taximeter is ${this.#unready}. Try again.`);
    }
    const { router, parts } = this.#api;
    const { route, pathParams } = router.find(message.method ?? '', path);
    const { headers } = message;
    const namespace =
      route.opensWith === 'session'
        ? authenticateSession(headers, parts.sessionOf, this.#clock.nowMs())
        : authenticate(headers, parts.namespaceOf);
    const bytes = await readBody(
      message,
      route.body ?? 'form',
      route.bodyBytesMax ?? BODY_BYTES_MAX,
      share,
    );
    this.#beginAnswer(response);
    const sent = readParameters(route, query, bytes);
    const { form } = sent;
    const receivedAtMs = this.#clock.nowMs();
    const of = { id, namespace, receivedAtMs, pathParams, form, bytes: sent.bytes, headers };
    const key = headers['idempotency-key'];
    if (key === undefined || route.method === 'GET') {
      return toAnswered(await route.handle({ ...of, claim: undefined }));
    }
    const { idempotency } = parts;
    const claim = idempotency.claim(of, String(key), identityOf(route, path, sent, bytes));
    return await idempotency.answer(route, { ...of, claim });
  }

  #health(response: ServerResponse, ok: boolean): void {
    const body = JSON.stringify({ status: ok ? 'ok' : this.#unready });
    sendJson(response, ok ? 200 : 503, body, {});
  }
}

function versionOf(path: string): ApiVersion {
  return path.startsWith('/v2/') ? 'v2' : 'v1';
}

/** A refusal stays what it is. Anything else is our fault: logged whole, answered without detail. */
function toApiError(error: unknown, requestId: string): ApiError {
  if (error instanceof ApiError) {
    // A 503 that says we are starting or stopping is no news; one with a cause behind it is.
    if (error.cause !== undefined) logError(error.message, error.cause, { requestId });
    return error;
  }
  logError('A request failed.', error, { requestId });
  return new ApiError('internal', `An unknown error occurred. Please report ${requestId}.`);
}
