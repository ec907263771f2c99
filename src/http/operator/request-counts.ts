/** What the server answered: plain numbers by route, for a scrape to read. It is some 80 ns a request. */
import type { ErrorCode } from '../../domain/errors.ts';
import { newSeconds, secondsSince } from '../../lib/histogram.ts';
import type { Route } from '../../api/route.ts';

export class RouteCounts {
  readonly method: string;
  /** As the route is written, so that no id is in it; '' for requests of no route. */
  readonly path: string;
  succeeded = 0;
  readonly refused = new Map<ErrorCode, { readonly status: number; count: number }>();
  /** From the request's headers to its answer. */
  readonly seconds = newSeconds();

  constructor(route: Route | undefined) {
    this.method = route?.method ?? '';
    this.path = route?.path ?? '';
  }

  countRefused(reason: ErrorCode, status: number): void {
    const refused = this.refused.get(reason);
    if (refused === undefined) this.refused.set(reason, { status, count: 1 });
    else refused.count += 1;
  }
}

export class RequestCounts {
  readonly #routes = new Map<Route | undefined, RouteCounts>();

  /** Begun with the first request of each route. */
  get routes(): Iterable<RouteCounts> {
    return this.#routes.values();
  }

  countSuccess(route: Route | undefined, startMs: number): void {
    const counts = this.#of(route);
    counts.succeeded += 1;
    counts.seconds.observe(secondsSince(startMs));
  }

  countRefused(
    route: Route | undefined,
    startMs: number,
    { reason, status }: { readonly reason: ErrorCode; readonly status: number },
  ): void {
    const counts = this.#of(route);
    counts.countRefused(reason, status);
    counts.seconds.observe(secondsSince(startMs));
  }

  #of(route: Route | undefined): RouteCounts {
    let counts = this.#routes.get(route);
    if (counts === undefined) {
      counts = new RouteCounts(route);
      this.#routes.set(route, counts);
    }
    return counts;
  }
}
