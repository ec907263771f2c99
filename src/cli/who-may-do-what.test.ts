/**
 * Every route of the table, under every kind of key: the answer is the documented one, to the letter. A new route is
 * covered by being in the table; it only needs a call in example-calls.ts.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { systemClock } from '../lib/clock.ts';
import { WORDS_OF_URLS } from '../domain/customers/customer-id.ts';
import type { Route } from '../api/route.ts';
import { SCOPES, type Scope } from '../domain/key.ts';
import { createKey } from './keys.ts';
import { Callers, nobodys, type Answer, type Holder, type World } from './testing/callers.ts';
import { serveNewFolder, type Served } from './testing/served-folder.ts';

let served: Served;
let callers: Callers;
let mine: World;
/** The same account in its other mode, and another account. */
let others: readonly World[] = [];
before(async () => {
  // More wrong keys are tried than an address may.
  served = await serveNewFolder('--auth-failures-max', '0');
  callers = new Callers(served);
  mine = await callers.newWorld('acct_mine', false);
  others = [await callers.newWorld('acct_mine', true), await callers.newWorld('acct_other', false)];
});
after(async () => await served.close());

/** The refusal as the version of the route writes it; `code` is null where v1 has none. */
function refusal(
  { path }: Route,
  status: number,
  reason: string,
  code: string | null,
  message: string,
): Answer {
  const page = `https://stripe.com/docs/error-codes/${code?.replaceAll('_', '-')}`;
  const error = {
    ...(path.startsWith('/v2/') ? { code: reason } : {}),
    ...(code === null ? {} : { code, doc_url: page }),
    message,
    ...(path.startsWith('/v1/') ? { type: 'invalid_request_error' } : {}),
  };
  return { status, text: JSON.stringify({ error }) };
}

async function eachRoute(check: (route: Route, name: string) => Promise<void>): Promise<void> {
  assert.ok(served.routes.length > 0);
  for (const route of served.routes) await check(route, `${route.method} ${route.path}`);
}

