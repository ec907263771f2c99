/* oxlint-disable max-lines-per-function -- a suite is a list of tests */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { deactivate, type Meter, reactivate, rename } from '../../domain/meter.ts';
import type { Namespace } from '../../domain/namespace.ts';
import { aMeter, anAnswer, NAMESPACE, OTHERS } from './fixtures.ts';
import { refusal, restarts, type Start } from './subject.ts';

/** An event name belongs to one active meter, and memory knows its meters. */
export function eventNamesContract(start: Start): void {
  const rides = (id: string): Meter => aMeter(id, { eventName: 'rides' });

  test('a second active meter of an event name is refused and leaves no trace', async (t) => {
    const subject = await start(t);
    const { catalog } = subject;
    await catalog.meters.create(rides('mtr_1'));
    const second = catalog.meters.create(rides('mtr_2'), () => anAnswer('key'));
    await assert.rejects(
      second,
      refusal(
        'event_name_taken',
        'event_name',
        /^An active meter already exists for event name 'rides'\./,
      ),
    );
    for await (const each of restarts(subject)) {
      assert.equal(await each.meters.find(NAMESPACE, 'mtr_2'), undefined);
      assert.equal(await each.answers.find(NAMESPACE, 'key'), undefined);
      assert.deepEqual(each.meters.ofEventName(NAMESPACE, 'rides'), [rides('mtr_1')]);
    }
  });

  test('an inactive meter gives its event name free, and then cannot take it back', async (t) => {
    const { catalog } = await start(t);
    await catalog.meters.create(rides('mtr_1'));
    await catalog.meters.change(NAMESPACE, 'mtr_1', (m) => deactivate(m, 1_760_000_001));
    await catalog.meters.create(rides('mtr_2'));
    const back = catalog.meters.change(
      NAMESPACE,
      'mtr_1',
      (m) => reactivate(m, 1_760_000_002),
      () => anAnswer('key'),
    );
    await assert.rejects(
      back,
      refusal(
        'event_name_taken',
        'event_name',
        /^An active meter already exists for event name 'rides'\./,
      ),
    );
    assert.equal((await catalog.meters.find(NAMESPACE, 'mtr_1'))?.status, 'inactive');
    assert.equal(await catalog.answers.find(NAMESPACE, 'key'), undefined);
    await catalog.meters.change(NAMESPACE, 'mtr_2', (m) => deactivate(m, 1_760_000_003));
    const active = await catalog.meters.change(NAMESPACE, 'mtr_1', (m) =>
      reactivate(m, 1_760_000_004),
    );
    assert.equal(active?.status, 'active');
  });

  test('event names differ by case, blanks and Unicode form', async (t) => {
    const { catalog } = await start(t);
    const names = [
      'rides',
      'Rides',
      'rides ',
      'caf\u00e9',
      'cafe\u0301',
      '__proto__',
      'constructor',
    ];
    for (const eventName of names) {
      assert.deepEqual(catalog.meters.ofEventName(NAMESPACE, eventName), []);
      await catalog.meters.create(aMeter(`mtr_${eventName}`, { eventName }));
    }
    for (const eventName of names) {
      const ids = catalog.meters.ofEventName(NAMESPACE, eventName).map((meter) => meter.id);
      assert.deepEqual(ids, [`mtr_${eventName}`]);
    }
  });

  // Few names and few meters, so that most changes meet another meter of the name.
  const step = fc.record({
    action: fc.constantFrom(
      'create',
      'create inactive',
      'deactivate',
      'reactivate',
      'rename',
      'reopen',
    ),
    namespace: fc.constantFrom(NAMESPACE, ...OTHERS.slice(0, 1)),
    eventName: fc.constantFrom('rides', 'kilometres'),
    index: fc.nat(5),
  });

  test('whatever happens, memory agrees with a model: the active meter, then the newest', async (t) => {
    const subject = await start(t);
    let catalog = subject.catalog;
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        run++;
        let model: Meter[] = [];
        for (const [nowS, { action, namespace, eventName, index }] of steps.entries()) {
          const name = `${eventName} ${run}`;
          if (action === 'reopen') {
            catalog = await subject.reopen();
          } else if (action === 'create' || action === 'create inactive') {
            const fields = { namespace, eventName: name, createdS: nowS };
            const active = aMeter(`mtr_${run}_${nowS}`, fields);
            const meter = action === 'create' ? active : deactivate(active, nowS);
            const taken = clashes(model, meter);
            await refusedIf(taken, catalog.meters.create(meter));
            if (!taken) model = [...model, meter];
          } else {
            const target = model[index];
            if (target === undefined) continue;
            const apply = (meter: Meter): Meter =>
              action === 'rename'
                ? rename(meter, `name ${nowS}`, nowS)
                : (action === 'deactivate' ? deactivate : reactivate)(meter, nowS);
            const taken = clashes(model, apply(target));
            await refusedIf(taken, catalog.meters.change(target.namespace, target.id, apply));
            if (!taken) model = model.with(index, apply(target));
          }
          for (const each of [NAMESPACE, ...OTHERS]) {
            assert.deepEqual(
              catalog.meters.ofEventName(each, name),
              ofEventName(model, each, name),
            );
            const all = catalog.meters.ofNamespace(each);
            const ofThisRun = all.filter(({ id }) => id.startsWith(`mtr_${run}_`));
            assert.deepEqual(
              new Set(ofThisRun),
              new Set(model.filter((meter) => meter.namespace === each)),
            );
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  function clashes(model: readonly Meter[], meter: Meter): boolean {
    const [first] = ofEventName(model, meter.namespace, meter.eventName);
    return meter.status === 'active' && first?.status === 'active' && first.id !== meter.id;
  }

  function ofEventName(model: readonly Meter[], namespace: Namespace, eventName: string): Meter[] {
    const sameName = model
      .filter((meter) => meter.namespace === namespace && meter.eventName === eventName)
      .toReversed();
    const isActive = (meter: Meter): boolean => meter.status === 'active';
    return [...sameName.filter(isActive), ...sameName.filter((meter) => !isActive(meter))];
  }

  async function refusedIf(taken: boolean, call: Promise<unknown>): Promise<void> {
    if (taken)
      await assert.rejects(
        call,
        refusal('event_name_taken', 'event_name', /already exists for event name/),
      );
    else await call;
  }
}
