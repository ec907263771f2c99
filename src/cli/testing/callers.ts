/** Who calls in a test of every route: keys of any kind, and the namespaces that they open, with something in them. */
import assert from 'node:assert/strict';
import { systemClock } from '../../lib/clock.ts';
import type { Route } from '../../api/route.ts';
import type { Key } from '../../domain/key.ts';
import { createKey } from '../keys.ts';
import { exampleCall, type Fields, type Names } from './example-calls.ts';
import type { Served } from './served-folder.ts';

export type Holder = { readonly key: Key; readonly secret: string };
export type World = { readonly holder: Holder; readonly names: Names };
export type Answer = { readonly status: number; readonly text: string };

let nobodies = 0;
/** Well-formed, nobody's, and different each time. */
export function nobodys(): Names {
  nobodies += 1;
  return {
    meter: `mtr_test_${String(nobodies).padStart(32, '0')}`,
    eventName: `nobodys event ${nobodies}`,
    customer: `cus_${String(nobodies).padStart(14, '0')}`,
    account: `acct_${String(nobodies).padStart(16, '0')}`,
    identifier: `nobodys identifier ${nobodies}`,
    endpoint: `we_${String(nobodies).padStart(24, '0')}`,
    destination: `ed_test_${String(nobodies).padStart(24, '0')}`,
    event: `evt_test_${String(nobodies).padStart(24, '0')}`,
    alert: `alrt_test_${String(nobodies).padStart(24, '0')}`,
  };
}

export class Callers {
  readonly #served: Served;

  constructor(served: Served) {
    this.#served = served;
  }

  async newHolder(
    account: string,
    fields: { readonly live?: boolean; readonly scopes?: Key['scopes'] } = {},
  ): Promise<Holder> {
    const config = { live: false, scopes: 'all', ...fields } as const;
    const open = { ...config, account, expiresInDays: undefined, name: undefined };
    return await createKey(this.#served.catalog, open, systemClock.nowMs());
  }

  async newWorld(account: string, live: boolean): Promise<World> {
    const holder = await this.newHolder(account, { live });
    const names = { ...nobodys(), account };
    const make = async (path: string, using: Names): Promise<string> => {
      const { status, text } = await this.call(this.#post(path), using, holder.secret);
      assert.equal(status, 200, text);
      return (JSON.parse(text) as { id?: string }).id ?? '';
    };
    const customer = await make('/v1/customers', names);
    const meter = await make('/v1/billing/meters', names);
    // The call makes a meter of another event name than the one that it is given: that may be taken.
    const there = { ...names, meter, customer, eventName: `another ${names.eventName}` };
    await make('/v1/billing/meter_events', there);
    const alert = await make('/v1/billing/alerts', there);
    const endpoint = await make('/v1/webhook_endpoints', there);
    const destination = await make('/v2/core/event_destinations', there);
    const { coreEvents } = this.#served.catalog;
    const { data } = await coreEvents.list(holder.key.namespace, 'snapshot', { limit: 1 });
    return { holder, names: { ...there, alert, endpoint, destination, event: data[0]?.id ?? '' } };
  }

  async call(
    route: Route,
    names: Names,
    secret: string | null,
    more: Readonly<Record<string, string>> = {},
    change?: (fields: Fields) => Fields,
  ): Promise<Answer> {
    const { url, headers, ...sent } = exampleCall(this.#served.url, route, names, change);
    const key = secret === null ? {} : { authorization: `Bearer ${secret}` };
    const response = await fetch(url, { ...sent, headers: { ...headers, ...key, ...more } });
    return { status: response.status, text: await response.text() };
  }

  /** What opens this route: the key, or the token of a session that it opens. */
  async doorOf(route: Route, { secret }: Holder): Promise<string> {
    if (route.opensWith !== 'session') return secret;
    const session = this.#post('/v2/billing/meter_event_session');
    const { status, text } = await this.call(session, nobodys(), secret);
    assert.equal(status, 200, text);
    return (JSON.parse(text) as { authentication_token: string }).authentication_token;
  }

  /** The answer without what differs between two calls that are answered alike. */
  async maskedCall(route: Route, names: Names, holder: Holder): Promise<Answer> {
    const { status, text } = await this.call(route, names, await this.doorOf(route, holder));
    let shown = text.replaceAll(holder.key.hint, '<key>');
    for (const [kind, name] of Object.entries(names)) shown = shown.replaceAll(name, `<${kind}>`);
    const unlike =
      /"(id|created|updated|timestamp|authentication_token|expires_at|invoice_prefix|secret|signing_secret)":("[^"]*"|\d+)/gu;
    return { status, text: shown.replaceAll(unlike, '"$1":"…"') };
  }

  /** What a world's own key sees of it: every object, and every list. */
  async contents({ holder, names }: World): Promise<readonly Answer[]> {
    const reads = this.#served.routes.filter(({ method }) => method === 'GET');
    return await Promise.all(reads.map((route) => this.call(route, names, holder.secret)));
  }

  #post(path: string): Route {
    return this.#route('POST', path);
  }

  #route(method: Route['method'], path: string): Route {
    const found = this.#served.routes.find(
      (route) => route.method === method && route.path === path,
    );
    return found ?? assert.fail(path);
  }
}
