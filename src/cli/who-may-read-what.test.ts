/**
 * What answers show, of every route, under every scope alone: no more than the scope names. Each object that there is bears
 * a mark of its kind.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, suite, test } from 'node:test';
import type { Route } from '../api/route.ts';
import { SCOPES, type Scope } from '../domain/key.ts';
import { Callers, nobodys, type Answer, type Holder } from './testing/callers.ts';
import type { Fields, Names } from './testing/example-calls.ts';
import { serveNewFolder, type Served } from './testing/served-folder.ts';

type Kind = 'customers' | 'meters' | 'alerts' | 'core_events' | 'destinations';
const MARKS = {
  customers: 'mark-of-a-customer',
  meters: 'mark-of-a-meter',
  alerts: 'mark-of-an-alert',
  core_events: 'mark-of-a-core-event',
  destinations: 'mark-of-a-destination',
} as const satisfies Record<Kind, string>;

/** What each scope may show. An event shows the object that it is about as it was. */
const SHOWN: Readonly<Record<Scope, readonly Kind[]>> = {
  'events.write': [],
  'adjustments.write': [],
  'usage.read': [],
  'meters.read': ['meters'],
  'meters.write': ['meters'],
  'customers.read': ['customers'],
  'customers.write': ['customers'],
  'alerts.read': ['alerts'],
  'alerts.write': ['alerts'],
  'core_events.read': ['core_events', 'customers', 'meters'],
  'destinations.read': ['destinations'],
  'destinations.write': ['destinations'],
};

let served: Served;
let callers: Callers;
let owner: Holder;
let names: Names;
const holders = new Map<Scope, Holder>();
before(async () => {
  served = await serveNewFolder('--webhook-allow-private');
  callers = new Callers(served);
  for (const scope of SCOPES) {
    holders.set(scope, await callers.newHolder('acct_mine', { scopes: [scope] }));
  }
  ({ holder: owner, names } = await callers.newWorld('acct_mine', false));
});
// The calls of a test write over some.
beforeEach(mark);
after(async () => await served.close());

let marked = 0;
/** Writes its mark into each object of the world. */
async function mark(): Promise<void> {
  const { customer, meter, endpoint, destination } = names;
  await post(`/v1/customers/${customer}`, { description: MARKS.customers });
  await post(`/v1/billing/meters/${meter}`, { display_name: MARKS.meters });
  await post(`/v1/webhook_endpoints/${endpoint}`, { description: MARKS.destinations });
  const alert = {
    title: MARKS.alerts,
    alert_type: 'usage_threshold',
    'usage_threshold[meter]': meter,
    'usage_threshold[gte]': '1000',
    'usage_threshold[recurrence]': 'one_time',
    'usage_threshold[filters][0][type]': 'customer',
    'usage_threshold[filters][0][customer]': customer,
  };
  const { id } = JSON.parse((await post('/v1/billing/alerts', alert)).text) as { id: string };
  await served.catalog.destinations.change(owner.key.namespace, destination, (current) => ({
    ...current,
    description: MARKS.destinations,
  }));
  marked += 1;
  const event = `evt_test_${String(marked).padStart(32, '0')}`;
  await served.catalog.coreEvents.record([
    {
      id: event,
      namespace: owner.key.namespace,
      createdMs: Date.UTC(2026, 0),
      thin: { type: 'v1.customer.created', data: JSON.stringify({ a: MARKS.core_events }) },
      snapshot: {
        type: 'customer.created',
        object: JSON.stringify({ a: MARKS.core_events }),
        previousAttributes: null,
      },
      relatedObject: null,
      request: null,
    },
  ]);
  names = { ...names, alert: id, event };
}

async function post(
  path: string,
  fields: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
  secret = owner.secret,
): Promise<Answer> {
  const response = await fetch(served.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, ...headers },
    body: new URLSearchParams(fields),
  });
  return { status: response.status, text: await response.text() };
}

function kindsIn(text: string): readonly Kind[] {
  return (Object.keys(MARKS) as Kind[]).filter((kind) => text.includes(MARKS[kind]));
}

/** Other objects that a call could be asked to show. */
const EXPANSIONS = [
  'usage_threshold.meter',
  'usage_threshold.filters.customer',
  'default_source',
  'subscriptions',
].flatMap((path) => [path, `data.${path}`]);

async function eachCall(
  check: (route: Route, holder: Holder, scope: Scope, name: string) => Promise<void>,
): Promise<void> {
  for (const route of served.routes) {
    for (const [scope, holder] of holders) {
      if (route.opensWith === 'session' || route.method === 'DELETE') continue;
      if (route.scope !== scope && route.scope !== 'any') continue;
      await check(route, holder, scope, `${route.method} ${route.path} with ${scope}`);
    }
  }
}

