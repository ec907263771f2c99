/**
 * The HTTP server: one pipeline for every request. Which route, whose key, what parameters, first answer or a
 * repeated one, and one place that turns errors into responses.
 *
 * It listens from the start, so that a port in use is known at once, and health can be asked for while the data folder is
 * recovered. API calls that come before `serve` are held until then; a stop takes no new connections, answers what has
 * come on the old ones, and closes each. So a restart is a pause to a client with retries.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { API_VERSION } from '../domain/api-version.ts';
import type { Clock } from '../lib/clock.ts';
import { ApiError } from '../domain/errors.ts';
import { newRequestId } from '../lib/ids.ts';
import { log } from '../lib/log.ts';
import type { Access } from '../api/access/access.ts';
import type { Route } from '../api/route.ts';
import { AnswerBudget, tooMuchUnread, type AnswerLimits } from './limits/answer-budget.ts';
import { BodyBudget } from './limits/body-budget.ts';
import { BODY_BYTES_MAX, checkBody } from './body.ts';
import { DRAIN_LIMITS, type ConnectionLimits } from './connections.ts';
import { Door } from './door.ts';
import { logRequest, toApiError, versionOf, type Exchange } from './request-context.ts';
import { codingOf, Unpacker } from './content-coding.ts';
import { HeldRequests, unavailable, type HoldLimits } from './held-requests.ts';
import type { HttpCall, ResponseHeaders } from './http-call.ts';
import { toAnswered, type Answered, type Idempotency } from '../api/idempotency.ts';
import { sendPage, sendUnread, toHealthPage, type Page } from './operator/operator-pages.ts';
import { identityOf, readParameters } from '../api/read/parameters.ts';
import { RequestCounts } from './operator/request-counts.ts';
import { apiHeaders, replayHeaders, sendError, sendJson, sendUnavailable } from './respond.ts';
import { Router } from './router.ts';
import { askedVersion, unknownVersion } from '../api/read/stripe-version.ts';
import { readTarget } from './target.ts';

export type Api = {
  readonly routes: readonly Route[];
  readonly idempotency: Idempotency;
  readonly access: Access;
  /** Why nothing moves any more, if that is so. */
  readonly stuck: () => string | undefined;
  /** Why no events are taken for want of room, if that is so: reads go on meanwhile. */
  readonly diskShortage: () => string | undefined;
};

type Serving = { readonly router: Router; readonly parts: Api };

/** For the last refusals to reach their clients. */
const LAST_REFUSALS = { idleMs: 0, partMs: 0, answerMs: 100 };

export class ApiServer {
  readonly #door: Door;
  readonly requests = new RequestCounts();
  readonly #clock: Clock;
  readonly #metrics: (() => Promise<Page>) | undefined;
  readonly #bodies = new BodyBudget();
  readonly #unpacker = new Unpacker();
  readonly #answers: AnswerBudget;
  readonly #held: HeldRequests;
  #api: Serving | undefined;
  /** What a start or an end is at. */
  #unready: string | undefined = 'starting';
  /** Answers are the last of their connections. */
  #isClosing = false;
  /** No request is carried out any more. */
  #isOver = false;
  /** Requests that were read whole and are not done with: being worked on, or with an answer that is not out. */
  #unanswered = 0;

  /** `metrics`: the page `/metrics`, where this server has one. `fastPath: false`: node:http reads every request. */
  constructor(
    clock: Clock,
    options: {
      readonly metrics?: () => Promise<Page>;
      readonly limits?: Partial<ConnectionLimits>;
      readonly hold?: Partial<HoldLimits>;
      readonly fastPath?: boolean;
      readonly answers?: Partial<AnswerLimits>;
    } = {},
  ) {
    this.#clock = clock;
    this.#metrics = options.metrics;
    this.#held = new HeldRequests(options.hold);
    this.#answers = new AnswerBudget(options.answers);
    const { limits = {}, fastPath = true } = options;
    this.#door = new Door(clock, { limits, fastPath }, (call) => void this.#respond(call));
  }

  /** Answers the port. Throws StartupError when the address cannot be had. */
  async listen(port: number, host: string): Promise<number> {
    return await this.#door.listen(port, host);
  }

