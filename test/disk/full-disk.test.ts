/**
 * A full disk, for real: small ones, filled while a server runs on them. With little room nothing new is taken in and
 * reads go on; a write that has failed nevertheless is never taken for done (P9), and with room again all that was
 * acknowledged is there.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { cancelEvent } from '../support/fixtures.ts';
import { call, errorOf, type Answer } from '../support/http.ts';
import { unique } from '../support/random.ts';
import { noSmallDisks, SmallDisks, type Mount } from '../support/small-disk.ts';
import { openStream, postStream } from '../support/stream.ts';
import { postJson, v2Event, V2_EVENTS } from '../support/v2.ts';
import { until } from '../support/wait.ts';
import { Metered } from './metered.ts';

const skip = noSmallDisks() ?? false;
const ONE: readonly Mount[] = [{ at: '', sizeMiB: 48 }];
/** The journal and the catalog have a small disk, the usage store has another one. */
const TWO: readonly Mount[] = [
  { at: '', sizeMiB: 24 },
  { at: 'usage', sizeMiB: 24 },
];
/** So that writes do fail. */
const NO_RESERVE = ['--disk-reserve-bytes', '0'];

test(
  'with little room writes are refused and reads go on, until there is room',
  { skip },
  async (t) => {
    const { disks, metered } = await setUp(t, ONE, ['--disk-reserve-bytes', '8000000']);
    const { server, meter, client } = metered;
    const token = await openStream(server);
    const first = unique('evt');
    await metered.send(first);
    disks.fill('', 6_000_000);
    await until('it is seen', async () => (await metered.send(unique('evt'))).status === 503);
    const counted = await metered.counted();
    for (const answer of [
      await metered.send(unique('evt')),
      await postJson(server, { path: V2_EVENTS, body: v2Event(meter, { customer: 'c' }) }),
      await postStream(server, token, [v2Event(meter, { customer: 'c' })]),
      await call(server, {
        path: '/v1/billing/meter_event_adjustments',
        body: { type: 'cancel', event_name: meter.event_name, 'cancel[identifier]': first },
      }),
    ]) {
      assert.equal(answer.status, 503, answer.text);
      assert.equal(answer.headers['retry-after'], '1');
      assert.match(answer.text, /almost full: \d\.\d MiB are left, and 7\.6 MiB are kept free/u);
    }
    assert.equal(await metered.counted(), counted, 'reads go on, and nothing was changed');
    assert.equal((await client.billing.meters.retrieve(meter.id)).id, meter.id);
    await client.customers.create({ name: 'What is small has the reserve.' });
    assert.match(server.stderr, /"level":"warn",.*"message":"The disk is almost full/u);

    disks.empty('');
    await until('it goes on', async () => (await metered.send(unique('evt'))).status === 200);
    await cancelEvent(client, meter, first);
    assert.equal(await metered.counted(), counted);
  },
);

test('a journal without room stops the process, and loses nothing', { skip }, async (t) => {
  const { disks, metered } = await setUp(t, TWO, NO_RESERVE);
  const { server } = metered;
  disks.fill('', 300_000);
  const { acknowledged, last } = await metered.sendUntilRefused();
  if (last !== undefined) assert.equal(last.status, 503, last.text);
  const { code, stderr } = await server.exited;
  assert.equal(code, 1);
  assert.match(stderr, /Stopping, because its disk is full/u);
  assert.ok(acknowledged.length > 3, 'it was not full from the start');

  server.relaunch();
  await assert.rejects(server.ready(), /disk is full/u, 'a start says why it cannot be');
  disks.empty('');
  await server.restart();
  // The one that was refused may be on disk or not.
  const counted = await metered.counted();
  assert.ok(counted === acknowledged.length || counted === acknowledged.length + 1);
  for (const identifier of acknowledged) await metered.assertKnown(identifier);
  await metered.assertAudited();
});

test(
  'a usage store without room: ingest goes on up to its bound, and reads come back',
  { skip },
  async (t) => {
    const { disks, metered } = await setUp(t, TWO, [
      ...NO_RESERVE,
      '--journal-bytes-max',
      '1000000',
    ]);
    const { server, client } = metered;
    await metered.send(unique('evt'));
    assert.equal(await metered.counted(), 1);
    disks.fill('usage');
    const { acknowledged, last } = await metered.sendUntilRefused();
    assert.equal(last?.status, 429, last?.text);
    assert.ok(acknowledged.length > 100);
    await assert.rejects(metered.counted(), /Usage cannot be read at the moment[^]*503 !== 200/u);
    assert.equal((await client.billing.meters.list()).data.length, 1);
    const saysWhy = (reason: RegExp): boolean =>
      server.stderr
        .split('\n')
        .some((line) => line.includes('refused an insert') && reason.test(line));
    await until('it says why', () => saysWhy(/ENOSPC: no space left on device/u));
    // Now there is room for what is handed to the engine, and none for the part that it makes of it.
    disks.fill('usage', 1_100_000);
    await until('the engine says so too', () =>
      saysWhy(/No space left on device|NOT_ENOUGH_SPACE/u),
    );

    disks.empty('usage');
    const stored = async (): Promise<number> => await metered.counted().catch(() => NaN);
    await until('reads come back', async () => (await stored()) === acknowledged.length + 1);
    for (const identifier of acknowledged) await metered.assertKnown(identifier);
    await metered.assertAudited();
  },
);

test(
  'a catalog without room refuses changes, changes nothing, and goes on',
  { skip },
  async (t) => {
    const { disks, metered } = await setUp(t, TWO, NO_RESERVE);
    const { server, client } = metered;
    await metered.send(unique('evt'));
    assert.equal(await metered.counted(), 1);
    disks.fill('');
    const create = async (key: string): Promise<Answer> =>
      await call(server, {
        path: '/v1/customers',
        body: { name: key, description: 'x'.repeat(300) },
        headers: { 'idempotency-key': key },
      });
    // What is allocated already may take some.
    const created: string[] = [];
    let key = unique('key');
    let answer = await create(key);
    for (; answer.status === 200; answer = await create(key)) {
      created.push(key);
      assert.ok(created.length < 1000, 'the disk is full');
      key = unique('key');
    }
    assert.equal(answer.status, 503, answer.text);
    assert.match(errorOf(answer).message, /^The disk is full\. Nothing was changed/u);
    assert.equal(await metered.counted(), 1, 'reads go on');
    const names = async (): Promise<unknown[]> =>
      (await client.customers.list({ limit: 100 })).data.map(({ name }) => name).reverse();
    assert.deepEqual(await names(), created);

    disks.empty('');
    const kept = await create(key);
    assert.equal(kept.status, 200, kept.text);
    assert.equal(kept.headers['idempotent-replayed'], undefined, 'a refusal is not kept');
    await server.kill();
    await server.restart();
    const again = await metered.client.customers.list({ limit: 100 });
    assert.deepEqual(again.data.map(({ name }) => name).reverse(), [...created, key]);
  },
);

async function setUp(t: TestContext, mounts: readonly Mount[], args: readonly string[]) {
  const disks = await SmallDisks.mount(mounts);
  const { wrap, folder } = disks;
  const metered = await Metered.start(t, { args, wrap, folder });
  t.after(async () => await disks.remove());
  return { disks, metered };
}
