/** Months of raw events go; what summaries of whole hours answer stays, and what cannot be answered any more is refused. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { cancelEvent, createMeter, sendEvent, type MeterFields } from '../support/fixtures.ts';
import { newRandom, unique } from '../support/random.ts';
import { newClient, refused400, type Stripe } from '../support/sdk.ts';
import { newFolder, removeFolder, runCli, Server, type Exit } from '../support/server.ts';
import { allSummaries, total } from '../support/summaries.ts';
import { DAY_S, dayStart, HOUR_S } from '../support/times.ts';
import { pause } from '../support/wait.ts';

const LONG_AGO_DAYS = 80;
const OLD_S = dayStart(LONG_AGO_DAYS + 2);
const NEW_S = dayStart(1);

/** The first day of the month of 36 days ago: after all that is old, and no event may be that old. */
const MONTH = `${new Date(dayStart(36) * 1000).toISOString().slice(0, 7)}-01`;

const KINDS: readonly MeterFields[] = [
  { formula: 'sum' },
  { formula: 'count' },
  { formula: 'last' },
  { formula: 'sum', event_time_window: 'day' },
];

test('whole hours stay as they are, and the rest is refused', async () => {
  const parent = newFolder();
  const server = await Server.start({ clockShiftS: -LONG_AGO_DAYS * DAY_S });
  const prune = async (...flags: string[]): Promise<Exit> =>
    await runCli(['prune', '--data', server.folder, ...flags]);
  try {
    const meters: Stripe.Billing.Meter[] = [];
    for (const kind of KINDS) meters.push(await createMeter(newClient(server), kind));
    const old = await sendSome(server, meters, OLD_S);
    await server.stop();
    await server.restart({});
    await sendSome(server, meters, NEW_S);
    const before = await everything(server, meters);

    // Told, not done.
    const dry = await prune('--before', MONTH);
    assert.equal(dry.code, 0, dry.stderr);
    assert.match(dry.stdout, /^\d{4}-\d\d {2}20 events {2}\d+ bytes$/mu);
    assert.match(dry.stdout, /4 customer hours with cancellations[^]*Nothing was dropped/u);
    assert.deepEqual(await everything(server, meters), before);
    assert.notEqual(await ragged(server, meters[0]!, OLD_S), '0');

    const done = await prune('--before', MONTH, '--yes');
    assert.equal(done.code, 0, done.stderr);
    assert.match(done.stdout, /They are dropped\./u);
    const check = async (of: Server): Promise<void> => {
      assert.deepEqual(await everything(of, meters), before);
      await refusesRagged(of, meters[0]!);
      assert.notEqual(await ragged(of, meters[0]!, NEW_S), '0');
      await refused400(cancelEvent(newClient(of), meters[0]!, old[0]!), {
        param: 'cancel[identifier]',
      });
    };
    await check(server);
    await server.kill();
    await server.restart();
    await check(server);
    const backup = join(parent, 'backup');
    const exit = await runCli(['backup', '--to', backup, '--data', server.folder]);
    assert.equal(exit.code, 0, exit.stderr);
    await server.stop();

    const audit = await runCli(['audit', '--data', server.folder]);
    assert.match(
      audit.stdout,
      new RegExp(`^20 events in 12 customer hours since ${MONTH} .*, 0 differences`, 'u'),
    );
    assert.match((await prune('--before', MONTH, '--yes')).stdout, /There are no events before/u);
    const reaches = await runCli([
      'serve',
      '--port',
      '0',
      '--past-days',
      '90',
      '--data',
      server.folder,
    ]);
    assert.equal(reaches.code, 1);
    assert.match(
      reaches.stderr,
      /^--past-days 90 would take events of before \S+, which were pruned\.\n$/u,
    );

    const folder = join(parent, 'restored');
    assert.equal((await runCli(['restore', '--from', backup, '--data', folder])).code, 0);
    const restored = await Server.start({ folder });
    await check(restored);
    await restored.remove();
  } finally {
    await server.remove();
    removeFolder(parent);
  }
});

test('a kill while months are pruned leaves every summary as it was', async (t) => {
  const random = newRandom();
  t.diagnostic(`seed ${random.seed} (TAXIMETER_SEED repeats its draws)`);
  const shift = { clockShiftS: -LONG_AGO_DAYS * DAY_S, args: ['--past-days', '400'] };
  const server = await Server.start(shift);
  try {
    const meters: Stripe.Billing.Meter[] = [];
    for (const kind of KINDS) meters.push(await createMeter(newClient(server), kind));
    const starts = [4, 3, 2, 1, 0].map((n) => OLD_S - n * 30 * DAY_S);
    for (const startS of starts) await sendSome(server, meters, startS);
    await server.stop();
    await server.restart({});
    const before = await everything(server, meters, starts[0]);
    for (const startS of starts) {
      // The month after, so that each has something to prune.
      const date = new Date((startS + 31 * DAY_S) * 1000).toISOString().slice(0, 7);
      const done = runCli(['prune', '--before', `${date}-01`, '--yes', '--data', server.folder]);
      // The command starts for most of it.
      await pause(700 + random.below(1500));
      await server.kill();
      const { stdout, stderr } = await done;
      t.diagnostic(stdout.includes('They are dropped') ? 'pruned' : stderr.trim());
      await server.restart();
      assert.deepEqual(await everything(server, meters, starts[0]), before);
    }
    const last = await runCli(['prune', '--before', MONTH, '--yes', '--data', server.folder]);
    assert.equal(last.code, 0, last.stderr);
    assert.deepEqual(await everything(server, meters, starts[0]), before);
  } finally {
    await server.remove();
  }
});

