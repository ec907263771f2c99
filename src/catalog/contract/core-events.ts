/* oxlint-disable max-lines-per-function -- a suite is a list of tests */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CoreEvent } from '../../domain/core-events/core-event.ts';
import { deactivate, rename } from '../../domain/meter.ts';
import type { CoreEventFilter } from '../core-events.ts';
import { aDestination, anEvent, settled, allDue, START_MS } from './core-event-fixtures.ts';
import { aMeter, anAnswer, NAMESPACE, OTHERS, toPage } from './fixtures.ts';
import { BROKEN, fail, NOTHING, refusal, restarts, same, type Start } from './subject.ts';

/** An event is kept with the change that it tells of, and is found as it was told. */
export function coreEventsContract(start: Start): void {
  test('an event is found as it was recorded, field by field, also after a restart', async (t) => {
    const subject = await start(t);
    const events = [
      anEvent('evt_1'),
      anEvent('evt_2', {
        thin: { type: 'v1.billing.meter.no_meter_found', data: '{"value":1.10,"é":"🚕"}' },
        snapshot: null,
        relatedObject: null,
        request: null,
      }),
      anEvent('evt_3', {
        thin: null,
        snapshot: { type: 'x.updated', object: '{"a":2}', previousAttributes: '{"a":1.0}' },
        request: { id: 'req_2', idempotencyKey: 'k' },
      }),
    ];
    assert.equal(await subject.catalog.coreEvents.record(events), 'recorded');
    for await (const { coreEvents } of restarts(subject)) {
      for (const event of events) {
        const found = await coreEvents.find(NAMESPACE, event.id);
        assert.deepEqual(found, { ...event, pendingWebhooks: 0 });
      }
      assert.equal(await coreEvents.find(NAMESPACE, 'evt_4'), undefined);
    }
  });

  test('a change and what it announces are kept together, each with what was before', async (t) => {
    const subject = await start(t);
    const { meters } = subject.catalog;
    const told: unknown[] = [];
    const announce = (id: string) => (after: object, before: object | undefined) => {
      told.push([before, after]);
      return [anEvent(id)];
    };
    const meter = aMeter('mtr_1');
    await meters.create(meter, undefined, announce('evt_1'));
    const renamed = rename(meter, 'New', 1);
    await meters.change(NAMESPACE, 'mtr_1', () => renamed, undefined, announce('evt_2'));
    assert.deepEqual(told, [
      [undefined, meter],
      [meter, renamed],
    ]);
    for await (const { coreEvents } of restarts(subject)) {
      const { data } = await coreEvents.list(NAMESPACE, 'thin', { limit: 10 });
      assert.deepEqual(
        data.map(({ id }) => id),
        ['evt_2', 'evt_1'],
      );
    }
  });

  test('a change that changes nothing announces nothing', async (t) => {
    const { catalog } = await start(t);
    await catalog.meters.create(aMeter('mtr_1'));
    await catalog.meters.change(NAMESPACE, 'mtr_1', same, () => anAnswer('k'), fail);
    await catalog.destinations.create(aDestination('we_1'));
    await catalog.destinations.change(NAMESPACE, 'we_1', same, undefined, fail);
    assert.deepEqual(await catalog.coreEvents.list(NAMESPACE, 'thin', { limit: 10 }), NOTHING);
  });

  test('when announcing or remembering throws, neither change nor event is kept', async (t) => {
    const subject = await start(t);
    const { meters, destinations } = subject.catalog;
    await destinations.create(aDestination('we_1'));
    const meter = aMeter('mtr_1');
    const tell = (): readonly CoreEvent[] => [anEvent('evt_1')];
    const twice = (): readonly CoreEvent[] => [anEvent('evt_1'), anEvent('evt_1')];
    await assert.rejects(meters.create(meter, undefined, fail), BROKEN);
    await assert.rejects(meters.create(meter, fail, tell), BROKEN);
    await assert.rejects(meters.create(meter, undefined, twice));
    assert.equal(await meters.find(NAMESPACE, 'mtr_1'), undefined);
    await meters.create(meter);
    const change = meters.change(NAMESPACE, 'mtr_1', (m) => deactivate(m, 1), fail, tell);
    await assert.rejects(change, BROKEN);
    for await (const catalog of restarts(subject)) {
      assert.deepEqual(await catalog.meters.find(NAMESPACE, 'mtr_1'), meter);
      assert.deepEqual(await catalog.coreEvents.list(NAMESPACE, 'thin', { limit: 10 }), NOTHING);
      assert.deepEqual(catalog.deliveries.lanes(), []);
    }
  });

  test('several events are recorded together or not at all, and remembered with them', async (t) => {
    const { catalog } = await start(t);
    const { coreEvents, answers } = catalog;
    const events = [anEvent('evt_1'), anEvent('evt_2')];
    await assert.rejects(coreEvents.record(events, { remember: fail }), BROKEN);
    await assert.rejects(coreEvents.record([...events, anEvent('evt_1')]));
    assert.equal(await coreEvents.find(NAMESPACE, 'evt_1'), undefined);
    await coreEvents.record(events, {
      remember: (all) => anAnswer('k', { body: String(all.length) }),
    });
    assert.equal((await answers.find(NAMESPACE, 'k'))?.body, '2');
    assert.ok(await coreEvents.find(NAMESPACE, 'evt_2'));
  });

  test('an event is not seen from another namespace, which may hold the same id', async (t) => {
    const { catalog } = await start(t);
    await catalog.coreEvents.record([anEvent('evt_1')]);
    for (const namespace of OTHERS) {
      assert.equal(await catalog.coreEvents.find(namespace, 'evt_1'), undefined);
      assert.deepEqual(await catalog.coreEvents.list(namespace, 'thin', { limit: 9 }), NOTHING);
      const page = catalog.coreEvents.list(namespace, 'thin', { limit: 9, startingAfter: 'evt_1' });
      const message = "No such event: 'evt_1'";
      await assert.rejects(page, refusal('resource_missing_in_body', 'starting_after', message));
      await catalog.coreEvents.record([anEvent('evt_1', { namespace })]);
    }
  });

  test('each page of each filter is what a plain array gives', async (t) => {
    const { catalog } = await start(t);
    const whats = ['a.created', 'a.updated', 'b.x?created', 'b.x1created'];
    const events = Array.from({ length: 12 }, (_, index) =>
      anEvent(`evt_${index}`, {
        what: whats[index % 4] ?? '',
        createdMs: START_MS + 1000 * (index % 5),
        relatedObject: { id: `mtr_${index % 3}`, type: 'billing.meter', url: '/' },
        ...(index % 6 === 5 ? { thin: null } : {}),
      }),
    );
    await catalog.coreEvents.record(events);
    const hasType = (event: CoreEvent, shape: RegExp): boolean =>
      shape.test(event.thin?.type ?? '');
    const cases: [CoreEventFilter, (event: CoreEvent, index: number) => boolean][] = [
      [{}, () => true],
      [{ types: ['v1.a.created'] }, (event) => hasType(event, /a\.created$/u)],
      [{ types: ['v1.a.*', 'v1.b.x1created'] }, (event) => hasType(event, /a\.|x1/u)],
      [{ types: ['v1.b.x?created'] }, (event) => hasType(event, /x\?created/u)],
      [{ types: [] }, () => false],
      [{ objectId: 'mtr_2' }, (event) => event.relatedObject?.id === 'mtr_2'],
      [
        { createdMs: { fromMs: START_MS + 1000, toMs: START_MS + 3000 } },
        (event) => event.createdMs >= START_MS + 1000 && event.createdMs < START_MS + 3000,
      ],
    ];
    for (const [filter, isListed] of cases) {
      const listed = new Set(events.filter(isListed).filter(({ thin }) => thin !== null));
      for (const cursor of [undefined, ...events.map(({ id }) => id)]) {
        for (const limit of [1, 3, 12]) {
          for (const query of [
            { limit, startingAfter: cursor },
            { limit, endingBefore: cursor },
          ]) {
            const page = await catalog.coreEvents.list(NAMESPACE, 'thin', query, filter);
            const expected = toPage(events, (event) => listed.has(event), query);
            assert.deepEqual(
              { ...page, data: page.data.map(({ id }) => id) },
              { ...expected, data: expected.data.map(({ id }) => id) },
              JSON.stringify({ filter, query }),
            );
          }
        }
      }
    }
  });

  test('filters together, over more events than one look takes, are what a plain array gives', async (t) => {
    const { catalog } = await start(t);
    const { coreEvents, destinations, deliveries } = catalog;
    await destinations.create(aDestination('we_1', { enabledEvents: ['a'] }));
    await destinations.create(aDestination('we_2', { enabledEvents: ['a', 'b'] }));
    await destinations.create(aDestination('we_gone', { enabledEvents: ['c'] }));
    const events = Array.from({ length: 5000 }, (_, n) =>
      anEvent(`evt_${n}`, {
        // Few of the second kind, far from each other.
        what: n % 1700 === 3 ? 'a' : n % 600 === 8 ? 'b' : 'c',
        createdMs: START_MS + n,
        relatedObject: { id: `mtr_${n % 7}`, type: 'billing.meter', url: '/' },
      }),
    );
    await coreEvents.record(events);
    await destinations.change(NAMESPACE, 'we_gone', (each) => ({ ...each, deleted: true }));
    const unsent = new Set(
      events.filter((event) => event.snapshot?.type !== 'c').map(({ id }) => id),
    );
    for (let n = 0; n < 6; n += 1) {
      const all = allDue(catalog, START_MS + 5000);
      const due = all.find(({ destination }) => destination.id === 'we_2') ?? assert.fail();
      deliveries.settle([settled(due, { state: n === 4 ? 'failed' : 'succeeded' })]);
      // One of the first kind waits at the other destination still.
      if (n !== 4 && due.event.snapshot?.type === 'b') unsent.delete(due.event.id);
    }
    const range = { fromMs: START_MS + 100, toMs: START_MS + 4000 };
    const filters: CoreEventFilter[] = [
      { types: ['a'] },
      { types: ['*none*'] },
      { delivered: false },
      { delivered: true, types: ['b'] },
      { delivered: false, types: ['b'], createdMs: range },
      { delivered: false, objectId: 'mtr_3' },
      { delivered: true, objectId: 'mtr_3', types: ['a', 'b'] },
      { createdMs: range, types: ['b'] },
    ];
    for (const filter of filters) {
      const isListed = (event: CoreEvent): boolean => passes(event, filter, unsent);
      for (const cursor of [undefined, 'evt_0', 'evt_2500', 'evt_4999']) {
        for (const limit of [1, 3, 100]) {
          for (const query of [
            { limit, startingAfter: cursor },
            { limit, endingBefore: cursor },
          ]) {
            const page = await coreEvents.list(NAMESPACE, 'snapshot', query, filter);
            const expected = toPage(events, isListed, query);
            assert.deepEqual(
              { ...page, data: page.data.map(({ id }) => id) },
              { ...expected, data: expected.data.map(({ id }) => id) },
              JSON.stringify({ filter, query }),
            );
          }
        }
      }
    }
  });

  test('an event counts its deliveries that have not succeeded, and is filtered by them', async (t) => {
    const { catalog } = await start(t);
    const { coreEvents, destinations, deliveries } = catalog;
    await coreEvents.record([anEvent('evt_1')]);
    await destinations.create(aDestination('we_1'));
    await destinations.create(aDestination('we_2'));
    await coreEvents.record([anEvent('evt_2')]);
    const pending = async (): Promise<number | undefined> =>
      (await coreEvents.find(NAMESPACE, 'evt_2'))?.pendingWebhooks;
    const idsOf = async (delivered: boolean): Promise<readonly string[]> => {
      const { data } = await coreEvents.list(NAMESPACE, 'thin', { limit: 9 }, { delivered });
      return data.map(({ id }) => id);
    };
    assert.equal(await pending(), 2);
    const [first, second] = allDue(catalog);
    assert.ok(first && second);
    deliveries.settle([settled(first)]);
    assert.equal(await pending(), 1);
    assert.deepEqual([await idsOf(true), await idsOf(false)], [['evt_1'], ['evt_2']]);
    deliveries.settle([settled(second, { state: 'failed' })]);
    assert.equal(await pending(), 1, 'what was given up was not delivered');
    await destinations.change(NAMESPACE, 'we_2', (d) => ({ ...d, deleted: true }));
    assert.equal(await pending(), 0);
    assert.deepEqual([await idsOf(true), await idsOf(false)], [['evt_2', 'evt_1'], []]);
  });

  test('prune forgets what is older than its bound, with its deliveries', async (t) => {
    const { catalog } = await start(t);
    const { coreEvents, destinations, deliveries } = catalog;
    await destinations.create(aDestination('we_1'));
    for (const ms of [3, 1, 2]) await coreEvents.record([anEvent(`evt_${ms}`, { createdMs: ms })]);
    await coreEvents.prune(3);
    const { data } = await coreEvents.list(NAMESPACE, 'thin', { limit: 9 });
    assert.deepEqual(
      data.map(({ id }) => id),
      ['evt_3'],
    );
    const kept = await deliveries.list(NAMESPACE, 'we_1', { limit: 9 });
    assert.deepEqual(
      kept.data.map(({ eventId }) => eventId),
      ['evt_3'],
    );
  });
}

function passes(
  event: CoreEvent,
  { types, objectId, createdMs, delivered }: CoreEventFilter,
  unsent: ReadonlySet<string>,
): boolean {
  return (
    (types === undefined || types.includes(event.snapshot?.type ?? '')) &&
    (objectId === undefined || event.relatedObject?.id === objectId) &&
    (createdMs === undefined ||
      (event.createdMs >= createdMs.fromMs && event.createdMs < createdMs.toMs)) &&
    (delivered === undefined || delivered !== unsent.has(event.id))
  );
}
