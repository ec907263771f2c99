import findMyWay from 'find-my-way';
import { WORDS_OF_URLS } from '../domain/customers/customer-id.ts';
import { ApiError } from '../domain/errors.ts';
import type { Route } from '../api/route.ts';

export type Found = {
  readonly route: Route;
  readonly pathParams: Readonly<Record<string, string | undefined>>;
};

/** An identifier of 100 characters, each of them percent-encoded. */
const PARAM_LENGTH_MAX = 1200;

/** Finds the route of a method and path. */
export class Router {
  readonly #tree = findMyWay({ maxParamLength: PARAM_LENGTH_MAX });
  readonly #routes = new Map<unknown, Route>();

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      // The tree holds functions; ours only stands for its route.
      const handler = (): void => undefined;
      this.#routes.set(handler, route);
      this.#tree.on(route.method, route.path, handler);
    }
  }

  /** Throws `url_unknown`, also for a known path with another method, as Stripe does. */
  find(method: string, path: string): Found {
    const found = this.#tree.find(method as Route['method'], path);
    const route = found === null ? undefined : this.#routes.get(found.handler);
    if (found === null || route === undefined || !isNamed(found.params)) {
      throw new ApiError(
        'url_unknown',
        `Unrecognized request URL (${method}: ${path.slice(0, 200)}). If you are trying to list objects, ` +
          'remove the trailing slash. If you are trying to retrieve an object, make sure you passed ' +
          'a valid (non-empty) identifier in your code.',
      );
    }
    return { route, pathParams: found.params };
  }
}

/**
 * The tree takes any part of a path for an id. An empty one names nothing; a word that stands there in Stripe's URLs belongs
 * to a call that is not served. Identifiers of events may be any text.
 */
function isNamed(params: Found['pathParams']): boolean {
  return !Object.values(params).includes('') && !WORDS_OF_URLS.has(params['id'] ?? '');
}