test('what could still be sent again, cancelled or accepted is not pruned', async () => {
  const server = await Server.start({ args: ['--past-days', '100'] });
  const refusesTo = async (message: RegExp, ...flags: string[]): Promise<void> => {
    const exit = await runCli(['prune', '--data', server.folder, '--yes', ...flags]);
    assert.equal(exit.code, 1, exit.stdout);
    assert.match(exit.stderr, message);
    assert.equal(exit.stderr.trimEnd().split('\n').length, 1);
  };
  try {
    const meter = await createMeter(newClient(server));
    const identifier = unique('event');
    const event = { customer: 'cus_1', timestamp: OLD_S, identifier };
    await sendEvent(newClient(server), meter, event);
    await refusesTo(/--before is the first day of a month/u);
    for (const wrong of ['2026-01-02', '2026-13-01', '2026-1-01', 'yesterday']) {
      await refusesTo(
        /--before is the first day of a month, such as 2026-01-01, not/u,
        '--before',
        wrong,
      );
    }
    await refusesTo(/can still come: they may be 100 days old/u, '--before', MONTH);
    await server.stop();
    await server.restart({});
    // Accepted today: its identifier stays taken for 35 days, however old the event is.
    await refusesTo(/came as late as .* remembered for 35 days/u, '--before', MONTH);
    await server.stop();
    await refusesTo(/came as late as .* remembered for 35 days/u, '--before', MONTH);
    await server.restart({ args: ['--past-days', '100'] });
    await refused400(sendEvent(newClient(server), meter, event), { code: 'duplicate_meter_event' });
  } finally {
    await server.remove();
  }
});

/** Five events of each meter in three hours; one of them is cancelled, in an hour with another one. Answers identifiers. */
async function sendSome(
  server: Server,
  meters: readonly Stripe.Billing.Meter[],
  startS: number,
): Promise<string[]> {
  const client = newClient(server);
  const sent: string[] = [];
  for (const meter of meters) {
    const identifiers: string[] = [];
    for (const [index, atS] of [60, 120, HOUR_S + 60, HOUR_S + 61, 5 * HOUR_S].entries()) {
      const identifier = unique('event');
      const value = `${index + 1}.25`;
      await sendEvent(client, meter, {
        customer: 'cus_1',
        value,
        timestamp: startS + atS,
        identifier,
      });
      identifiers.push(identifier);
    }
    await cancelEvent(client, meter, identifiers[3]!);
    sent.push(...identifiers);
  }
  return sent;
}

/** What all meters answer for whole hours, in every grouping. */
async function everything(
  server: Server,
  meters: readonly Stripe.Billing.Meter[],
  startS = OLD_S,
): Promise<unknown> {
  const answers: unknown[] = [];
  for (const meter of meters) {
    const query = {
      meter: meter.id,
      customer: 'cus_1',
      start_time: startS,
      end_time: NEW_S + DAY_S,
    };
    for (const grouping of ['hour', 'day'] as const) {
      answers.push(await allSummaries(server, { ...query, value_grouping_window: grouping }));
    }
    answers.push(await total(server, query));
    answers.push(
      await total(server, { ...query, start_time: OLD_S + HOUR_S, end_time: OLD_S + 2 * HOUR_S }),
    );
  }
  return answers;
}

/** A range that begins within an hour. */
async function ragged(
  server: Server,
  { id }: Stripe.Billing.Meter,
  startS: number,
): Promise<string> {
  const range = { start_time: startS + 120, end_time: startS + DAY_S };
  return await total(server, { meter: id, customer: 'cus_1', ...range });
}

async function refusesRagged(server: Server, { id }: Stripe.Billing.Meter): Promise<void> {
  const list = async (start_time: number, end_time: number) =>
    await newClient(server).billing.meters.listEventSummaries(id, {
      customer: 'cus_1',
      start_time,
      end_time,
    });
  await refused400(list(OLD_S + 60, NEW_S), { param: 'start_time', message: /were pruned/u });
  await refused400(list(OLD_S, OLD_S + DAY_S + 60), { param: 'end_time', message: /were pruned/u });
  await list(OLD_S, NEW_S + 60);
}
