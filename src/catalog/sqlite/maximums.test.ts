/** Of each thing there may be so many: one more is refused, clearly, and changes nothing. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import Database from 'better-sqlite3';
import {
  activate,
  ALERTS_ABOUT_ONE_MAX,
  ALERTS_MAX,
  archive,
  deactivate as deactivateAlert,
} from '../../domain/alert.ts';
import { ApiError } from '../../domain/errors.ts';
import { KEYS_MAX } from '../../domain/key.ts';
import { deactivate, METERS_MAX, METERS_OF_EVENT_NAME_MAX } from '../../domain/meter.ts';
import { StartupError } from '../../lib/startup-error.ts';
import type { Catalog } from '../catalog.ts';
import { aKey, aMeter, anAlert, NAMESPACE, OTHERS, sha256 } from '../contract/fixtures.ts';
import { openSqliteCatalog } from './sqlite-catalog.ts';

const [OTHER = NAMESPACE] = OTHERS;

/** A catalog into which `sql` put rows before it was opened: one by one would take minutes. `numbers (n)` counts to `count`. */
function openWith(t: TestContext, count = 0, sql?: string): Catalog {
  const folder = mkdtempSync(join(tmpdir(), 'taximeter-maximums-'));
  const file = join(folder, 'catalog.db');
  if (sql !== undefined) {
    openSqliteCatalog(file).close();
    const db = new Database(file);
    db.prepare(
      `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?) ${sql}`,
    ).run(count);
    db.close();
  }
  const catalog = openSqliteCatalog(file);
  t.after(() => {
    catalog.close();
    rmSync(folder, { recursive: true });
  });
  return catalog;
}

function tooMany(reason: 'too_many_alerts' | 'too_many_meters', message: RegExp) {
  return (error: unknown): true => {
    assert.ok(error instanceof ApiError, String(error));
    assert.equal(error.reason, reason);
    assert.match(error.message, message);
    return true;
  };
}

test('alerts of a namespace: one more when one was archived', async (t) => {
  const { alerts } = openWith(
    t,
    ALERTS_MAX,
    `INSERT INTO alerts
      (namespace, id, title, meter, customer, gte, recurrence, status, created_s, since_sequence)
    SELECT '${NAMESPACE}', 'alrt_' || n, 'One', 'mtr_1', 'cus_' || n, '1', 'one_time',
      iif(n % 2, 'active', 'inactive'), 0, 0 FROM numbers`,
  );
  const one = anAlert('alrt_more');
  const message = /^You have reached the maximum of 100,000 test billing alerts\. Archive some/u;
  await assert.rejects(alerts.create(one), tooMany('too_many_alerts', message));
  assert.equal(await alerts.find(NAMESPACE, one.id), undefined);
  await alerts.create(anAlert('alrt_more', { namespace: OTHER }));
  await alerts.change(NAMESPACE, 'alrt_7', archive);
  await alerts.change(NAMESPACE, 'alrt_7', archive);
  await alerts.create(one);
  await assert.rejects(alerts.create(anAlert('alrt_2nd')), tooMany('too_many_alerts', message));
});

test('active alerts about all customers of a meter, and about each one', async (t) => {
  const { alerts } = openWith(t);
  for (const customer of [null, 'cus_1', 'cus_2']) {
    const name = (n: number): string => `alrt_${customer}_${n}`;
    for (let n = 0; n < ALERTS_ABOUT_ONE_MAX; n += 1) {
      await alerts.create(anAlert(name(n), { customer }));
    }
    const whom = customer === null ? 'all customers' : 'one customer';
    const refusal = tooMany(
      'too_many_alerts',
      new RegExp(`maximum of 25 active billing alerts about ${whom} for one meter`, 'u'),
    );
    await assert.rejects(alerts.create(anAlert(name(25), { customer })), refusal);
    assert.equal(alerts.active.count('mtr_1', customer), ALERTS_ABOUT_ONE_MAX);
    // An inactive one leaves its place, and cannot take it back when it is taken.
    await alerts.change(NAMESPACE, name(3), deactivateAlert);
    await alerts.create(anAlert(name(25), { customer }));
    const back = alerts.change(NAMESPACE, name(3), (alert) => activate(alert, 5));
    await assert.rejects(back, refusal);
    assert.equal((await alerts.find(NAMESPACE, name(3)))?.status, 'inactive');
    await alerts.change(NAMESPACE, name(4), (alert) => activate(alert, 5));
  }
  await alerts.create(anAlert('alrt_other', { meterId: 'mtr_2' }));
});

