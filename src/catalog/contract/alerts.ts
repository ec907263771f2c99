/* oxlint-disable max-lines-per-function -- a suite is a list of tests */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { activate, archive, deactivate, type Alert, type Trigger } from '../../domain/alert.ts';
import type { CoreEvent } from '../../domain/core-events/core-event.ts';
import type { Catalog, Fired } from '../catalog.ts';
import { anEvent } from './core-event-fixtures.ts';
import { anAlert, anAnswer, NAMESPACE, OTHERS, toPage } from './fixtures.ts';
import { BROKEN, fail, NOTHING, refusal, restarts, type Start, unreachable } from './subject.ts';

/** Alerts are kept whole, the active ones at hand; each fires once for a customer and period. */
export function alertsContract(start: Start): void {
  const about =
    (meterId: string, customer: string) =>
    (alerts: {
      readonly active: { about(meterId: string, customer: string): readonly Alert[] };
    }): string[] =>
      alerts.active.about(meterId, customer).map(({ id }) => id);

  test('an alert is found as it was made, over a restart, in its namespace only', async (t) => {
    const subject = await start(t);
    const alert = anAlert('alrt_1', {
      gte: 10n ** 30n + 1n,
      customer: 'cus_é',
      recurrence: 'daily',
    });
    await subject.catalog.alerts.create(alert, () => anAnswer('key'));
    for await (const { alerts, answers } of restarts(subject)) {
      assert.deepEqual(await alerts.find(NAMESPACE, 'alrt_1'), alert);
      assert.ok(await answers.find(NAMESPACE, 'key'));
      for (const other of OTHERS) assert.equal(await alerts.find(other, 'alrt_1'), undefined);
    }
  });

  test('a change is stored whole with its answer, or not at all', async (t) => {
    const subject = await start(t);
    const { alerts } = subject.catalog;
    const alert = anAlert('alrt_1');
    await alerts.create(alert);
    await assert.rejects(alerts.change(NAMESPACE, 'alrt_1', deactivate, fail), BROKEN);
    assert.deepEqual(await alerts.find(NAMESPACE, 'alrt_1'), alert);
    assert.equal(await alerts.change(NAMESPACE, 'alrt_2', unreachable), undefined);
    assert.equal(await alerts.change(OTHERS[0]!, 'alrt_1', unreachable), undefined);
    await alerts.change(NAMESPACE, 'alrt_1', deactivate);
    const active = await alerts.change(NAMESPACE, 'alrt_1', (one) => activate(one, 77));
    assert.deepEqual(active, { ...alert, sinceSequence: 77 });
    for await (const each of restarts(subject)) {
      assert.deepEqual(await each.alerts.find(NAMESPACE, 'alrt_1'), active);
    }
  });

  test('memory has the active ones, by meter and customer', async (t) => {
    const subject = await start(t);
    const { alerts } = subject.catalog;
    await alerts.create(anAlert('alrt_1', { meterId: 'mtr_a' }));
    await alerts.create(anAlert('alrt_2', { meterId: 'mtr_a', customer: 'cus_1' }));
    await alerts.create(anAlert('alrt_3', { meterId: 'mtr_b', customer: 'cus_1' }));
    await alerts.create(anAlert('alrt_4', { meterId: 'mtr_c' }));
    await alerts.change(NAMESPACE, 'alrt_4', deactivate);
    for await (const each of restarts(subject)) {
      assert.deepEqual([...each.alerts.active.meterIds].sort(), ['mtr_a', 'mtr_b']);
      assert.deepEqual(about('mtr_a', 'cus_1')(each.alerts), ['alrt_1', 'alrt_2']);
      assert.deepEqual(about('mtr_a', 'cus_2')(each.alerts), ['alrt_1']);
      assert.deepEqual(about('mtr_b', 'cus_2')(each.alerts), []);
      assert.deepEqual(about('mtr_c', 'cus_1')(each.alerts), []);
    }
  });

  test('what is in memory about a customer is the same list until it has other alerts', async (t) => {
    const { alerts } = (await start(t)).catalog;
    const lists = () =>
      ['cus_1', 'cus_2'].map((customer) => alerts.active.about('mtr_a', customer));
    const areSame = async (change: () => Promise<unknown>) => {
      const before = lists();
      await change();
      return lists().map((list, i) => list === before[i]);
    };
    const create = async (id: string, of: Partial<Alert>) =>
      await alerts.create(anAlert(id, { meterId: 'mtr_a', ...of }));
    await create('alrt_1', {});
    assert.deepEqual(await areSame(() => create('alrt_2', { customer: 'cus_1' })), [false, true]);
    assert.deepEqual(await areSame(() => create('alrt_3', { customer: 'cus_9' })), [true, true]);
    assert.deepEqual(await areSame(() => create('alrt_4', { meterId: 'mtr_b' })), [true, true]);
    assert.deepEqual(await areSame(() => create('alrt_5', {})), [false, false]);
    const off = () => alerts.change(NAMESPACE, 'alrt_2', deactivate);
    assert.deepEqual(await areSame(off), [false, true]);
  });

  test('a list is what a plain array gives, without the archived ones', async (t) => {
    const { catalog } = await start(t);
    let run = 0;
    const drawn = fc.array(
      fc.record({ archived: fc.boolean(), meterId: fc.constantFrom('mtr_a', 'mtr_b') }),
      { maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(drawn, async (rows) => {
        const namespace = `acct_${run++}/test` as const;
        const created: Alert[] = [];
        for (const [index, { archived, meterId }] of rows.entries()) {
          const alert = anAlert(`alrt_${run}_${index}`, { namespace, meterId });
          await catalog.alerts.create(alert);
          if (archived) await catalog.alerts.change(namespace, alert.id, archive);
          created.push(archived ? archive(alert) : alert);
        }
        const cursors = [
          {},
          ...created.flatMap(({ id }) => [{ startingAfter: id }, { endingBefore: id }]),
        ];
        for (const limit of [1, 2, 7]) {
          for (const cursor of cursors) {
            for (const meterId of [undefined, 'mtr_a']) {
              const query = { limit, ...cursor };
              const isListed = (alert: Alert): boolean =>
                alert.status !== 'archived' && (meterId === undefined || alert.meterId === meterId);
              assert.deepEqual(
                await catalog.alerts.list(namespace, query, meterId),
                toPage(created, isListed, query),
              );
            }
          }
        }
      }),
      { numRuns: 20 },
    );
    assert.deepEqual(await catalog.alerts.list(NAMESPACE, { limit: 1 }), NOTHING);
    await assert.rejects(
      catalog.alerts.list(NAMESPACE, { limit: 1, startingAfter: 'alrt_0' }),
      refusal('resource_missing_in_body', 'starting_after', "No such billing alert: 'alrt_0'"),
    );
  });

  test('an alert fires once for a customer and period, and only while it is active', async (t) => {
    const subject = await start(t);
    const { alerts } = subject.catalog;
    const alert = anAlert('alrt_1');
    await alerts.create(alert);
    const fired = { alert, customer: 'cus_1', periodStartMs: 0, value: 7n, createdMs: 1 };
    assert.equal(alerts.hasTriggered('alrt_1', 'cus_1', 0), false);
    const fire = async (of: Catalog, fields: Partial<Trigger>, ...events: readonly CoreEvent[]) =>
      await of.alerts.trigger([{ trigger: { ...fired, ...fields }, events }]);
    assert.equal(await fire(subject.catalog, {}, anEvent('evt_1')), 1);
    for await (const each of restarts(subject)) {
      assert.equal(each.alerts.hasTriggered('alrt_1', 'cus_1', 0), true);
      assert.equal(each.alerts.hasTriggered('alrt_1', 'cus_1', 5), false);
      assert.equal(each.alerts.hasTriggered('alrt_1', 'cus_2', 0), false);
      assert.ok(await each.coreEvents.find(NAMESPACE, 'evt_1'), 'the event is kept with it');
      assert.equal(await each.coreEvents.find(NAMESPACE, 'evt_2'), undefined);
      assert.equal(await fire(each, { value: 8n }, anEvent('evt_2')), 0);
    }
    const reopened = await subject.reopen();
    assert.equal(await fire(reopened, { periodStartMs: 5 }), 1);
    await reopened.alerts.change(NAMESPACE, 'alrt_1', deactivate);
    assert.equal(await fire(reopened, { customer: 'cus_2' }), 0);
    assert.equal(reopened.alerts.hasTriggered('alrt_1', 'cus_2', 0), false);
  });

  test('of alerts that fire together each is written down with its events, or none is', async (t) => {
    const { catalog } = await start(t);
    const { alerts, coreEvents } = catalog;
    const alert = anAlert('alrt_1');
    await alerts.create(alert);
    const fired = (customer: string, eventId: string): Fired => ({
      trigger: { alert, customer, periodStartMs: 0, value: 7n, createdMs: 1 },
      events: [anEvent(eventId)],
    });
    assert.equal(await alerts.trigger([]), 0);
    assert.equal(await alerts.trigger([fired('cus_1', 'evt_1'), fired('cus_2', 'evt_2')]), 2);
    // The second is known: it changes nothing, and the third is none the worse for it.
    const again = [fired('cus_3', 'evt_3'), fired('cus_2', 'evt_4'), fired('cus_4', 'evt_5')];
    assert.equal(await alerts.trigger(again), 2);
    const { data } = await coreEvents.list(NAMESPACE, 'thin', { limit: 9 });
    assert.deepEqual(
      data.map(({ id }) => id),
      ['evt_5', 'evt_3', 'evt_2', 'evt_1'],
    );
    // An event under an id that is taken is a bug: then nothing of it stands.
    await assert.rejects(alerts.trigger([fired('cus_5', 'evt_6'), fired('cus_6', 'evt_1')]));
    assert.equal(alerts.hasTriggered('alrt_1', 'cus_5', 0), false);
    assert.equal(await coreEvents.find(NAMESPACE, 'evt_6'), undefined);
  });

  test('up to where all was looked at is known after a restart', async (t) => {
    const subject = await start(t);
    assert.equal(subject.catalog.alerts.seenSequence, 0);
    await subject.catalog.alerts.saveSeenSequence(42);
    for await (const { alerts } of restarts(subject)) assert.equal(alerts.seenSequence, 42);
  });
}
