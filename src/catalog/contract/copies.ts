import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { aCustomer, aMeter, NAMESPACE } from './fixtures.ts';
import type { Start } from './subject.ts';

/** A copy is of one moment: that of the call. */
export function copiesContract(start: Start): void {
  test('a copy holds what was there when it was asked for, and nothing that came while it was made', async (t) => {
    const { catalog, copyFile, openCopy } = await start(t);
    await catalog.meters.create(aMeter('mtr_1'));
    // Enough that it takes more than one step.
    for (let i = 0; i < 2000; i += 1) {
      await catalog.customers.create(aCustomer(`cus_${i}`, { description: 'x'.repeat(300) }));
    }
    const copied = catalog.copyTo(copyFile);
    let later = 0;
    for (let done = false; !done; later += 1) {
      await catalog.customers.create(aCustomer(`cus_later_${later}`));
      done = await Promise.race([copied.then(() => true), setImmediate(false)]);
    }
    assert.ok(later > 1, 'customers came while it was made');
    const copy = await openCopy();
    assert.equal((await copy.meters.find(NAMESPACE, 'mtr_1'))?.id, 'mtr_1');
    assert.ok((await copy.customers.find(NAMESPACE, 'cus_1999')) !== undefined);
    assert.equal(await copy.customers.find(NAMESPACE, 'cus_later_0'), undefined);
    assert.equal(copy.keys.defaultAccount(), catalog.keys.defaultAccount());
  });
}