test('meters of a namespace, active or not', async (t) => {
  const { meters } = openWith(
    t,
    METERS_MAX,
    `INSERT INTO meters
      (namespace, id, display_name, event_name, formula, customer_key, value_key, status, created_s, updated_s)
    SELECT '${NAMESPACE}', 'mtr_' || n, 'One', 'event_' || (n / 50), 'sum', 'c', 'v', 'inactive', 0, 0
    FROM numbers`,
  );
  const message = /^You have reached the maximum of 10,000 test meters\.$/u;
  await assert.rejects(meters.create(aMeter('mtr_more')), tooMany('too_many_meters', message));
  assert.equal(await meters.find(NAMESPACE, 'mtr_more'), undefined);
  await meters.create(aMeter('mtr_more', { namespace: OTHER }));
});

test('meters of an event name, active or not', async (t) => {
  const { meters } = openWith(t);
  for (let n = 0; n < METERS_OF_EVENT_NAME_MAX; n += 1) {
    await meters.create(aMeter(`mtr_${n}`, { eventName: 'rides' }));
    await meters.change(NAMESPACE, `mtr_${n}`, (meter) => deactivate(meter, 1));
  }
  const message = /^You have reached the maximum of 100 meters with the event name 'rides'\./u;
  const more = meters.create(aMeter('mtr_more', { eventName: 'rides' }));
  await assert.rejects(more, tooMany('too_many_meters', message));
  assert.equal(meters.ofEventName(NAMESPACE, 'rides').length, METERS_OF_EVENT_NAME_MAX);
  await meters.create(aMeter('mtr_more', { eventName: 'trips' }));
});

test('keys that are not revoked', async (t) => {
  const { keys } = openWith(
    t,
    KEYS_MAX,
    `INSERT INTO keys (id, account, mode, secret_sha256, hint, created_ms)
    SELECT 'key_' || n, (SELECT id FROM accounts), 'test', 'hash ' || n, 'sk_test_****', 0 FROM numbers`,
  );
  const more = keys.create(aKey('key_more'), sha256('more'));
  await assert.rejects(more, (error) => {
    assert.ok(error instanceof StartupError);
    assert.match(error.message, /^There are 10,000 keys that are not revoked[^\n]*Revoke some/u);
    return true;
  });
  assert.equal(keys.find(sha256('more')), undefined);
  await keys.revoke('key_1', 1);
  await keys.create(aKey('key_more'), sha256('more'));
  assert.ok(keys.find(sha256('more')));
});

test('uses of more keys than one transaction takes are all saved; what could not be is saved later', async (t) => {
  const { keys } = openWith(
    t,
    1200,
    `INSERT INTO keys (id, account, mode, secret_sha256, hint, created_ms)
    SELECT 'key_' || n, (SELECT id FROM accounts), 'test', 'hash ' || n, 'sk_test_****', 0 FROM numbers`,
  );
  for (let n = 1; n <= 1200; n += 1) keys.noteUse(`key_${n}`, n);
  const saved = keys.saveUse();
  // A later use is not overtaken by the one that is being saved.
  keys.noteUse('key_1200', 9999);
  await saved;
  await keys.saveUse();
  const uses = new Map((await keys.list()).map(({ id, lastUsedMs }) => [id, lastUsedMs]));
  for (let n = 1; n < 1200; n += 1) assert.equal(uses.get(`key_${n}`), n);
  assert.equal(uses.get('key_1200'), 9999);
});
