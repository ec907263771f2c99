/* oxlint-disable max-lines-per-function -- a suite is a list of tests */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deactivate, rename } from '../../domain/meter.ts';
import { aMeter, NAMESPACE, OTHERS } from './fixtures.ts';
import { BROKEN, fail, NOTHING, unreachable, type Start } from './subject.ts';

/** Meters are kept as they were given, each in its namespace. */
export function metersContract(start: Start): void {
  test('a meter is found as it was created, field by field, also after a restart', async (t) => {
    const { catalog, reopen } = await start(t);
    const meters = [
      aMeter('mtr_1'),
      aMeter('mtr_2', { formula: 'last', eventTimeWindow: 'day', customerKey: 'k', valueKey: 'v' }),
      aMeter('mtr_3', { formula: 'count', eventTimeWindow: 'hour', eventName: "'; é 🚕 \0 %" }),
      aMeter('mtr_4', {
        status: 'inactive',
        deactivatedAtS: 1_760_000_001,
        updatedS: 1_760_000_001,
      }),
    ];
    for (const meter of meters) await catalog.meters.create(meter);
    for (const meter of meters) {
      assert.deepEqual(await catalog.meters.find(NAMESPACE, meter.id), meter);
    }
    const reopened = await reopen();
    for (const meter of meters) {
      assert.deepEqual(await reopened.meters.find(NAMESPACE, meter.id), meter);
    }
  });

  test('a change is answered, found and kept', async (t) => {
    const { catalog, reopen } = await start(t);
    const meter = aMeter('mtr_1');
    await catalog.meters.create(meter);
    const changed = await catalog.meters.change(NAMESPACE, 'mtr_1', (m) =>
      deactivate(rename(m, 'New', 1_760_000_005), 1_760_000_006),
    );
    assert.deepEqual(changed, deactivate(rename(meter, 'New', 1_760_000_005), 1_760_000_006));
    assert.deepEqual(await catalog.meters.find(NAMESPACE, 'mtr_1'), changed);
    assert.deepEqual(await (await reopen()).meters.find(NAMESPACE, 'mtr_1'), changed);
  });

  test('a meter that is not there is neither found nor changed, and nothing is remembered', async (t) => {
    const { catalog } = await start(t);
    assert.equal(await catalog.meters.find(NAMESPACE, 'mtr_1'), undefined);
    const changed = await catalog.meters.change(NAMESPACE, 'mtr_1', unreachable, unreachable);
    assert.equal(changed, undefined);
  });

  test('a meter is not seen from another namespace', async (t) => {
    const { catalog } = await start(t);
    const meter = aMeter('mtr_1');
    await catalog.meters.create(meter);
    for (const other of OTHERS) {
      assert.equal(await catalog.meters.find(other, 'mtr_1'), undefined);
      assert.equal(await catalog.meters.change(other, 'mtr_1', unreachable), undefined);
      assert.deepEqual(await catalog.meters.list(other, { limit: 10 }), NOTHING);
      assert.deepEqual(catalog.meters.ofEventName(other, meter.eventName), []);
    }
    assert.deepEqual(await catalog.meters.find(NAMESPACE, 'mtr_1'), meter);
  });

  test('namespaces may hold the same id and the same event name', async (t) => {
    const { catalog } = await start(t);
    for (const namespace of [NAMESPACE, ...OTHERS]) {
      await catalog.meters.create(aMeter('mtr_1', { namespace, eventName: 'rides' }));
    }
    await catalog.meters.change(NAMESPACE, 'mtr_1', (m) => deactivate(m, 1_760_000_001));
    for (const namespace of OTHERS) {
      const meter = aMeter('mtr_1', { namespace, eventName: 'rides' });
      assert.deepEqual(await catalog.meters.find(namespace, 'mtr_1'), meter);
      assert.deepEqual(catalog.meters.ofEventName(namespace, 'rides'), [meter]);
    }
  });

  test('a rule that throws changes nothing', async (t) => {
    const { catalog } = await start(t);
    const meter = aMeter('mtr_1');
    await catalog.meters.create(meter);
    await assert.rejects(catalog.meters.change(NAMESPACE, 'mtr_1', fail), BROKEN);
    assert.deepEqual(await catalog.meters.find(NAMESPACE, 'mtr_1'), meter);
  });
}
