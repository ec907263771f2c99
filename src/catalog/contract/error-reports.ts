import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anEvent } from './core-event-fixtures.ts';
import { NAMESPACE } from './fixtures.ts';
import { restarts, type Start } from './subject.ts';

/** Reports and up to where they go are one change. */
export function errorReportsContract(start: Start): void {
  test('up to where all is reported is known with the reports, over a restart', async (t) => {
    const subject = await start(t);
    assert.equal(subject.catalog.errorReports.seenSequence, undefined);
    await subject.catalog.errorReports.record([], 5);
    await subject.catalog.errorReports.record([anEvent('evt_1'), anEvent('evt_2')], 9);
    for await (const { errorReports, coreEvents } of restarts(subject)) {
      assert.equal(errorReports.seenSequence, 9);
      for (const id of ['evt_1', 'evt_2']) assert.ok(await coreEvents.find(NAMESPACE, id));
    }
  });

  test('a report that cannot be kept moves nothing', async (t) => {
    const subject = await start(t);
    await subject.catalog.errorReports.record([anEvent('evt_1')], 5);
    const again = subject.catalog.errorReports.record([anEvent('evt_2'), anEvent('evt_1')], 9);
    await assert.rejects(again);
    for await (const { errorReports, coreEvents } of restarts(subject)) {
      assert.equal(errorReports.seenSequence, 5);
      assert.equal(await coreEvents.find(NAMESPACE, 'evt_2'), undefined);
    }
  });
}