suite('under one scope alone', () => {
  test('no route shows what the scope does not name', async (t) => {
    const seen = new Map<Scope, Set<Kind>>(SCOPES.map((scope) => [scope, new Set()]));
    await eachCall(async (route, holder, scope, name) => {
      const { text } = await callers.call(route, names, holder.secret);
      for (const kind of kindsIn(text)) {
        assert.ok(SHOWN[scope].includes(kind), `${name} shows ${kind}: ${text}`);
        seen.get(scope)?.add(kind);
      }
    });
    // Else nothing was shown at all.
    for (const scope of SCOPES.filter((one) => one.endsWith('.read') && one !== 'usage.read')) {
      assert.deepEqual(
        [...(seen.get(scope) ?? [])].toSorted(),
        [...SHOWN[scope]].toSorted(),
        scope,
      );
    }
    t.diagnostic(JSON.stringify([...seen].map(([scope, kinds]) => [scope, ...kinds])));
  });

  test('whatever is expanded: refused, or of the scope', async () => {
    let refused = 0;
    await eachCall(async (route, holder, scope, name) => {
      if (route.body !== undefined) return;
      for (const path of EXPANSIONS) {
        const answer = await callers.call(route, names, holder.secret, {}, (fields) => ({
          ...fields,
          'expand[0]': path,
        }));
        for (const kind of kindsIn(answer.text)) {
          assert.ok(SHOWN[scope].includes(kind), `${name}, ${path}: ${answer.text}`);
        }
        if (answer.status === 403) refused += 1;
      }
    });
    assert.ok(refused > 4, `${refused} refused for want of a scope`);
  });

  test('an update that changes nothing asks for the scope to read', async () => {
    let asked = 0;
    await eachCall(async (route, holder, scope, name) => {
      if (route.method !== 'POST' || !route.path.endsWith('/:id')) return;
      const empty = await callers.call(route, names, holder.secret, {}, () => ({}));
      assert.equal(empty.status, 403, `${name}: ${empty.text}`);
      assert.deepEqual(kindsIn(empty.text), [], name);
      const reading = scope.replace('.write', '.read') as Scope;
      assert.match(empty.text, new RegExp(`'${reading.replace('.', '\\.')}'`, 'u'), name);
      const both = await callers.newHolder('acct_mine', { scopes: [scope, reading] });
      assert.equal(
        (await callers.call(route, names, both.secret, {}, () => ({}))).status,
        200,
        name,
      );
      asked += 1;
    });
    assert.equal(asked, 4);
  });

  test('to have an event sent again shows its id, and the rest to who may read events', async () => {
    const path = `/v1/events/${names.event}/retry`;
    const { status, text } = await post(path, {}, {}, holders.get('destinations.write')?.secret);
    assert.equal(status, 200);
    assert.deepEqual(JSON.parse(text), { id: names.event, object: 'event' });
    const scopes = ['destinations.write', 'core_events.read'] as const;
    const both = await callers.newHolder('acct_mine', { scopes });
    assert.deepEqual(kindsIn((await post(path, {}, {}, both.secret)).text), ['core_events']);
  });
});

suite('an answer given again under its Idempotency-Key', () => {
  const SECRET = /(?:whsec|token)_\w{20,}/gu;
  let keys = 0;
  const secretly = (fields: Fields): Fields =>
    'event_payload' in fields
      ? { ...fields, include: ['webhook_endpoint.signing_secret'] }
      : fields;
  const newKey = (): Readonly<Record<string, string>> => {
    keys += 1;
    return { 'idempotency-key': `again ${keys}` };
  };

  test('has a secret for the key that made it, and for no other', async () => {
    const other = await callers.newHolder('acct_mine');
    let shown = 0;
    for (const route of served.routes) {
      if (route.method !== 'POST' || route.opensWith === 'session') continue;
      const name = `${route.method} ${route.path}`;
      const header = newKey();
      const call = { ...names, identifier: nobodys().identifier };
      const first = await callers.call(route, call, owner.secret, header, secretly);
      const secrets = first.text.match(SECRET) ?? [];
      if (secrets.length === 0) continue;
      shown += 1;
      const theirs = await callers.call(route, call, other.secret, header, secretly);
      assert.equal(theirs.status, 200, `${name}: ${theirs.text}`);
      for (const secret of secrets) assert.ok(!theirs.text.includes(secret), name);
      const mine = await callers.call(route, call, owner.secret, header, secretly);
      // A session's answer is kept for no key at all.
      if (route.keepsNoAnswer !== true) assert.equal(mine.text, first.text, name);
    }
    assert.equal(shown, 4, 'a webhook endpoint, a destination, a rotation, a session');
  });

  test('is the same but for the secret', async () => {
    const other = await callers.newHolder('acct_mine');
    const header = newKey();
    const fields = { url: 'https://example.com', 'enabled_events[0]': '*' };
    const first = await post('/v1/webhook_endpoints', fields, header);
    const { secret, ...rest } = JSON.parse(first.text) as { secret: string };
    assert.match(secret, SECRET);
    const theirs = await post('/v1/webhook_endpoints', fields, header, other.secret);
    assert.deepEqual(JSON.parse(theirs.text), rest);
  });

  test('asks another key for the scope of what was expanded', async () => {
    const header = newKey();
    const fields = { 'expand[0]': 'usage_threshold.meter' };
    const path = `/v1/billing/alerts/${names.alert}/deactivate`;
    assert.ok((await post(path, fields, header)).text.includes(MARKS.meters));
    const theirs = await post(path, fields, header, holders.get('alerts.write')?.secret);
    assert.equal(theirs.status, 403);
    assert.match(theirs.text, /'meters\.read'/u);
    const scopes = ['alerts.write', 'meters.read'] as const;
    const both = await callers.newHolder('acct_mine', { scopes });
    assert.ok((await post(path, fields, header, both.secret)).text.includes(MARKS.meters));
  });
});