  /** What the start is at, for `/readyz`. */
  starts(phase: string): void {
    this.#unready = phase;
  }

  /** From here on API calls are answered, those that were held first. */
  serve(api: Api): void {
    this.#api = { router: new Router(api.routes), parts: api };
    if (!this.#isClosing) this.#unready = undefined;
    void this.#held.letIn();
  }

  /** From here on no request is carried out. One that waits, or comes on an old connection, gets a 503 that says why. */
  refuse(reason: string): void {
    this.stopAccepting();
    this.#api = undefined;
    this.#isOver = true;
    this.#unready = reason;
    this.#held.refuse(this.#whyUnavailable());
  }

  get isReady(): boolean {
    return this.#whyUnready() === undefined;
  }

  /** Requests that are being answered. */
  get inFlight(): number {
    return this.#unanswered;
  }

  /**
   * Takes no new connections from here on, and makes each answer the last of its connection. What comes on those that
   * there are is answered as ever.
   */
  stopAccepting(): void {
    this.#isClosing = true;
    this.#unready ??= 'stopping';
    this.#door.stopAccepting();
  }

  /** Stops accepting, answers what was read, and lets go of every connection; then no request is carried out. */
  async drain(): Promise<void> {
    this.stopAccepting();
    await this.#door.drain(DRAIN_LIMITS);
    this.refuse('stopping');
  }

  /** Ends everything, and refuses what still waits. Also when it never served, or after `drain`. */
  async close(): Promise<void> {
    this.refuse('stopping');
    await this.#door.close(LAST_REFUSALS);
  }

  #beginAnswer(exchange: Exchange): void {
    exchange.isRead = true;
    this.#unanswered += 1;
  }

