/* oxlint-disable max-lines-per-function -- a suite is a list of tests */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { erase, NO_BILLING } from '../../domain/customers/customer.ts';
import { aCustomer, NAMESPACE, OTHERS } from './fixtures.ts';
import { BROKEN, fail, NOTHING, restarts, unreachable, type Start } from './subject.ts';

/** Customers are kept as they were given; deleted ones are found, and no more. */
export function customersContract(start: Start): void {
  const full = aCustomer('cus_1', {
    name: 'Ada',
    email: 'Ada@example.com',
    description: 'first',
    phone: '+44 1',
    metadata: new Map([
      ['z', '1'],
      ['10', '2'],
      ['2', '3'],
      ['__proto__', 'polluted'],
      ['constructor', ''],
      ['é 🚕 "\\', '\0'],
    ]),
    testClock: 'clock_1',
    billing: {
      ...NO_BILLING,
      address: {
        city: null,
        country: 'CZ',
        line1: '1',
        line2: null,
        postalCode: null,
        state: null,
      },
      balance: -5,
      invoicePrefix: 'ABC',
      preferredLocales: ['cs'],
      taxExempt: 'exempt',
    },
  });

  test('a customer is found as created, metadata in order and under any key', async (t) => {
    const subject = await start(t);
    const { catalog } = subject;
    await catalog.customers.create(full);
    await catalog.customers.create(aCustomer('cus_2'));
    for await (const each of restarts(subject)) {
      const found = await each.customers.find(NAMESPACE, 'cus_1');
      assert.deepEqual(found, full);
      assert.deepEqual([...(found?.metadata ?? [])], [...full.metadata]);
      assert.deepEqual(await each.customers.find(NAMESPACE, 'cus_2'), aCustomer('cus_2'));
      assert.equal(await each.customers.find(NAMESPACE, 'cus_3'), undefined);
    }
  });

  test('a change is answered, found and kept', async (t) => {
    const { catalog, reopen } = await start(t);
    await catalog.customers.create(aCustomer('cus_1'));
    const changed = await catalog.customers.change(NAMESPACE, 'cus_1', () => full);
    assert.deepEqual(changed, full);
    assert.deepEqual(await (await reopen()).customers.find(NAMESPACE, 'cus_1'), full);
  });

  test('a deleted customer is found, but neither listed nor changed again', async (t) => {
    const { catalog } = await start(t);
    await catalog.customers.create(aCustomer('cus_1', { email: 'a@example.com' }));
    const deleted = await catalog.customers.change(NAMESPACE, 'cus_1', erase);
    assert.equal(deleted?.deleted, true);
    assert.deepEqual(await catalog.customers.find(NAMESPACE, 'cus_1'), deleted);
    assert.deepEqual(await catalog.customers.list(NAMESPACE, { limit: 10 }), NOTHING);
    assert.deepEqual(
      await catalog.customers.list(NAMESPACE, { limit: 10 }, { email: 'a@example.com' }),
      NOTHING,
    );
    const again = await catalog.customers.change(NAMESPACE, 'cus_1', unreachable, unreachable);
    assert.equal(again, undefined);
  });

  test('a customer is not seen from another namespace, which may hold the same id', async (t) => {
    const { catalog } = await start(t);
    await catalog.customers.create(full);
    for (const namespace of OTHERS) {
      assert.equal(await catalog.customers.find(namespace, 'cus_1'), undefined);
      assert.equal(await catalog.customers.change(namespace, 'cus_1', unreachable), undefined);
      assert.deepEqual(await catalog.customers.list(namespace, { limit: 10 }), NOTHING);
      await catalog.customers.create(aCustomer('cus_1', { namespace }));
    }
    assert.deepEqual(await catalog.customers.find(NAMESPACE, 'cus_1'), full);
  });

  test('an email is compared exactly', async (t) => {
    const { catalog } = await start(t);
    await catalog.customers.create(full);
    const of = async (email: string): Promise<unknown> =>
      await catalog.customers.list(NAMESPACE, { limit: 10 }, { email, testClock: 'clock_1' });
    assert.deepEqual(await of('ADA@EXAMPLE.COM'), NOTHING);
    assert.deepEqual(await of('Ada@example.com'), { data: [full], hasMore: false });
  });

  test('a rule or a remembering that throws changes nothing', async (t) => {
    const { catalog } = await start(t);
    await assert.rejects(catalog.customers.create(full, fail), BROKEN);
    assert.equal(await catalog.customers.find(NAMESPACE, 'cus_1'), undefined);
    await catalog.customers.create(full);
    await assert.rejects(catalog.customers.change(NAMESPACE, 'cus_1', fail), BROKEN);
    await assert.rejects(catalog.customers.change(NAMESPACE, 'cus_1', erase, fail), BROKEN);
    assert.deepEqual(await catalog.customers.find(NAMESPACE, 'cus_1'), full);
  });
}
