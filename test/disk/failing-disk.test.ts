/**
 * A disk that answers EIO: a write or a sync that failed is never taken for done, and never tried again as if nothing
 * had been (P9). The journal and the catalog stop the process; the usage store's insert is made again, whole; what can be
 * made again from the others waits.
 */
import assert from 'node:assert/strict';
import { realpathSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Fault, noFaults, type FaultPlan } from '../support/fault.ts';
import { call, type Answer } from '../support/http.ts';
import { unique } from '../support/random.ts';
import { openStream, tell } from '../support/stream.ts';
import { DAY_S } from '../support/times.ts';
import { isoOf, v2Event } from '../support/v2.ts';
import { until } from '../support/wait.ts';
import { Metered, startS, TAGS } from './metered.ts';

const skip = (await noFaults()) ?? false;
const WRITE: FaultPlan['calls'] = ['pwrite64', 'write'];
const SYNC: FaultPlan['calls'] = ['fsync', 'fdatasync'];

/** In a way that every SDK does so by itself, under the same key: what was refused may be on disk. */
function assertMayComeAgain({ status, headers, text }: Answer): void {
  assert.deepEqual([status, headers['content-type']], [503, 'text/plain'], text);
}

for (const [what, calls] of [
  ['write', WRITE],
  ['sync', SYNC],
] as const) {
  test(
    `a ${what} of the journal that fails stops the process, and loses nothing`,
    { skip },
    async (t) => {
      const metered = await Metered.start(t, {});
      const { server } = metered;
      const acknowledged = await sendSome(metered, 20);
      // The third commit from now on, and once: what would come after it could look as if all were well.
      const fault = await begin(t, metered, { calls, path: 'journal.db-wal', when: '3' });
      const { acknowledged: more, last } = await metered.sendUntilRefused();
      if (last !== undefined) assertMayComeAgain(last);
      const { code, signal, stderr } = await server.exited;
      assert.deepEqual([code, signal], [1, null], stderr);
      assert.equal(fault.failed, 1);
      assert.match(stderr, /disk I\/O error[^\n]*Stopping, because its journal cannot be written/u);

      await server.restart();
      for (const identifier of [...acknowledged, ...more]) await metered.assertKnown(identifier);
      // The one that was refused may be on disk or not.
      const above = (await metered.counted()) - acknowledged.length - more.length;
      assert.ok(above === 0 || above === 1, `${above} more than were acknowledged`);
      await metered.assertAudited();
    },
  );

  test(`a ${what} of the catalog that fails stops the process`, { skip }, async (t) => {
    const metered = await Metered.start(t, {});
    const { server } = metered;
    assert.equal((await createCustomer(metered, 'before')).status, 200);
    const fault = await begin(t, metered, { calls, path: 'catalog.db-wal', when: '1' });
    const answer = await createCustomer(metered, 'refused').catch(() => undefined);
    if (answer !== undefined) assertMayComeAgain(answer);
    const { code, signal, stderr } = await server.exited;
    assert.deepEqual([code, signal], [1, null], stderr);
    assert.equal(fault.failed, 1);
    assert.match(stderr, /disk I\/O error[^\n]*Stopping, because its catalog cannot be written/u);

    await server.restart();
    const { data } = await metered.client.customers.list();
    const names = data.map(({ name }) => name).reverse();
    assert.deepEqual(names.slice(0, 1), ['before']);
    assert.ok(names.length === 1 || names[1] === 'refused');
  });
}

test('a prune of core events that fails stops the process', { skip }, async (t) => {
  // The events are from long ago.
  const metered = await Metered.start(t, { clockShiftS: -40 * DAY_S });
  const { server } = metered;
  assert.equal((await server.stop()).code, 0);
  // Of what it does on a start, this is the first that writes the catalog.
  const path = join(server.folder, 'catalog.db-wal');
  const inject = ['-e', 'trace=pwrite64', '-e', 'inject=pwrite64:error=EIO', '-P', path];
  const { clockShiftS: _, ...options } = server.options;
  server.relaunch({ ...options, wrap: ['strace', '-D', '-f', '-qq', ...inject] });
  const { code, signal, stderr } = await server.exited;
  assert.deepEqual([code, signal], [1, null], stderr);
  assert.match(stderr, /disk I\/O error[^\n]*Stopping, because its catalog cannot be written/u);
});

