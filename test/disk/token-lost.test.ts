/**
 * P2 after a power cut within an insert. The engine never syncs its lists of tokens, so they are as long as they were at any moment
 * before, and any of the insert's parts may have their names: each event counts once all the same. By what is on the disk
 * then, without a disk that forgets: that is test/power-loss.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { Session } from 'chdb';
import fc from 'fast-check';
import { judge, removeMade } from '../damage/made-folder.ts';
import { newRandom } from '../support/random.ts';
import { removeFolder, runCli, Server } from '../support/server.ts';
import { pause } from '../support/wait.ts';
import { afterLoss, makeOpenPlan, tokenLists, type OpenPlan } from './open-plan.ts';

let made: OpenPlan;
before(async () => {
  made = await makeOpenPlan();
});
after(() => removeMade(made));

/** None of it. */
const NO_LIST = 0;
const DRAWS = Number(process.env['TAXIMETER_CUTS'] ?? 6);

/** Each event counts once, and nothing had to be repaired: that would be by what the journal keeps, which has a bound. */
async function assertRecovered(folder: string): Promise<void> {
  const outcome = await judge(made, folder, ({ stderr }) =>
    assert.doesNotMatch(stderr, /repaired/u),
  );
  assert.equal(outcome, 'as before');
}

test('the plan has two months of events, a cancellation and a rejection', () => {
  const tables = made.places.map((place) => place.split('/')[0]);
  for (const table of ['events', 'usage_hourly']) {
    assert.ok(tables.filter((name) => name === table).length >= 2, made.places.join(' '));
  }
  assert.ok(tables.includes('cancellations') && tables.includes('rejections'));
});

suite('each event counts once', () => {
  test('when all rows are there and no token', async () => {
    await assertRecovered(afterLoss(made, { places: [], listBytes: NO_LIST }));
  });

  test('when nothing of the insert is there', async () => {
    await assertRecovered(afterLoss(made, { places: made.places, listBytes: NO_LIST }));
  });

  for (const table of ['events', 'usage_hourly', 'cancellations', 'rejections']) {
    test(`when what it put into ${table} is not there`, async () => {
      const places = made.places.filter((place) => place.startsWith(`${table}/`));
      await assertRecovered(afterLoss(made, { places, listBytes: NO_LIST }));
    });
  }

  test('whatever of it is there, however much of the lists is, and killed in that start', async (t) => {
    const longest = Math.max(...tokenLists(made.folder).map((list) => readFileSync(list).length));
    const { seed } = newRandom();
    t.diagnostic(`TAXIMETER_SEED=${seed}`);
    await fc.assert(
      fc.asyncProperty(
        fc.subarray([...made.places]),
        fc.integer({ min: 0, max: longest }),
        fc.array(fc.integer({ min: 0, max: 1500 }), { maxLength: 2 }),
        async (places, listBytes, killsAfterMs) => {
          const folder = afterLoss(made, { places, listBytes });
          for (const ms of killsAfterMs) {
            const server = Server.launch({ folder });
            await pause(ms);
            await server.kill();
          }
          await assertRecovered(folder);
        },
      ),
      { seed, numRuns: DRAWS, endOnFailure: true },
    );
  });
});

suite('what an earlier version has inserted twice is left once', () => {
  /** As a replay under a token that is not known any more did it: the folder was refused from then on. */
  const doubled: readonly [string, readonly string[]][] = [
    ['events, and so the rollup', ['INSERT INTO events SELECT * FROM events WHERE sequence > 60']],
    [
      'events of one month',
      [
        'INSERT INTO events SELECT * FROM events WHERE sequence > 60 AND timestamp > now() - 20 * 86400',
      ],
    ],
    [
      'a cancellation and a rejection',
      [
        'INSERT INTO cancellations SELECT * FROM cancellations',
        'INSERT INTO rejections SELECT * FROM rejections WHERE sequence > 60',
      ],
    ],
    [
      'the rollup alone',
      ['INSERT INTO usage_hourly SELECT * FROM usage_hourly WHERE last_received.1 > 60'],
    ],
  ];
  for (const [what, statements] of doubled) {
    test(what, async () => {
      const folder = afterLoss(made, { places: [], listBytes: NO_LIST });
      // The plan is finished, and only then is it there twice.
      const server = await Server.start({ folder });
      assert.equal((await server.stop()).code, 0);
      change(folder, statements);
      await server.restart();
      assert.match(server.stderr, /"level":"warn".*usage\/ was repaired/u);
      await server.kill();
      assert.equal(await judge(made, folder), 'as before');
    });
  }

  test('which an audit finds before, and not after', async () => {
    const folder = afterLoss(made, { places: [], listBytes: NO_LIST });
    const server = await Server.start({ folder });
    await server.stop();
    change(folder, doubled[0]![1]);
    const { code, stderr } = await runCli(['audit', '--data', folder]);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /journal\.db gave .*there twice, the next start of the server leaves it once/u,
    );
    await server.restart();
    await server.stop();
    assert.equal((await runCli(['audit', '--data', folder])).code, 0);
    removeFolder(folder);
  });

  test('what is more and no copy is refused, in words that say so', async () => {
    const folder = afterLoss(made, { places: [], listBytes: NO_LIST });
    const server = await Server.start({ folder });
    await server.stop();
    change(folder, [
      `INSERT INTO events SELECT * REPLACE (value + 1 AS value) FROM events WHERE sequence = 70`,
    ]);
    server.relaunch();
    const { code, stderr } = await server.exited;
    assert.equal(code, 1);
    assert.match(stderr, /journal\.db is older than usage\/, or of another folder: .* no copy/u);
    removeFolder(folder);
  });
});

function change(folder: string, statements: readonly string[]): void {
  const session = new Session(join(folder, 'usage'));
  for (const sql of statements) {
    session.query(`${sql} SETTINGS insert_deduplicate = 0, async_insert = 0`);
  }
  session.close();
}
