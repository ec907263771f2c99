/* oxlint-disable max-lines-per-function -- a suite is a list of tests */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DESTINATIONS_MAX, disable, edit, erase } from '../../domain/core-events/destination.ts';
import { ApiError } from '../../domain/errors.ts';
import type { PageQuery } from '../catalog.ts';
import { aDestination, anEvent, shownDue } from './core-event-fixtures.ts';
import { anAnswer, NAMESPACE, OTHERS, toPage } from './fixtures.ts';
import { BROKEN, fail, NOTHING, restarts, unreachable, type Start } from './subject.ts';

/** Destinations are kept as they were given, and only so many. */
export function destinationsContract(start: Start): void {
  const full = aDestination('ed_1', {
    description: 'of é 🚕',
    payload: 'snapshot',
    enabledEvents: ['billing.meter.created', 'billing.meter.updated'],
    metadata: new Map([
      ['z', '1'],
      ['__proto__', 'polluted'],
      ['10', '2'],
    ]),
    apiVersion: '2025-01-27.acacia',
    status: 'disabled',
    disabledReason: 'failures',
    previousSecret: { secret: 'whsec_old', expiresAtMs: 5 },
    failingSinceMs: 4,
  });

  test('a destination is found as created, also after a restart', async (t) => {
    const subject = await start(t);
    await subject.catalog.destinations.create(full, () => anAnswer('k'));
    for await (const { destinations, answers } of restarts(subject)) {
      assert.deepEqual(await destinations.find(NAMESPACE, 'ed_1'), full);
      assert.deepEqual(await answers.find(NAMESPACE, 'k'), anAnswer('k'));
      for (const other of OTHERS) {
        assert.equal(await destinations.find(other, 'ed_1'), undefined);
        assert.equal(await destinations.change(other, 'ed_1', unreachable), undefined);
        assert.deepEqual(await destinations.list(other, { limit: 10 }), NOTHING);
      }
    }
  });

  test('a change is answered, found and kept, with its event; one that throws changes nothing', async (t) => {
    const subject = await start(t);
    const { destinations } = subject.catalog;
    await destinations.create(aDestination('we_1'));
    const apply = (d: typeof full): typeof full =>
      disable(edit(d, { url: 'https://example.com/new' }, 7), 'user', 8);
    await assert.rejects(destinations.change(NAMESPACE, 'we_1', fail), BROKEN);
    await assert.rejects(destinations.change(NAMESPACE, 'we_1', apply, undefined, fail), BROKEN);
    const changed = await destinations.change(NAMESPACE, 'we_1', apply, undefined, () => [
      anEvent('evt_1'),
    ]);
    assert.deepEqual(changed, apply(aDestination('we_1')));
    for await (const catalog of restarts(subject)) {
      assert.deepEqual(await catalog.destinations.find(NAMESPACE, 'we_1'), changed);
      assert.ok(await catalog.coreEvents.find(NAMESPACE, 'evt_1'));
    }
  });

  test('a deleted one is gone with its deliveries and its secret, and does as a cursor', async (t) => {
    const subject = await start(t);
    const { destinations, coreEvents } = subject.catalog;
    for (const id of ['we_1', 'we_2', 'we_3']) await destinations.create(aDestination(id));
    await coreEvents.record([anEvent('evt_1')]);
    const gone = await destinations.change(NAMESPACE, 'we_2', erase);
    assert.equal(gone?.deleted, true);
    for await (const catalog of restarts(subject)) {
      assert.equal(await catalog.destinations.find(NAMESPACE, 'we_2'), undefined);
      assert.equal(await catalog.destinations.change(NAMESPACE, 'we_2', unreachable), undefined);
      assert.deepEqual(shownDue(catalog), ['we_1 gets evt_1', 'we_3 gets evt_1']);
      const page = await catalog.destinations.list(NAMESPACE, { limit: 9, startingAfter: 'we_2' });
      assert.deepEqual(page, { data: [aDestination('we_1')], hasMore: false });
    }
  });

  test('each page is what a plain array gives, of one payload or of both', async (t) => {
    const { catalog } = await start(t);
    const created = Array.from({ length: 6 }, (_, index) =>
      aDestination(`we_${index}`, { payload: index % 2 === 0 ? 'thin' : 'snapshot' }),
    );
    for (const each of created) await catalog.destinations.create(each);
    for (const payload of ['thin', undefined] as const) {
      for (const id of [undefined, ...created.map((each) => each.id)]) {
        const queries: PageQuery[] = [
          { limit: 2, startingAfter: id },
          { limit: 2, endingBefore: id },
        ];
        for (const query of queries) {
          assert.deepEqual(
            await catalog.destinations.list(NAMESPACE, query, payload),
            toPage(created, (each) => payload === undefined || each.payload === payload, query),
          );
        }
      }
    }
  });

  test('a namespace has so many, and one more when one was deleted', async (t) => {
    const { catalog } = await start(t);
    const { destinations } = catalog;
    for (let n = 0; n < DESTINATIONS_MAX; n++) await destinations.create(aDestination(`we_${n}`));
    await assert.rejects(destinations.create(aDestination('we_x')), (error) => {
      assert.ok(error instanceof ApiError);
      assert.equal(error.reason, 'too_many_destinations');
      assert.match(error.message, /maximum of 16 test webhook/u);
      return true;
    });
    const [other] = OTHERS;
    assert.ok(other);
    await destinations.create(aDestination('we_0', { namespace: other }));
    await destinations.change(NAMESPACE, 'we_3', erase);
    await destinations.create(aDestination('we_x'));
  });
}
