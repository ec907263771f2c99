import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NOTHING_MORE } from '../domain/meter-events/meter-event.ts';
import { toNamespace, type Namespace } from '../domain/namespace.ts';
import { ONE } from '../domain/quantity.ts';
import { NotedDuplicates, type Batch, type NotedDuplicate } from './noted-duplicates.ts';

const [ONE_ACCOUNT, OTHER] = [toNamespace('acct_1', 'test'), toNamespace('acct_2', 'test')];

function aDuplicate(namespace: Namespace, identifier = 'x'): NotedDuplicate {
  const times = { timestampMs: 0, timestampIsSent: false, receivedAtMs: 0 };
  const event = { ...times, namespace, meterId: 'mtr_1', customer: 'c', identifier, value: ONE };
  return {
    event: { ...event, rest: NOTHING_MORE },
    eventName: 'n',
    sent: '{}',
    requestId: 'req_1',
  };
}

function noteMany(noted: NotedDuplicates, namespace: Namespace, count: number): number {
  let room = 0;
  for (let n = 0; n < count; n += 1) {
    if (!noted.hasRoomFor(namespace)) continue;
    room += 1;
    noted.add(aDuplicate(namespace, String(n)), n);
  }
  return room;
}

function namesOf(batch: Batch | undefined): readonly string[] | undefined {
  return batch?.duplicates.map(({ event }) => event.identifier);
}

test('what is taken has its first event stored, in the order of arrival', () => {
  const noted = new NotedDuplicates();
  for (const [identifier, upTo] of [
    ['a', 3],
    ['b', 3],
    ['c', 5],
  ] as const) {
    noted.add(aDuplicate(ONE_ACCOUNT, identifier), upTo);
  }
  assert.equal(noted.take(2), undefined);
  assert.deepEqual(namesOf(noted.take(4)), ['a', 'b']);
  assert.equal(noted.take(4), undefined);
  noted.add(aDuplicate(ONE_ACCOUNT, 'd'), 6);
  assert.deepEqual(namesOf(noted.take(6)), ['c', 'd']);
  assert.equal(noted.size, 0);
});

test('one account fills its own room, and the others are taken in turns', () => {
  const noted = new NotedDuplicates();
  assert.equal(noteMany(noted, ONE_ACCOUNT, 5000), 2000);
  assert.equal(noteMany(noted, OTHER, 3), 3);
  const taken = Array.from({ length: 4 }, () => noted.take(Infinity));
  assert.deepEqual(
    taken.map((batch) => [batch?.namespace, batch?.duplicates.length]),
    [
      [ONE_ACCOUNT, 1000],
      [OTHER, 3],
      [ONE_ACCOUNT, 1000],
      [undefined, undefined],
    ],
  );
  assert.deepEqual([noted.takeSkipped(ONE_ACCOUNT), noted.takeSkipped(OTHER)], [3000, 0]);
  assert.equal(noted.takeSkipped(ONE_ACCOUNT), 0, 'each is said once');
});

test('all accounts together have a bound', () => {
  const noted = new NotedDuplicates();
  const rooms = Array.from({ length: 8 }, (_, n) =>
    noteMany(noted, toNamespace(`acct_${n}`, 'live'), 2000),
  );
  assert.equal(
    rooms.reduce((sum, room) => sum + room, 0),
    10_000,
  );
  assert.equal(noted.size, 10_000);
});
