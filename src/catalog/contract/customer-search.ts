/* oxlint-disable max-lines-per-function -- a suite is a list of tests */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { erase, type Customer } from '../../domain/customers/customer.ts';
import { parseSearchQuery } from '../../domain/customers/search-query.ts';
import { toMatcher } from '../../domain/customers/search.ts';
import type { Namespace } from '../../domain/namespace.ts';
import { anEvent } from './core-event-fixtures.ts';
import { aCustomer, NAMESPACE, OTHERS, toPage } from './fixtures.ts';
import { fail, refusal, restarts, same, type Start } from './subject.ts';

/** Ids that callers choose, what customers are told of, filters of lists, and searches. */
export function customerSearchContract(start: Start): void {
  const taken = (message: RegExp) => refusal('resource_already_exists', 'id', message);
  const idsOf = (customers: readonly Customer[]): string[] => customers.map(({ id }) => id);

  test('an id is taken once, until it is deleted; then its customer is a new one', async (t) => {
    const subject = await start(t);
    const { customers } = subject.catalog;
    const first = aCustomer('mine', { name: 'first' });
    await customers.create(first);
    await assert.rejects(customers.create(aCustomer('mine'), fail, fail), taken(/already exists/u));
    assert.deepEqual(await customers.find(NAMESPACE, 'mine'), first);
    await customers.create(aCustomer('between'));
    await customers.change(NAMESPACE, 'mine', erase);
    const second = aCustomer('mine', { name: 'second', createdS: first.createdS + 1 });
    await customers.create(second);
    for await (const each of restarts(subject)) {
      assert.deepEqual(await each.customers.find(NAMESPACE, 'mine'), second);
      const { data } = await each.customers.list(NAMESPACE, { limit: 10 });
      assert.deepEqual(idsOf(data), ['mine', 'between'], 'as the newest');
    }
  });

  test('of two ids that some URLs cannot tell apart, one is taken', async (t) => {
    const { customers } = (await start(t)).catalog;
    await customers.create(aCustomer('a b'));
    await customers.create(aCustomer('c+d'));
    await assert.rejects(customers.create(aCustomer('a+b')), taken(/'a b', .* 'a\+b'/u));
    await assert.rejects(customers.create(aCustomer('c d')), taken(/'c\+d', .* 'c d'/u));
    await customers.create(aCustomer('a b', { namespace: OTHERS[0]! }));
    await customers.change(NAMESPACE, 'a b', erase);
    await customers.create(aCustomer('a+b'));
  });

  test('a change of a customer and what it announces are kept together', async (t) => {
    const { catalog } = await start(t);
    const seen: unknown[] = [];
    const announce = (id: string) => (after: Customer, before: Customer | undefined) => {
      seen.push([before, after]);
      return [anEvent(id)];
    };
    const customer = aCustomer('cus_1');
    await catalog.customers.create(customer, undefined, announce('evt_1'));
    await catalog.customers.change(NAMESPACE, 'cus_1', same, undefined, fail);
    const gone = await catalog.customers.change(
      NAMESPACE,
      'cus_1',
      erase,
      undefined,
      announce('evt_2'),
    );
    assert.deepEqual(seen, [
      [undefined, customer],
      [customer, gone],
    ]);
    const { data } = await catalog.coreEvents.list(NAMESPACE, 'thin', { limit: 10 });
    assert.deepEqual(
      data.map(({ id }) => id),
      ['evt_2', 'evt_1'],
    );
  });

  test('lists by email, time and clock: each page is what a plain array gives', async (t) => {
    const { catalog } = await start(t);
    const row = fc.record({
      email: fc.constantFrom(null, 'a@x.io', 'b@x.io'),
      testClock: fc.constantFrom(null, null, 'clock_1'),
      createdS: fc.integer({ min: 1, max: 4 }),
    });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 8 }), async (drawn) => {
        const namespace: Namespace = `acct_${run++}/test`;
        const created = drawn.map((fields, n) => aCustomer(`cus_${n}`, { namespace, ...fields }));
        for (const customer of created) await catalog.customers.create(customer);
        for (const filter of [
          {},
          { testClock: 'clock_1' },
          { createdS: { from: 2, to: 4 } },
          { email: 'a@x.io', createdS: { from: 2, to: 9 }, testClock: 'clock_1' },
        ]) {
          const isListed = (customer: Customer): boolean =>
            customer.testClock === (filter.testClock ?? null) &&
            (filter.email === undefined || customer.email === filter.email) &&
            customer.createdS >= (filter.createdS?.from ?? 0) &&
            customer.createdS < (filter.createdS?.to ?? 9);
          for (const limit of [1, 3, 10]) {
            for (const { id } of [{ id: undefined }, ...created]) {
              for (const page of [
                { limit, startingAfter: id },
                { limit, endingBefore: id },
              ]) {
                assert.deepEqual(
                  await catalog.customers.list(namespace, page, filter),
                  toPage(created, isListed, page),
                  JSON.stringify([page, filter]),
                );
              }
            }
          }
        }
      }),
      { numRuns: 20 },
    );
  });

  test('a search finds what the rule finds, on every page, also after changes and a restart', async (t) => {
    const subject = await start(t);
    const word = fc.constantFrom('amy', 'Bob', 'b@x.io');
    const text = fc.option(
      fc.array(word, { minLength: 1, maxLength: 2 }).map((all) => all.join(' ')),
    );
    const row = fc.record({
      isOurs: fc.constantFrom(true, true, false),
      fate: fc.constantFrom('stays', 'stays', 'changes', 'goes'),
      first: fc.record({ name: text, email: text, plan: word }),
      later: fc.record({ name: text, email: text, plan: word }),
    });
    const queries = [
      `name:'amy'`,
      `email:'AMY bob'`,
      `metadata['plan']:'bob'`,
      `metadata['plan']:'BOB' name:'amy'`,
      `name:'amy' OR email:'bob'`,
      `-name:'amy'`,
      `name~'x.i'`,
      `name:null`,
      `created>2`,
      `name:'nobody of that name'`,
    ].map(parseSearchQuery);
    const rows: { namespace: Namespace; created: readonly Customer[] }[] = [];
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 8 }), async (drawn) => {
        const { customers } = subject.catalog;
        const ours: Namespace = `acct_${rows.length}/test`;
        const created: Customer[] = [];
        for (const [n, { isOurs, fate, first, later }] of drawn.entries()) {
          const namespace: Namespace = isOurs ? ours : `acct_${rows.length}x/test`;
          const of = ({ plan, ...texts }: typeof first): Partial<Customer> => ({
            ...texts,
            metadata: new Map([['plan', plan]]),
          });
          const customer = aCustomer(`cus_${n}`, { namespace, createdS: n, ...of(first) });
          await customers.create(customer);
          const change = (current: Customer): Customer => {
            if (fate === 'goes') return erase(current);
            return fate === 'changes' ? { ...current, ...of(later) } : current;
          };
          const kept = await customers.change(namespace, customer.id, change);
          if (isOurs) created.push(kept!);
        }
        rows.push({ namespace: ours, created });
      }),
      { numRuns: 30 },
    );
    for await (const { customers } of restarts(subject)) {
      for (const { namespace, created } of rows) {
        for (const query of queries) {
          const matches = toMatcher(query);
          const isFound = (customer: Customer): boolean => !customer.deleted && matches(customer);
          const total = created.filter(isFound).length;
          for (const limit of [1, 3, 10]) {
            for (const { id } of [{ id: undefined }, ...created]) {
              const page = { limit, startingAfter: id };
              const expected = toPage(created, isFound, page);
              for (const countsAll of [true, false]) {
                assert.deepEqual(
                  await customers.search(namespace, query, { limit, after: id, countsAll }),
                  { ...expected, total: countsAll ? total : undefined },
                  JSON.stringify([query, page]),
                );
              }
            }
          }
        }
      }
    }
  });

  test('a search finds at once what was created, and what was changed while it had to look far', async (t) => {
    const { customers } = (await start(t)).catalog;
    for (let n = 0; n < 300; n += 1) await customers.create(aCustomer(`cus_${n}`, { name: 'x' }));
    const query = parseSearchQuery(`name~'new'`);
    const found = customers.search(NAMESPACE, query, { limit: 10, countsAll: true });
    await customers.change(NAMESPACE, 'cus_0', (c) => ({ ...c, name: 'newer' }));
    assert.deepEqual(idsOf((await found).data), ['cus_0']);
    const again = await customers.search(NAMESPACE, query, { limit: 10, countsAll: true });
    assert.deepEqual(idsOf(again.data), ['cus_0']);
  });

  test('a page of a search that names no customer is refused', async (t) => {
    const { customers } = (await start(t)).catalog;
    const page = { limit: 1, after: 'cus_none', countsAll: false };
    await assert.rejects(
      customers.search(NAMESPACE, parseSearchQuery('created>0'), page),
      refusal('resource_missing_in_body', 'page', `No such customer: 'cus_none'`),
    );
  });
}
