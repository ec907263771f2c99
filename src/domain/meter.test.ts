import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { deactivate, type Meter, reactivate, rename } from './meter.ts';

const ACTIVE: Meter = Object.freeze({
  id: 'mtr_1',
  namespace: 'acct_one/test',
  displayName: 'Rides',
  eventName: 'rides',
  formula: 'sum',
  eventTimeWindow: null,
  customerKey: 'stripe_customer_id',
  valueKey: 'value',
  status: 'active',
  createdS: 100,
  updatedS: 100,
  deactivatedAtS: null,
});
const INACTIVE: Meter = Object.freeze({
  ...ACTIVE,
  status: 'inactive',
  deactivatedAtS: 200,
  updatedS: 200,
});

test('a new name is an update; nothing else changes', () => {
  assert.deepEqual(rename(ACTIVE, 'Trips', 150), {
    ...ACTIVE,
    displayName: 'Trips',
    updatedS: 150,
  });
  const inactive = rename(INACTIVE, 'Trips', 250);
  assert.deepEqual(inactive, { ...INACTIVE, displayName: 'Trips', updatedS: 250 });
});

test('the same name again is the same meter', () => {
  assert.equal(rename(ACTIVE, 'Rides', 150), ACTIVE);
});

test('deactivating sets the status, its time and the update', () => {
  assert.deepEqual(deactivate(ACTIVE, 200), INACTIVE);
});

test('deactivating twice keeps the first time', () => {
  assert.equal(deactivate(INACTIVE, 300), INACTIVE);
});

test('reactivating clears the time of deactivation, and is an update', () => {
  assert.deepEqual(reactivate(INACTIVE, 300), { ...ACTIVE, updatedS: 300 });
});

test('reactivating twice changes nothing', () => {
  assert.equal(reactivate(ACTIVE, 300), ACTIVE);
});

test('after any transitions, inactive means a time of deactivation, and the rest stands', () => {
  const transition = fc.constantFrom<(meter: Meter, nowS: number) => Meter>(
    deactivate,
    reactivate,
    (meter, nowS) => rename(meter, 'Rides', nowS),
    (meter, nowS) => rename(meter, 'Trips', nowS),
  );
  fc.assert(
    fc.property(fc.array(transition, { maxLength: 8 }), (transitions) => {
      let meter = ACTIVE;
      for (const [index, apply] of transitions.entries()) {
        const nowS = 101 + index;
        const after = apply(meter, nowS);
        assert.equal(after.updatedS, after === meter ? meter.updatedS : nowS);
        assert.equal(after.deactivatedAtS === null, after.status === 'active');
        const { displayName, status, updatedS, deactivatedAtS } = after;
        assert.deepEqual(after, { ...ACTIVE, displayName, status, updatedS, deactivatedAtS });
        meter = after;
      }
    }),
  );
});
