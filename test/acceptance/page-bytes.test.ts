/** A page of a list has an end in bytes too; what does not fit is on the next one, which the SDK turns to by itself. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { call } from '../support/http.ts';
import { newClient, type Stripe } from '../support/sdk.ts';
import { Server } from '../support/server.ts';

/** What a page's rows may take, and the rest of the answer. */
const BYTES_MAX = 1024 * 1024 + 1000;
/** The longest metadata that there can be: JSON writes each of its control characters with six bytes. */
const METADATA = Object.fromEntries(
  Array.from({ length: 50 }, (_, n) => [`${n}`.padStart(40, 'k'), '\u0001'.repeat(500)]),
);
const COUNT = 16;

let server: Server;
let stripe: Stripe;
/** Newest first. */
const customers: string[] = [];
const destinations: string[] = [];
before(async () => {
  server = await Server.start({ args: ['--webhook-allow-private'] });
  stripe = newClient(server);
  for (let n = 0; n < COUNT; n += 1) {
    const customer = await stripe.customers.create({ email: 'a@b.cd', metadata: METADATA });
    customers.unshift(customer.id);
    const { id } = await stripe.v2.core.eventDestinations.create({
      name: 'x',
      type: 'webhook_endpoint',
      event_payload: 'snapshot',
      enabled_events: ['billing.meter.created'],
      webhook_endpoint: { url: 'http://127.0.0.1:1/' },
      metadata: METADATA,
    });
    destinations.unshift(id);
  }
});
after(async () => await server.remove());

const ids = (rows: readonly { readonly id: string }[]): string[] => rows.map(({ id }) => id);

for (const path of [
  '/v1/customers?limit=100',
  `/v1/customers/search?limit=100&query=${encodeURIComponent("email:'a@b.cd'")}`,
  '/v1/webhook_endpoints?limit=100',
  '/v2/core/event_destinations?limit=100',
]) {
  test(`${path}: less than was asked for, and more to come`, async () => {
    const { text } = await call(server, { path });
    const bytes = Buffer.byteLength(text);
    assert.ok(bytes < BYTES_MAX && bytes > BYTES_MAX / 2, `${bytes} bytes`);
    const list = JSON.parse(text) as { data: object[]; has_more?: boolean; next_page_url?: string };
    assert.ok(list.data.length > 1 && list.data.length < COUNT);
    assert.ok(list.has_more === true || typeof list.next_page_url === 'string');
  });
}

test('page after page, all of them come once and in order', async () => {
  const all = { limit: 100 };
  const collect = { limit: 1000 };
  assert.deepEqual(ids(await stripe.customers.list(all).autoPagingToArray(collect)), customers);
  const searched = stripe.customers.search({ ...all, query: "email:'a@b.cd'" });
  assert.deepEqual(ids(await searched.autoPagingToArray(collect)), customers);
  const listed = stripe.v2.core.eventDestinations.list(all);
  assert.deepEqual(ids(await listed.autoPagingToArray(collect)), destinations);
});

test('backwards too', async () => {
  const back = { limit: 100, ending_before: customers.at(-1)! };
  const seen = ids(await stripe.customers.list(back).autoPagingToArray({ limit: 1000 }));
  assert.deepEqual(seen, customers.slice(0, -1).toReversed());
  type Page = {
    data: { id: string }[];
    next_page_url: string | null;
    previous_page_url: string | null;
  };
  const turn = async (path: string): Promise<Page> =>
    JSON.parse((await call(server, { path })).text) as Page;
  let page = await turn('/v2/core/event_destinations?limit=100');
  while (page.next_page_url !== null) page = await turn(page.next_page_url);
  const found = ids(page.data);
  while (page.previous_page_url !== null) {
    page = await turn(page.previous_page_url);
    found.unshift(...ids(page.data));
  }
  assert.deepEqual(found, destinations);
});
