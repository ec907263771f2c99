/**
 * The HTTP server: one pipeline for every request. Which route, whose key, what parameters, first answer or a
 * repeated one, and one place that turns errors into responses.
 *
 * It listens from the start, so that a port in use is known at once and health can be asked for while the
 * data folder is recovered; API calls are answered once `serve` was called.
 */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
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
import { CONNECTION_LIMITS, Connections, type ConnectionLimits } from './connections.ts';
import { wrongHeaders } from './headers.ts';
import { toAnswered, type Answered, type Idempotency } from './idempotency.ts';
import { answerWhatIsNoHttp } from './no-http.ts';
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

/** How long a closing server waits for answers to requests that it has read. */
const ANSWER_TIMEOUT_MS = 10_000;

export class ApiServer {
  readonly #server: Server;
  readonly #connections: Connections;
  readonly #clock: Clock;
  readonly #bodies = new BodyBudget();
  #api: { router: Router; parts: Api } | undefined;
  #unready = 'starting';
  #isClosing = false;

  constructor(clock: Clock, limits: Partial<ConnectionLimits> = {}) {
    this.#clock = clock;
    const all = { ...CONNECTION_LIMITS, ...limits };
    const respond = (request: IncomingMessage, response: ServerResponse): void => {
      if (this.#connections.begin(request, response)) void this.#respond(request, response);
    };
    this.#server = createApiServer(all, respond);
    this.#connections = new Connections(this.#server, all);
    answerWhatIsNoHttp(this.#server, (socket) => !this.#connections.owesAnswer(socket));
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
    await this.#connections.allAnswered(ANSWER_TIMEOUT_MS);
    this.#server.closeAllConnections();
    await closed;
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url ?? '/';
    const question = url.indexOf('?');
    const path = question === -1 ? url : url.slice(0, question);
    if (path === '/healthz') return this.#health(response, true);
    if (path === '/readyz') return this.#health(response, this.#api !== undefined);
    const requestId = newRequestId();
    const headers = apiHeaders(requestId, request.headers);
    const share = this.#bodies.open();
    try {
      const query = question === -1 ? '' : url.slice(question + 1);
      const answered = await this.#answer(request, path, query, requestId, share);
      const { body, replayed } = answered;
      Object.assign(headers, answered.headers);
      if (replayed !== undefined) Object.assign(headers, replayHeaders(replayed));
      this.#partIfDone(request, headers);
      sendJson(response, 200, body, headers);
    } catch (error) {
      if (response.destroyed) return;
      const refusal = toApiError(error, requestId);
      this.#partIfDone(request, headers);
      if (refusal.reason === 'request_malformed') headers['Connection'] = 'close';
      sendError(response, refusal, versionOf(path), headers);
    } finally {
      share.close();
    }
  }

  /** A connection is not kept when the server is closing, or when the rest of a body would come first. */
  #partIfDone(request: IncomingMessage, headers: ResponseHeaders): void {
    if (this.#isClosing || !request.complete) headers['Connection'] = 'close';
  }

  async #answer(
    message: IncomingMessage,
    path: string,
    query: string,
    id: string,
    share: BodyShare,
  ): Promise<Answered> {
    if (this.#api === undefined) {
      throw new ApiError('unavailable', `Taximeter is ${this.#unready}. Try again.`);
    }
    this.#checkHeaders(message);
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

  #checkHeaders(message: IncomingMessage): void {
    const problem = wrongHeaders(message);
    if (problem === undefined) return;
    this.#connections.distrust(message.socket);
    throw new ApiError('request_malformed', `Invalid request: ${problem}.`);
  }

  #health(response: ServerResponse, ok: boolean): void {
    const body = JSON.stringify({ status: ok ? 'ok' : this.#unready });
    sendJson(response, ok ? 200 : 503, body, {});
  }
}

function createApiServer(limits: ConnectionLimits, respond: RequestListener): Server {
  const server = createServer(
    {
      keepAliveTimeout: limits.keepAliveMs,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: limits.checkEveryMs,
      // Ours says so in the envelope.
      requireHostHeader: false,
    },
    respond,
  );
  server.timeout = limits.stalledTimeoutMs;
  // Node would leave out what comes after the 2000th, and say nothing; all of them are bounded by their bytes.
  server.maxHeadersCount = 0;
  // Of what a client expects, only 100-continue is known; the rest may be ignored (RFC 9110, section 10.1.1).
  server.on('checkExpectation', respond);
  return server;
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