test(
  'a checkpoint of the journal that fails stops the process, and its log has everything',
  { skip },
  async (t) => {
    const metered = await Metered.start(t, {});
    const { server, meter } = metered;
    const token = await openStream(server);
    const fault = await begin(t, metered, { calls: [...WRITE, ...SYNC], path: 'journal.db' });
    const sendMany = async (): Promise<number> => {
      const events = Array.from({ length: 100 }, () => ({
        ...v2Event(meter, { timestamp: isoOf(startS), identifier: unique('evt') }),
        payload: { stripe_customer_id: 'c', value: '1', ...TAGS },
      }));
      return (await tell(server, token, events)).accepted;
    };
    let acknowledged = 0;
    await assert.rejects(async () => {
      for (;;) {
        acknowledged += await sendMany();
        assert.ok(acknowledged < 50_000, 'a checkpoint comes');
      }
    }, /503 !== 200|ECONNRE|socket hang up/u);
    const { code, signal, stderr } = await server.exited;
    assert.deepEqual([code, signal], [1, null], stderr);
    assert.ok(fault.failed > 0);
    assert.match(stderr, /disk I\/O error[^\n]*Stopping, because its journal cannot be written/u);

    await server.restart();
    // The block that the checkpoint came after is on disk.
    const above = (await metered.counted()) - acknowledged;
    assert.ok(above === 0 || above === 100, `${above} more than were acknowledged`);
    await metered.assertAudited();
  },
);

test(
  'a sync of the usage store that fails: the insert is made again, whole',
  { skip },
  async (t) => {
    const metered = await Metered.start(t, {});
    const { server } = metered;
    const acknowledged = await sendSome(metered, 5);
    const stored = async (): Promise<number> => await metered.counted().catch(() => NaN);
    // The engine syncs by fdatasync, in several threads, and SQLite by fsync: each of a thread's first syncs fails once.
    for (const when of ['1+', '1', '2', '3', '5', '8']) {
      const fault = await begin(t, metered, { calls: ['fdatasync'], when });
      acknowledged.push(...(await sendSome(metered, 3)));
      if (when === '1+') await assert.rejects(metered.counted(), /503 !== 200/u);
      else await until('it is stored', async () => (await stored()) === acknowledged.length);
      assert.ok(fault.failed > 0 || Number(when) > 3, 'a sync has failed');
      await fault.end();
      await until('reads come back', async () => (await stored()) === acknowledged.length);
    }
    assert.match(server.stderr, /Cannot fsync[^\n]*usage store refused an insert/u);
    for (const identifier of acknowledged) await metered.assertKnown(identifier);
    await metered.assertAudited();
  },
);

test(
  'a folder of parts that cannot be synced stops the process, and loses nothing',
  { skip },
  async (t) => {
    const metered = await Metered.start(t, {});
    const { server } = metered;
    const acknowledged = await sendSome(metered, 5);
    const path = relative(
      server.folder,
      realpathSync(join(server.folder, 'usage/data/default/events')),
    );
    const fault = await begin(t, metered, { calls: ['fsync'], path, when: '1' });
    await assert.rejects(metered.counted());
    const { code, signal, stderr } = await server.exited;
    assert.deepEqual([code, signal], [1, null], stderr);
    assert.equal(fault.failed, 1);
    assert.match(
      stderr,
      /EIO: i\/o error, fsync[^\n]*Stopping, because its usage store is not sure of an insert/u,
    );
    await server.restart();
    assert.equal(await metered.counted(), acknowledged.length);
    await metered.assertAudited();
  },
);

test('files of identifiers that cannot be synced wait, and ingest goes on', { skip }, async (t) => {
  const metered = await Metered.start(t, { args: ['--identifiers-in-memory', '100'] });
  const { server } = metered;
  const fault = await begin(t, metered, { calls: ['fsync'], path: 'identifiers' });
  const acknowledged = await sendSome(metered, 150);
  await until('a file could not be synced', () => fault.failed > 0);
  await until('it is told', () => server.stderr.includes('could not be brought to disk'));
  acknowledged.push(...(await sendSome(metered, 10)));
  await fault.end();
  await server.kill();
  await server.restart();
  for (const identifier of acknowledged) await metered.assertKnown(identifier);
  assert.equal(await metered.counted(), acknowledged.length);
});

/** The fault ends with the test. */
async function begin(t: TestContext, { server }: Metered, plan: FaultPlan): Promise<Fault> {
  const on = plan.path === undefined ? {} : { path: join(server.folder, plan.path) };
  const fault = await Fault.begin(server.pid, { ...plan, ...on });
  t.after(async () => await fault.end());
  return fault;
}

async function sendSome(metered: Metered, count: number): Promise<string[]> {
  const identifiers = Array.from({ length: count }, () => unique('evt'));
  for (const identifier of identifiers) {
    const answer = await metered.send(identifier);
    assert.equal(answer.status, 200, answer.text);
  }
  return identifiers;
}

async function createCustomer({ server }: Metered, name: string): Promise<Answer> {
  return await call(server, { path: '/v1/customers', body: { name } });
}
