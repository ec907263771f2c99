/* oxlint-disable max-lines-per-function -- a suite is a list of tests */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Customer, erase } from '../../domain/customers/customer.ts';
import { deactivate, rename } from '../../domain/meter.ts';
import type { Catalog } from '../catalog.ts';
import { aCustomer, aMeter, anAnswer, NAMESPACE, OTHERS } from './fixtures.ts';
import { BROKEN, fail, restarts, same, type Start } from './subject.ts';

/** An answer and the change that it reports are kept together, or neither is. */
export function answersContract(start: Start): void {
  test('an answer is found as it was remembered, beside its change, also after a restart', async (t) => {
    const subject = await start(t);
    const { catalog } = subject;
    const answer = anAnswer('k', {
      status: 400,
      body: '{"é":"🚕"}',
      fingerprint: 'f',
      requestId: 'r',
    });
    await catalog.meters.create(aMeter('mtr_1'), (meter) => ({ ...answer, body: meter.id }));
    await catalog.customers.create(aCustomer('cus_1'), (customer) => ({
      ...anAnswer('of customer'),
      body: customer.id,
    }));
    for await (const { answers } of restarts(subject)) {
      assert.deepEqual(await answers.find(NAMESPACE, 'k'), { ...answer, body: 'mtr_1' });
      assert.equal((await answers.find(NAMESPACE, 'of customer'))?.body, 'cus_1');
      assert.equal(await answers.find(NAMESPACE, 'K'), undefined);
    }
  });

  test('the answer to a change is made from what was changed', async (t) => {
    const { catalog } = await start(t);
    await catalog.meters.create(aMeter('mtr_1'));
    await catalog.meters.change(
      NAMESPACE,
      'mtr_1',
      (meter) => rename(meter, 'New', 1_760_000_001),
      (meter) => anAnswer('k', { body: meter.displayName }),
    );
    assert.equal((await catalog.answers.find(NAMESPACE, 'k'))?.body, 'New');
    await catalog.customers.create(full());
    await catalog.customers.change(NAMESPACE, 'cus_1', erase, (customer) =>
      anAnswer('k2', { body: String(customer.deleted) }),
    );
    assert.equal((await catalog.answers.find(NAMESPACE, 'k2'))?.body, 'true');
  });

  test('a change that changes nothing still has its answer remembered', async (t) => {
    const { catalog } = await start(t);
    const meter = aMeter('mtr_1');
    await catalog.meters.create(meter);
    await catalog.customers.create(full());
    assert.deepEqual(
      await catalog.meters.change(NAMESPACE, 'mtr_1', same, () => anAnswer('k')),
      meter,
    );
    await catalog.customers.change(NAMESPACE, 'cus_1', same, () => anAnswer('k2'));
    assert.deepEqual(await catalog.answers.find(NAMESPACE, 'k'), anAnswer('k'));
    assert.deepEqual(await catalog.answers.find(NAMESPACE, 'k2'), anAnswer('k2'));
    assert.deepEqual(await catalog.meters.find(NAMESPACE, 'mtr_1'), meter);
  });

  test('when remembering throws, the change is undone, in memory too', async (t) => {
    const subject = await start(t);
    const { catalog } = subject;
    const meter = aMeter('mtr_1');
    await assert.rejects(catalog.meters.create(meter, fail), BROKEN);
    assert.equal(await catalog.meters.find(NAMESPACE, 'mtr_1'), undefined);
    assert.deepEqual(catalog.meters.ofEventName(NAMESPACE, meter.eventName), []);
    await catalog.meters.create(meter);
    const change = catalog.meters.change(NAMESPACE, 'mtr_1', (m) => deactivate(m, 1), fail);
    await assert.rejects(change, BROKEN);
    for await (const { meters } of restarts(subject)) {
      assert.deepEqual(await meters.find(NAMESPACE, 'mtr_1'), meter);
      assert.deepEqual(meters.ofEventName(NAMESPACE, meter.eventName), [meter]);
    }
  });

  test('an answer is not seen from another namespace, which may hold the same key', async (t) => {
    const { catalog } = await start(t);
    await catalog.meters.create(aMeter('mtr_1'), () => anAnswer('k'));
    for (const namespace of OTHERS) {
      assert.equal(await catalog.answers.find(namespace, 'k'), undefined);
      await catalog.meters.create(aMeter('mtr_1', { namespace }), () =>
        anAnswer('k', { namespace, body: namespace }),
      );
    }
    assert.deepEqual(await catalog.answers.find(NAMESPACE, 'k'), anAnswer('k'));
  });

  test('a later answer to the same key takes the place of the expired one', async (t) => {
    const { catalog } = await start(t);
    const later = anAnswer('k', { fingerprint: 'f2', body: 'later', createdMs: 1_760_000_900_000 });
    await catalog.meters.create(aMeter('mtr_1'), () => anAnswer('k'));
    await catalog.meters.create(aMeter('mtr_2'), () => later);
    assert.deepEqual(await catalog.answers.find(NAMESPACE, 'k'), later);
    assert.deepEqual(
      [...catalog.answers.keys()],
      [{ namespace: NAMESPACE, idempotencyKey: 'k', createdMs: 1_760_000_900_000 }],
    );
  });

  test('prune forgets what is older than its bound, and keys() tells what is left', async (t) => {
    const { catalog, reopen } = await start(t);
    const [other] = OTHERS;
    assert.ok(other);
    const times = [5, 1, 3, 2, 4];
    for (const createdMs of times) {
      const namespace = createdMs % 2 === 0 ? other : NAMESPACE;
      const meter = aMeter(`mtr_${createdMs}`, { namespace });
      await catalog.meters.create(meter, () => anAnswer(`k${createdMs}`, { namespace, createdMs }));
    }
    const left = (each: Catalog): string[] =>
      [...each.answers.keys()]
        .map((key) => `${key.namespace} ${key.idempotencyKey} ${key.createdMs}`)
        .toSorted();
    await catalog.answers.prune(1);
    assert.equal(left(catalog).length, 5);
    await catalog.answers.prune(3);
    const expected = [`${NAMESPACE} k3 3`, `${NAMESPACE} k5 5`, `${other} k4 4`].toSorted();
    assert.deepEqual(left(catalog), expected);
    assert.equal(await catalog.answers.find(NAMESPACE, 'k1'), undefined);
    assert.deepEqual(left(await reopen()), expected);
  });

  function full(): Customer {
    return aCustomer('cus_1', { name: 'Ada', metadata: new Map([['a', 'b']]) });
  }
}