suite('every route', () => {
  test('declares a scope', async () => {
    await eachRoute(async ({ scope }, name) =>
      assert.ok(scope === 'any' || SCOPES.includes(scope), name),
    );
  });

  test('without a key: 401', async () => {
    await eachRoute(async (route, name) => {
      const { status, text } = await callers.call(route, mine.names, null);
      assert.equal(status, 401, name);
      assert.match(text, /You did not provide (?:an API key|a session token)\./u, name);
    });
  });

  test('with a key or token of nobody: 401, which does not repeat it', async () => {
    await eachRoute(async (route, name) => {
      for (const kind of ['sk_test_', 'sk_live_', 'rk_test_', 'token_']) {
        const secret = `${kind}${'0'.repeat(28)}${kind.slice(0, 4)}`;
        const { status, text } = await callers.call(route, mine.names, secret);
        assert.equal(status, 401, name);
        assert.match(text, /Invalid API Key provided|Invalid session token|API key does not/u);
        assert.ok(!text.includes(secret), name);
      }
    });
  });

  test('with a key that is revoked, or a session of it: 401', async () => {
    await eachRoute(async (route, name) => {
      const revoked = await callers.newHolder('acct_mine');
      const door = await callers.doorOf(route, revoked);
      assert.notEqual((await callers.call(route, nobodys(), door)).status, 401, name);
      await served.catalog.keys.revoke(revoked.key.id, systemClock.nowMs());
      const { status, text } = await callers.call(route, mine.names, door);
      assert.equal(status, 401, name);
      assert.match(text, /Invalid API Key provided|has been revoked/u, name);
    });
  });

  test('with a key that has expired: 401', async () => {
    const config = { live: false, account: 'acct_mine', scopes: 'all', name: 'past' } as const;
    const { key, secret } = await createKey(served.catalog, { ...config, expiresInDays: 1 }, 0);
    await eachRoute(async (route, name) => {
      if (route.opensWith === 'session') return; // A session ends before its key does.
      const message = `Expired API Key provided: ${key.hint}`;
      const expired = refusal(route, 401, 'api_key_expired', 'api_key_expired', message);
      assert.deepEqual(await callers.call(route, mine.names, secret), expired, name);
    });
  });

  test('for another account than that of the key: 403', async () => {
    await eachRoute(async (route, name) => {
      const door = await callers.doorOf(route, mine.holder);
      for (const header of ['stripe-account', 'stripe-context']) {
        const answer = await callers.call(route, mine.names, door, { [header]: 'acct_other' });
        const message =
          `The provided key '${mine.holder.key.hint}' does not have access to account 'acct_other' ` +
          '(or that account does not exist).';
        const denied = refusal(route, 403, 'account_invalid', 'account_invalid', message);
        assert.deepEqual(answer, denied, name);
      }
    });
  });

  test('with a restricted key: 403 unless it has the scope, and then the answer of a secret key', async (t) => {
    const holders = new Map<Scope, Holder>();
    for (const scope of SCOPES) {
      holders.set(scope, await callers.newHolder('acct_mine', { scopes: [scope] }));
    }
    await eachRoute(async (route, name) => {
      for (const [scope, holder] of holders) {
        const cell = `${name} ${scope}`;
        if (scope === route.scope || route.scope === 'any') {
          const full = await callers.maskedCall(route, nobodys(), mine.holder);
          assert.deepEqual(await callers.maskedCall(route, nobodys(), holder), full, cell);
        } else if (route.opensWith !== 'session') {
          const message =
            `The provided key '${holder.key.hint}' does not have the required permissions for this ` +
            `endpoint on account 'acct_mine'. Having the '${route.scope}' permission would allow this ` +
            'request to continue.';
          const answer = await callers.call(route, mine.names, holder.secret);
          assert.deepEqual(answer, refusal(route, 403, 'permission_missing', null, message), cell);
        }
      }
    });
    t.diagnostic(`${served.routes.length} routes under ${holders.size} scopes`);
  });

  test('with ids and names of another account or mode: as if they did not exist, and nothing changes', async () => {
    const before = await Promise.all(others.map((world) => callers.contents(world)));
    for (const other of others) {
      // The account of the other mode is the key's own.
      const isOwn = other.names.account === mine.names.account;
      const names = isOwn ? { ...other.names, account: nobodys().account } : other.names;
      await eachRoute(async (route, name) => {
        const absent = await callers.maskedCall(route, nobodys(), mine.holder);
        assert.deepEqual(await callers.maskedCall(route, names, mine.holder), absent, name);
      });
      // And with an identifier of theirs alone, sent and then cancelled.
      const theirs = { ...mine.names, identifier: names.identifier };
      const nobody = { ...mine.names, identifier: nobodys().identifier };
      for (const route of served.routes.filter(takesIdentifier)) {
        const absent = await callers.maskedCall(route, nobody, mine.holder);
        assert.deepEqual(await callers.maskedCall(route, theirs, mine.holder), absent, route.path);
      }
    }
    const now = await Promise.all(others.map((world) => callers.contents(world)));
    assert.deepEqual(now, before);
  });

  test('with a word of Stripe’s URLs where an id stands: an unknown URL, if it is not served', async () => {
    const known = new Set(served.routes.map(({ method, path }) => `${method} ${path}`));
    let asked = 0;
    await eachRoute(async (route, name) => {
      for (const word of WORDS_OF_URLS) {
        const path = route.path.replace(/:id\b/u, word);
        if (path === route.path || known.has(`${route.method} ${path}`)) continue;
        const response = await fetch(served.url + path, {
          method: route.method,
          headers: { authorization: `Bearer ${mine.holder.secret}` },
        });
        assert.equal(response.status, 404, name);
        assert.match(await response.text(), /Unrecognized request URL/u, name);
        asked += 1;
      }
    });
    assert.ok(asked > 100, `${asked} calls`);
  });

  test('with a secret key of its own: 200', async () => {
    // A namespace may have so many webhooks only, and the others' tests have made some.
    const own = await callers.newWorld('acct_own', false);
    await eachRoute(async (route, name) => {
      const isNew = route.scope === 'events.write' ? { identifier: nobodys().identifier } : {};
      const door = await callers.doorOf(route, own.holder);
      const { status, text } = await callers.call(route, { ...own.names, ...isNew }, door);
      assert.equal(status, 200, `${name}: ${text}`);
    });
  });
});

function takesIdentifier({ scope }: Route): boolean {
  return scope === 'events.write' || scope === 'adjustments.write';
}

test('docs/operations.md has the scopes of the calls as they are', () => {
  const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
  const rows = ([...SCOPES, 'any'] as const).map((scope) => {
    const calls = served.routes.filter((route) => route.scope === scope);
    const shown = calls.map(
      ({ method, path }) => `\`${method} ${path.replace(/:(\w+)/u, '{$1}')}\``,
    );
    return `| ${scope === 'any' ? 'any key' : `\`${scope}\``} | ${shown.join('<br>')} |`;
  });
  const table = ['| Scope | Calls |', '|---|---|', ...rows].join('\n');
  assert.ok(page.includes(table), `the table should be\n${table}`);
});
