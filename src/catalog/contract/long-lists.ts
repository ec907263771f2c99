/* oxlint-disable max-lines-per-function -- a suite is a list of tests */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSearchQuery } from '../../domain/customers/search-query.ts';
import { PAGE_BYTES_MAX, type Catalog, type Page, type PageQuery } from '../catalog.ts';
import { aDestination, allDue, anEvent, settled } from './core-event-fixtures.ts';
import { aCustomer, aMeter, anAlert, NAMESPACE } from './fixtures.ts';
import type { Start } from './subject.ts';

/** Rows that are so long that three fill a page. */
const LONG = 'x'.repeat(PAGE_BYTES_MAX / 2.5);
const COUNT = 7;
const LIMIT = 100;

/** A page ends once its rows have PAGE_BYTES_MAX, and says that there are more. */
export function longListsContract(start: Start): void {
  const names = (prefix: string): string[] =>
    Array.from({ length: COUNT }, (_, n) => `${prefix}_${n}`);

  /** Page after page, both ways: each row once, in order, and never more of them than fill a page. */
  async function assertShortPages(
    created: readonly string[],
    list: (query: PageQuery) => Promise<Page<string>>,
  ): Promise<void> {
    const newestFirst = created.toReversed();
    const older: string[] = [];
    const lengths: number[] = [];
    for (let hasMore = true; hasMore;) {
      const page = await list({ limit: LIMIT, startingAfter: older.at(-1) });
      older.push(...page.data);
      lengths.push(page.data.length);
      ({ hasMore } = page);
    }
    assert.deepEqual(older, newestFirst);
    assert.deepEqual(lengths, [3, 3, 1]);
    const near = await list({ limit: LIMIT, endingBefore: created[0] });
    assert.deepEqual(near, { data: newestFirst.slice(3, 6), hasMore: true });
    const far = await list({ limit: LIMIT, endingBefore: near.data[0] });
    assert.deepEqual(far, { data: newestFirst.slice(0, 3), hasMore: false });
  }

  const idsOf = <T extends { readonly id: string }>({ data, hasMore }: Page<T>): Page<string> => ({
    data: data.map(({ id }) => id),
    hasMore,
  });

  test('customers, listed and searched', async (t) => {
    const { customers } = (await start(t)).catalog;
    const created = names('cus');
    for (const id of created) {
      await customers.create(aCustomer(id, { email: 'a@b.cd', metadata: new Map([['k', LONG]]) }));
    }
    for (const filter of [{}, { email: 'a@b.cd' }]) {
      await assertShortPages(created, async (query) =>
        idsOf(await customers.list(NAMESPACE, query, filter)),
      );
    }
    for (const countsAll of [false, true]) {
      const query = parseSearchQuery("email:'a@b.cd'");
      const found: string[] = [];
      const lengths: number[] = [];
      for (let hasMore = true; hasMore;) {
        const page = { limit: LIMIT, after: found.at(-1), countsAll };
        const { total, ...rest } = await customers.search(NAMESPACE, query, page);
        assert.equal(total, countsAll ? COUNT : undefined);
        found.push(...idsOf(rest).data);
        lengths.push(rest.data.length);
        ({ hasMore } = rest);
      }
      assert.deepEqual(found, created.toReversed());
      assert.deepEqual(lengths, [3, 3, 1]);
    }
  });

  test('meters and alerts', async (t) => {
    const { meters, alerts } = (await start(t)).catalog;
    for (const id of names('mtr')) await meters.create(aMeter(id, { displayName: LONG }));
    for (const id of names('alrt')) await alerts.create(anAlert(id, { title: LONG }));
    for (const filter of [undefined, 'active'] as const) {
      await assertShortPages(names('mtr'), async (query) =>
        idsOf(await meters.list(NAMESPACE, query, filter)),
      );
    }
    for (const meter of [undefined, 'mtr_1']) {
      await assertShortPages(names('alrt'), async (query) =>
        idsOf(await alerts.list(NAMESPACE, query, meter)),
      );
    }
  });

  test('destinations', async (t) => {
    const { destinations } = (await start(t)).catalog;
    for (const id of names('we')) await destinations.create(aDestination(id, { name: LONG }));
    await assertShortPages(names('we'), async (query) =>
      idsOf(await destinations.list(NAMESPACE, query)),
    );
  });

  test('core events, filtered and not, and their deliveries', async (t) => {
    const { catalog } = await start(t);
    const { coreEvents, destinations, deliveries } = catalog;
    await destinations.create(aDestination('we_1'));
    const created = names('evt');
    for (const id of created) {
      const snapshot = { type: 'x', object: JSON.stringify(LONG), previousAttributes: null };
      await coreEvents.record([anEvent(id, { snapshot })]);
      failLong(catalog);
    }
    for (const filter of [{}, { types: ['x'] }, { delivered: false }, { objectId: 'mtr_1' }]) {
      await assertShortPages(created, async (query) =>
        idsOf(await coreEvents.list(NAMESPACE, 'snapshot', query, filter)),
      );
    }
    for (const state of [undefined, 'failed'] as const) {
      await assertShortPages(created, async (query) => {
        const { data, hasMore } = await deliveries.list(NAMESPACE, 'we_1', query, state);
        return { data: data.map(({ eventId }) => eventId), hasMore };
      });
    }
  });

  /** What is due gets an answer that is as long as a row of the other lists. */
  function failLong(catalog: Catalog): void {
    const attempt = { startedMs: 0, durationMs: 0, status: 500, answer: LONG, error: null };
    const fields = { state: 'failed', attempts: [attempt] } as const;
    catalog.deliveries.settle(allDue(catalog).map((due) => settled(due, fields)));
  }
}