  async #respond(call: HttpCall): Promise<void> {
    const startMs = performance.now();
    const { path, query } = readTarget(call.url);
    if (path === '/healthz') return sendPage(call, this.#health(), this.#isClosing);
    if (path === '/readyz') return sendPage(call, this.#readiness(), this.#isClosing);
    if (path === '/metrics' && this.#metrics !== undefined) {
      return sendUnread(call, await this.#metrics(), this.#answers, this.#isClosing);
    }
    const id = newRequestId();
    const apiVersion = askedVersion(call.headers);
    const exchange: Exchange = { call, id, path, query, apiVersion, share: this.#bodies.open() };
    const headers = apiHeaders(id, apiVersion ?? API_VERSION, call.headers);
    try {
      const { body, replayed, headers: own } = await this.#answer(exchange);
      Object.assign(headers, own);
      if (replayed !== undefined) Object.assign(headers, replayHeaders(replayed));
      this.#partIfDone(call, headers);
      this.#send(exchange, headers, body);
      this.requests.countSuccess(exchange.route, startMs);
    } catch (error) {
      // A body that came with its headers is read by then, and need not end the connection.
      if (!call.complete && !isMalformed(error)) await nextTurn();
      this.#refuse(exchange, startMs, headers, error);
    } finally {
      call.onceOut(() => this.#end(exchange));
      if (log.isLevelEnabled('debug')) logRequest(exchange, startMs);
    }
  }

  /** A read that there is no room for is refused. What a change has to answer is a fact: it is sent, or nothing is. */
  #send({ call, owner = '' }: Exchange, headers: ResponseHeaders, body: string): void {
    const bytes = Buffer.byteLength(body);
    if (call.method === 'GET' && !this.#answers.hasRoom(owner, bytes)) throw tooMuchUnread();
    if (this.#answers.take(call, owner, bytes)) sendJson(call, 200, body, headers, bytes);
    else call.socket.destroy();
  }

  /** When its answer is out, nothing is held for it any more. */
  #end({ share, isRead }: Exchange): void {
    share.close();
    if (isRead === true) this.#unanswered -= 1;
  }

  #refuse(exchange: Exchange, startMs: number, headers: ResponseHeaders, error: unknown): void {
    const { call, route } = exchange;
    if (call.isGone) return void call.socket.destroy();
    const refusal = toApiError(exchange, error);
    const version = versionOf(exchange);
    const { status } = refusal.toWire(version);
    this.#partIfDone(call, headers);
    if (isMalformed(refusal)) headers['Connection'] = 'close';
    if (status >= 500 && this.#api === undefined) sendUnavailable(call, refusal, headers);
    else sendError(call, refusal, version, headers);
    this.requests.countRefused(route, startMs, { reason: refusal.reason, status });
  }

  /** A connection is not kept when the server is closing, or when the rest of a body would come first. */
  #partIfDone({ complete }: HttpCall, headers: ResponseHeaders): void {
    if (this.#isClosing || !complete) headers['Connection'] = 'close';
  }

  async #answer(exchange: Exchange): Promise<Answered> {
    const { call, path, query, id, share } = exchange;
    this.#checkHeaders(call);
    const { router, parts } = this.#api ?? (await this.#whenServing(call));
    const { route, pathParams } = router.find(call.method, path);
    exchange.route = route;
    const { headers } = call;
    const key = parts.access.admit(route, call, this.#clock.nowMs());
    const { namespace } = key;
    exchange.owner = key.id;
    // Before it is made, which may take far longer than to say so.
    if (route.method === 'GET' && !this.#answers.hasRoom(key.id)) throw tooMuchUnread();
    if (exchange.apiVersion === undefined) throw unknownVersion(headers);
    const coding = codingOf(headers);
    const bytesMax = route.bodyBytesMax ?? BODY_BYTES_MAX;
    const read = call.readBytes(bytesMax, share);
    const sentBytes = read instanceof Promise ? await read : read;
    // A body may take its time, and come when the data folder is being closed.
    if (this.#isOver) throw unavailable(this.#whyUnavailable());
    this.#beginAnswer(exchange);
    const bytes =
      coding === undefined
        ? sentBytes
        : await this.#unpacker.unpack(coding, sentBytes, bytesMax, share);
    checkBody(headers, route, bytes);
    const sent = readParameters(route, query, bytes);
    const { form } = sent;
    const receivedAtMs = this.#clock.nowMs();
    const of = {
      id,
      namespace,
      key,
      receivedAtMs,
      pathParams,
      form,
      bytes: sent.bytes,
      headers,
      caller: call,
    };
    const idempotencyKey = headers['idempotency-key'];
    if (idempotencyKey === undefined || route.method === 'GET') {
      return toAnswered(await route.handle({ ...of, claim: undefined }));
    }
    const { idempotency } = parts;
    const claim = idempotency.claim(
      of,
      String(idempotencyKey),
      identityOf(route, path, sent, bytes),
    );
    return await idempotency.answer(route, { ...of, claim });
  }

  #checkHeaders(call: HttpCall): void {
    const problem = call.wrongHeaders();
    if (problem === undefined) return;
    this.#door.distrust(call.socket);
    throw new ApiError('request_malformed', `Invalid request: ${problem}.`);
  }

  /** Holds what comes too early. Throws `unavailable` after `refuse`, and for what cannot be held. */
  async #whenServing(call: HttpCall): Promise<Serving> {
    if (!this.#isOver) await this.#held.hold(call, this.#whyUnavailable());
    // Its client gave up: a retry of it may be here too, and is not to find its key in use.
    if (call.socket.readableEnded) call.socket.destroy();
    if (call.isGone) throw new Error('The client went away.');
    if (this.#api !== undefined) return this.#api;
    throw unavailable(this.#whyUnavailable());
  }

  #whyUnavailable(): string {
    return `Taximeter is ${this.#unready ?? 'stopping'}. Try again.`;
  }

  #health(): Page {
    const reason = this.#api?.parts.stuck();
    return toHealthPage(reason === undefined ? undefined : { status: 'stuck', reason });
  }

  #readiness(): Page {
    const reason = this.#whyUnready();
    return toHealthPage(reason === undefined ? undefined : { status: 'unready', reason });
  }

  #whyUnready(): string | undefined {
    if (this.#unready !== undefined || this.#api === undefined) return this.#unready;
    const { stuck, diskShortage } = this.#api.parts;
    return stuck() ?? diskShortage();
  }
}

function isMalformed(error: unknown): boolean {
  return error instanceof ApiError && error.reason === 'request_malformed';
}
