/** `taximeter audit`, and the audit that a server does by itself: what they find, and that they find nothing else. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import Database from 'better-sqlite3';
import { Session } from 'chdb';
import { runCli, removeFolder, Server } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { copyOf, makeFolder, partsOf, removeMade, type MadeFolder } from './made-folder.ts';

let made: MadeFolder;
before(async () => {
  made = await makeFolder('stopped');
});
after(() => removeMade(made));

/** Damages a copy, and audits it. */
async function auditAfter(damage: (folder: string) => void, ...args: readonly string[]) {
  const folder = copyOf(made);
  try {
    damage(folder);
    return await runCli(['audit', '--data', folder, ...args]);
  } finally {
    removeFolder(folder);
  }
}

/** As nobody should: in the store itself. */
function change(sql: string): (folder: string) => void {
  return (folder) => {
    const session = new Session(join(folder, 'usage'));
    session.query(`${sql} SETTINGS mutations_sync = 2`);
    session.close();
  };
}

test('a folder that nothing happened to has no difference, in whole or in part', async () => {
  const whole = await auditAfter(() => {});
  assert.equal(whole.code, 0, whole.stderr);
  assert.match(whole.stdout, /^\d+ events .* 0 differences; \d+ events were given/u);
  const meter = made.asked[0]?.query.meter ?? '';
  const part = await auditAfter(() => {}, '--meter', meter, '--from', '2020-01-01', '--json');
  assert.equal(part.code, 0, part.stderr);
  const found = JSON.parse(part.stdout) as Record<string, number | null>;
  const all = Number(/^\d+/u.exec(whole.stdout)?.[0]);
  assert.ok(Number(found['events']) > 0 && Number(found['events']) < all, part.stdout);
  assert.deepEqual([found['differences'], found['accountEvents']], [0, null]);
  const none = await auditAfter(() => {}, '--to', '2020-01-01');
  assert.match(none.stdout, /^0 events/u);
});

test('a value that was changed in the rollup is the first difference', async () => {
  const damage = change("ALTER TABLE usage_hourly UPDATE sum = sum + 1 WHERE customer = 'cus_b'");
  const exit = await auditAfter(damage);
  assert.equal(exit.code, 1);
  assert.match(exit.stderr, /rollup differs .*customer "cus_b", hour .*the events make count/u);
  const other = await auditAfter(damage, '--customer', 'cus_c');
  assert.equal(other.code, 0, other.stderr);
});

test('a value that was changed in events and rollup is a difference to what the journal gave', async () => {
  const exit = await auditAfter((folder) => {
    change("ALTER TABLE events UPDATE value = value + 1 WHERE identifier = 'event_1_1'")(folder);
    change('ALTER TABLE usage_hourly DELETE WHERE true')(folder);
    change(`INSERT INTO usage_hourly
      SELECT namespace, meter, customer, toStartOfHour(timestamp) AS hour, count(),
        sum(toDecimal256(value, 12)), max((timestamp, sequence, value)),
        max((sequence, timestamp, value))
      FROM events GROUP BY namespace, meter, customer, hour`)(folder);
  });
  assert.equal(exit.code, 1);
  assert.match(exit.stderr, /of the sequences \d+ to \d+ journal\.db gave .* and usage\/ has/u);
});

test('events that are gone, rollup and all, are a difference to what the journal gave', async () => {
  const exit = await auditAfter((folder) => {
    for (const table of ['events', 'usage_hourly']) {
      for (const part of partsOf(folder, table)) rmSync(part, { recursive: true });
    }
  });
  assert.equal(exit.code, 1);
  assert.match(exit.stderr, /journal\.db gave \d+ events of .* and usage\/ has 0 events/u);
});

test('a flipped bit in what nobody has read yet is named', async () => {
  const exit = await auditAfter((folder) => {
    const file = join(partsOf(folder, 'events')[0] ?? '', 'data.bin');
    const bytes = readFileSync(file);
    bytes[100] = bytes[100]! ^ 1;
    writeFileSync(file, bytes);
  });
  assert.equal(exit.code, 1);
  assert.match(exit.stderr, /usage\/ is damaged: events\/\w+: .*data\.bin/u);
});

test('an account that was changed is damage', async () => {
  const exit = await auditAfter((folder) => {
    const db = new Database(join(folder, 'journal.db'));
    db.exec("UPDATE moved SET totals = replace(totals, '1', '2')");
    db.close();
  });
  assert.equal(exit.code, 1);
  assert.match(exit.stderr, /journal\.db is damaged: the account/u);
});

test('a server finds by itself that its rollup differs', async () => {
  const folder = copyOf(made);
  change('ALTER TABLE usage_hourly UPDATE sum = sum + 1 WHERE true')(folder);
  const args = ['--audit-interval-seconds', '1'];
  const server = await Server.start({ folder, args });
  try {
    await until('the audit', () => server.stderr.includes('The rollup differs from the events.'));
    assert.equal((await server.stop()).code, 0);
  } finally {
    await server.kill();
    removeFolder(folder);
  }
});
