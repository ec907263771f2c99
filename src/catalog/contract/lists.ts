/* oxlint-disable max-lines-per-function -- a suite is a list of tests */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Customer } from '../../domain/customers/customer.ts';
import { deactivate, type Meter } from '../../domain/meter.ts';
import type { Namespace } from '../../domain/namespace.ts';
import type { Page, PageQuery } from '../catalog.ts';
import { aCustomer, aMeter, NAMESPACE, OTHERS, toPage } from './fixtures.ts';
import { refusal, restarts, type Start } from './subject.ts';

/** Lists are newest first in the order of creation; each page is what a plain array gives. */
export function listsContract(start: Start): void {
  // Twelve rows at most and every limit up to beyond them: each page meets each edge.
  const listed = fc.array(fc.record({ isOurs: fc.boolean(), isListed: fc.boolean() }), {
    maxLength: 12,
  });

  /** Every page there is: each limit, each cursor, both directions, filtered and not. */
  async function assertPages<T extends { readonly id: string }>(
    created: readonly T[],
    isListed: (row: T) => boolean,
    list: (query: PageQuery) => Promise<Page<T>>,
  ): Promise<void> {
    for (let limit = 1; limit <= created.length + 1; limit++) {
      const queries: PageQuery[] = [
        { limit },
        ...created.map(({ id }) => ({ limit, startingAfter: id })),
        ...created.map(({ id }) => ({ limit, endingBefore: id })),
      ];
      for (const query of queries) {
        assert.deepEqual(
          await list(query),
          toPage(created, isListed, query),
          JSON.stringify(query),
        );
      }
    }
  }

  test('meters: each page of each list is what a plain array gives', async (t) => {
    const { catalog } = await start(t);
    let run = 0;
    await fc.assert(
      fc.asyncProperty(listed, async (rows) => {
        const ours: Namespace = `acct_${run++}/test`;
        const others: Namespace = `acct_${run}x/test`;
        const created: Meter[] = [];
        for (const [index, { isOurs, isListed }] of rows.entries()) {
          const namespace = isOurs ? ours : others;
          const meter = aMeter(`mtr_${index}`, { namespace });
          await catalog.meters.create(meter);
          const kept = isListed ? meter : deactivate(meter, 1_760_000_001);
          if (!isListed) await catalog.meters.change(namespace, meter.id, () => kept);
          if (isOurs) created.push(kept);
        }
        const { meters } = catalog;
        await assertPages(
          created,
          () => true,
          async (q) => await meters.list(ours, q),
        );
        for (const status of ['active', 'inactive'] as const) {
          const isListed = (meter: Meter): boolean => meter.status === status;
          await assertPages(created, isListed, async (q) => await meters.list(ours, q, status));
        }
      }),
      { numRuns: 30 },
    );
  });

  test('customers: each page is what a plain array gives, from deleted cursors too', async (t) => {
    const { catalog } = await start(t);
    const kind = fc.constantFrom('deleted', 'a@example.com', 'b@example.com', null);
    const rows = fc.array(fc.record({ isOurs: fc.boolean(), kind }), { maxLength: 10 });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(rows, async (drawn) => {
        const ours: Namespace = `acct_${run++}/test`;
        const others: Namespace = `acct_${run}x/test`;
        const created: Customer[] = [];
        for (const [index, row] of drawn.entries()) {
          const namespace = row.isOurs ? ours : others;
          const email = row.kind === 'deleted' ? 'a@example.com' : row.kind;
          const customer = aCustomer(`cus_${index}`, { namespace, email });
          await catalog.customers.create(customer);
          // Deleted here without clearing the email: only `deleted` may keep it out of the lists.
          const kept = { ...customer, deleted: row.kind === 'deleted' };
          if (kept.deleted) await catalog.customers.change(namespace, customer.id, () => kept);
          if (row.isOurs) created.push(kept);
        }
        const { customers } = catalog;
        const isThere = (customer: Customer): boolean => !customer.deleted;
        await assertPages(created, isThere, async (q) => await customers.list(ours, q));
        const isListed = (c: Customer): boolean => isThere(c) && c.email === 'a@example.com';
        await assertPages(
          created,
          isListed,
          async (q) => await customers.list(ours, q, { email: 'a@example.com' }),
        );
      }),
      { numRuns: 30 },
    );
  });

  test('walking the pages meets each meter once, both ways, also after a restart', async (t) => {
    const subject = await start(t);
    const { catalog } = subject;
    // Ids that do not sort as they were made, all in one second.
    const ids = ['mtr_d', 'mtr_a', 'mtr_e', 'mtr_c', 'mtr_b', 'mtr_g', 'mtr_f'];
    for (const id of ids) await catalog.meters.create(aMeter(id));
    for await (const { meters } of restarts(subject)) {
      const back: string[] = [];
      let page = await meters.list(NAMESPACE, { limit: 3 });
      back.push(...page.data.map((meter) => meter.id));
      while (page.hasMore) {
        page = await meters.list(NAMESPACE, { limit: 3, startingAfter: back.at(-1) });
        back.push(...page.data.map((meter) => meter.id));
      }
      assert.deepEqual(back, ids.toReversed());
      const forth: string[] = [back.at(-1) ?? ''];
      do {
        page = await meters.list(NAMESPACE, { limit: 3, endingBefore: forth[0] });
        forth.unshift(...page.data.map((meter) => meter.id));
      } while (page.hasMore);
      assert.deepEqual(forth, ids.toReversed());
    }
  });

  test('a cursor that names nothing in the namespace is refused by its own name', async (t) => {
    const { catalog } = await start(t);
    const [other] = OTHERS;
    assert.ok(other);
    await catalog.meters.create(aMeter('mtr_other', { namespace: other }));
    await catalog.customers.create(aCustomer('cus_other', { namespace: other }));
    for (const [query, param] of [
      [(id: string) => ({ limit: 1, startingAfter: id }), 'starting_after'],
      [(id: string) => ({ limit: 1, endingBefore: id }), 'ending_before'],
    ] as const) {
      for (const id of ['mtr_none', 'mtr_other', '']) {
        await assert.rejects(
          catalog.meters.list(NAMESPACE, query(id)),
          refusal('resource_missing_in_body', param, `No such billing meter: '${id}'`),
        );
      }
      for (const id of ['cus_none', 'cus_other', '']) {
        await assert.rejects(
          catalog.customers.list(NAMESPACE, query(id)),
          refusal('resource_missing_in_body', param, `No such customer: '${id}'`),
        );
      }
    }
  });
}
