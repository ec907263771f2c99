/* oxlint-disable max-lines-per-function -- a suite is a list of tests */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { disable } from '../../domain/core-events/destination.ts';
import type { Catalog } from '../catalog.ts';
import type { Due } from '../core-events.ts';
import {
  aDestination,
  allDue,
  anEvent,
  settled,
  shownDue,
  START_MS,
} from './core-event-fixtures.ts';
import { NAMESPACE, OTHERS } from './fixtures.ts';
import { refusal, restarts, type Start } from './subject.ts';

/** Each event goes to each destination that wants it, until it is settled; nothing is lost in between. */
export function deliveriesContract(start: Start): void {
  test('an event is due at each destination that wants it, and nowhere else', async (t) => {
    const subject = await start(t);
    const { destinations, coreEvents } = subject.catalog;
    const [other] = OTHERS;
    assert.ok(other);
    await coreEvents.record([anEvent('evt_0')]);
    await destinations.create(aDestination('all'));
    await destinations.create(aDestination('thin', { payload: 'thin' }));
    await destinations.create(aDestination('other type', { enabledEvents: ['x', 'y'] }));
    await destinations.create(
      aDestination('this type', { enabledEvents: ['x', 'billing.meter.created'] }),
    );
    await destinations.create(aDestination('off', { status: 'disabled' }));
    await destinations.create(aDestination('elsewhere', { namespace: other }));
    await coreEvents.record([anEvent('evt_1'), anEvent('evt_2', { snapshot: null })]);
    for await (const catalog of restarts(subject)) {
      assert.deepEqual(shownDue(catalog), [
        'all gets evt_1',
        'thin gets evt_1',
        'this type gets evt_1',
      ]);
      for (const { deliveries } of [catalog]) {
        const { data } = await deliveries.list(NAMESPACE, 'thin', { limit: 9 });
        assert.deepEqual(
          data.map(({ eventId, eventType }) => [eventId, eventType]),
          [
            ['evt_2', 'v1.billing.meter.created'],
            ['evt_1', 'v1.billing.meter.created'],
          ],
        );
      }
    }
  });

  test('one for a single destination goes there, whatever it wants', async (t) => {
    const { catalog } = await start(t);
    const { destinations, coreEvents } = catalog;
    await destinations.create(aDestination('we_1'));
    await destinations.create(aDestination('we_2', { enabledEvents: ['x'] }));
    assert.equal(await coreEvents.record([anEvent('evt_1')], { only: 'we_3' }), undefined);
    assert.equal(await coreEvents.find(NAMESPACE, 'evt_1'), undefined);
    assert.equal(await coreEvents.record([anEvent('evt_1')], { only: 'we_2' }), 'recorded');
    assert.deepEqual(shownDue(catalog), ['we_2 gets evt_1']);
  });

  test('events come in the order they were made; a retry when it is due, others meanwhile', async (t) => {
    const subject = await start(t);
    await subject.catalog.destinations.create(aDestination('we_1'));
    await subject.catalog.coreEvents.record(['1', '2', '3'].map((n) => anEvent(`evt_${n}`)));
    const retryMs = START_MS + 60_000;
    const first = theDue(subject.catalog);
    assert.equal(first.event.id, 'evt_1');
    subject.catalog.deliveries.settle([settled(first, { state: 'pending', dueMs: retryMs })]);
    for await (const catalog of restarts(subject)) {
      const { deliveries } = catalog;
      const second = theDue(catalog);
      if (second.event.id === 'evt_2') deliveries.settle([settled(second)]);
      assert.deepEqual(shownDue(catalog), ['we_1 gets evt_3']);
      assert.deepEqual(deliveries.lanes(), [{ lane: first.lane, dueMs: START_MS }]);
    }
    // The catalog that is open now.
    const catalog = await subject.reopen();
    const { deliveries } = catalog;
    deliveries.settle([settled(theDue(catalog))]);
    assert.deepEqual(deliveries.lanes(), [{ lane: first.lane, dueMs: retryMs }]);
    assert.equal(deliveries.dueMs(first.lane), retryMs);
    assert.equal(deliveries.findDue(first.lane, retryMs - 1), undefined);
    const retry = theDue(catalog, retryMs);
    assert.deepEqual([retry.event.id, retry.tries, retry.attempts.length], ['evt_1', 1, 1]);
    deliveries.settle([settled(retry)]);
    assert.deepEqual([deliveries.lanes(), deliveries.dueMs(first.lane)], [[], undefined]);
  });

  test('a try is on record, newest event first, of one state or of all', async (t) => {
    const subject = await start(t);
    const { destinations, coreEvents, deliveries } = subject.catalog;
    await destinations.create(aDestination('we_1'));
    for (const n of ['1', '2', '3', '4']) await coreEvents.record([anEvent(`evt_${n}`)]);
    const attempt = { startedMs: 1, durationMs: 2, status: null, answer: null, error: 'é refused' };
    deliveries.settle([settled(theDue(subject.catalog), { state: 'failed', attempts: [attempt] })]);
    deliveries.settle([settled(theDue(subject.catalog), { failingSinceMs: 77 })]);
    for await (const catalog of restarts(subject)) {
      const idsOf = async (...query: Parameters<Catalog['deliveries']['list']>) =>
        (await catalog.deliveries.list(...query)).data.map(({ eventId }) => eventId);
      const { data } = await catalog.deliveries.list(NAMESPACE, 'we_1', { limit: 9 });
      assert.deepEqual(data.at(-1), {
        eventId: 'evt_1',
        eventType: 'billing.meter.created',
        eventCreatedMs: START_MS,
        state: 'failed',
        dueMs: null,
        attempts: [attempt],
      });
      assert.deepEqual(await idsOf(NAMESPACE, 'we_1', { limit: 9 }, 'pending'), ['evt_4', 'evt_3']);
      assert.deepEqual(await idsOf(NAMESPACE, 'we_1', { limit: 1, startingAfter: 'evt_3' }), [
        'evt_2',
      ]);
      assert.deepEqual(await idsOf(NAMESPACE, 'we_1', { limit: 2, endingBefore: 'evt_1' }), [
        'evt_3',
        'evt_2',
      ]);
      const { failingSinceMs } = (await catalog.destinations.find(NAMESPACE, 'we_1')) ?? {};
      assert.equal(failingSinceMs, 77);
      const page = { limit: 9, startingAfter: 'evt_9' };
      await assert.rejects(
        catalog.deliveries.list(NAMESPACE, 'we_1', page),
        refusal('resource_missing_in_body', 'starting_after', "No such delivery: 'evt_9'"),
      );
      for (const other of OTHERS) assert.deepEqual(await idsOf(other, 'we_1', { limit: 9 }), []);
    }
  });

  test('resend makes an event due again, at all that want it or at one', async (t) => {
    const { catalog } = await start(t);
    const { destinations, coreEvents, deliveries } = catalog;
    await destinations.create(aDestination('we_1'));
    await coreEvents.record([anEvent('evt_1')]);
    deliveries.settle([settled(theDue(catalog))]);
    await destinations.create(aDestination('we_2'));
    await destinations.create(aDestination('we_3', { enabledEvents: ['x'] }));
    const laterMs = START_MS + 5;
    assert.deepEqual(await deliveries.resend(NAMESPACE, 'evt_1', 'we_3', laterMs), ['we_3']);
    assert.deepEqual(shownDue(catalog), []);
    assert.deepEqual(shownDue(catalog, laterMs), ['we_3 gets evt_1']);
    const all = await deliveries.resend(NAMESPACE, 'evt_1', undefined, laterMs);
    assert.deepEqual(all, ['we_1', 'we_2']);
    assert.equal(shownDue(catalog, laterMs).length, 3);
    const again = theDue(catalog, laterMs);
    assert.deepEqual(
      [again.tries, again.attempts.length],
      [0, 1],
      'what was tried stays on record',
    );
    await coreEvents.record([anEvent('evt_thin', { snapshot: null })]);
    assert.deepEqual(await deliveries.resend(NAMESPACE, 'evt_thin', 'we_1', laterMs), []);
    await destinations.change(NAMESPACE, 'we_1', (d) => disable(d, 'user', 1));
    assert.deepEqual(await deliveries.resend(NAMESPACE, 'evt_1', 'we_1', laterMs), []);
    assert.equal(await deliveries.resend(NAMESPACE, 'evt_2', undefined, laterMs), undefined);
    assert.equal(await deliveries.resend(NAMESPACE, 'evt_1', 'we_9', laterMs), undefined);
    for (const other of OTHERS) {
      assert.equal(await deliveries.resend(other, 'evt_1', 'we_1', laterMs), undefined);
    }
  });

  test('who listens is told of lanes that have something due', async (t) => {
    const { catalog } = await start(t);
    const { destinations, coreEvents, deliveries } = catalog;
    const told: (readonly number[])[] = [];
    deliveries.onDue((lanes) => told.push(lanes));
    await coreEvents.record([anEvent('evt_0')]);
    assert.deepEqual(told, [], 'nobody wants it');
    await destinations.create(aDestination('we_1'));
    await destinations.create(aDestination('we_2', { enabledEvents: ['x'] }));
    await coreEvents.record([anEvent('evt_1'), anEvent('evt_2')]);
    const { lane } = theDue(catalog);
    assert.deepEqual(told.flat(), [lane, lane]);
    await deliveries.resend(NAMESPACE, 'evt_1', undefined, START_MS);
    assert.deepEqual(told.at(-1), [lane]);
  });

  test('what was deleted or disabled while it was tried stays so', async (t) => {
    const { catalog } = await start(t);
    const { destinations, coreEvents, deliveries } = catalog;
    await destinations.create(aDestination('we_1'));
    await destinations.create(aDestination('we_2'));
    await coreEvents.record([anEvent('evt_1')]);
    const [first, second] = allDue(catalog);
    assert.ok(first && second);
    await destinations.change(NAMESPACE, 'we_1', (d) => ({ ...d, deleted: true }));
    await destinations.change(NAMESPACE, 'we_2', (d) => disable(d, 'user', 1));
    deliveries.settle([settled(first), settled(second, { failingSinceMs: 5 })]);
    assert.equal(await destinations.find(NAMESPACE, 'we_1'), undefined);
    const disabled = await destinations.find(NAMESPACE, 'we_2');
    assert.deepEqual([disabled?.status, disabled?.failingSinceMs], ['disabled', 5]);
    assert.equal((await coreEvents.find(NAMESPACE, 'evt_1'))?.pendingWebhooks, 0);
  });

  function theDue(catalog: Catalog, nowMs?: number): Due {
    const [due] = allDue(catalog, nowMs);
    assert.ok(due);
    return due;
  }
}
