import type { ListenConfig } from '../config/client-config.ts';
import { pageToken } from '../api/read/pagination-v2.ts';
import { StartupError } from '../lib/startup-error.ts';
import { callApi } from './api-client.ts';

/** An event as either API gives it. */
export type ShownEvent = Readonly<Record<string, unknown>> & {
  readonly id: string;
  readonly type: string;
};

export type FollowConfig = Pick<ListenConfig, 'url' | 'apiKey' | 'apiVersion'>;

type List = { readonly data: readonly ShownEvent[] };

const PATHS = { snapshot: '/v1/events', thin: '/v2/core/events' } as const;
/** The largest page. */
const LIMIT = 100;

/**
 * Reads the events of one API as they come: each once, in the order they were made, from the time of `start` on. By a
 * cursor, not by time: of two requests the earlier one may be told later.
 */
export class Follower {
  readonly #config: FollowConfig;
  readonly #api: keyof typeof PATHS;
  readonly #types: readonly string[] | undefined;
  #newest: string | undefined;

  constructor(config: FollowConfig, api: keyof typeof PATHS, types: readonly string[] | undefined) {
    this.#config = config;
    this.#api = api;
    this.#types = types;
  }

  /** What there is already is not read. */
  async start(): Promise<void> {
    const [newest] = await this.#list({ limit: '1' });
    this.#newest = newest?.id;
  }

  /** What has come since, the oldest first; some of it, when it is much. */
  async next(): Promise<readonly ShownEvent[]> {
    const events = await this.#list({ limit: String(LIMIT), ...this.#after() });
    this.#newest = events[0]?.id ?? this.#newest;
    return events.toReversed();
  }

  #after(): Record<string, string> {
    if (this.#newest === undefined) return {};
    return this.#api === 'snapshot'
      ? { ending_before: this.#newest }
      : { page: pageToken('before', this.#newest) };
  }

  async #list(query: Record<string, string>): Promise<readonly ShownEvent[]> {
    const params = new URLSearchParams(query);
    for (const [index, type] of (this.#types ?? []).entries()) params.set(`types[${index}]`, type);
    const { apiVersion } = this.#config;
    const path = `${PATHS[this.#api]}?${String(params)}`;
    const list = await callApi(this.#config, 'GET', path, { apiVersion });
    if (!isList(list)) throw new StartupError('The server answers what is no list of events.');
    return list.data;
  }
}

function isList(answer: unknown): answer is List {
  const { data } = { ...(answer as Partial<List> | null) };
  const isEvent = (event: Partial<ShownEvent> | null): boolean =>
    typeof event?.id === 'string' && typeof event.type === 'string';
  return Array.isArray(data) && data.every(isEvent);
}
