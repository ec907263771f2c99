/**
 * A folder of every earlier release opens: all that it answered is answered, all that it knew is known. One of a later
 * release is refused.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import Database from 'better-sqlite3';
import { call, errorOf, toForm } from '../support/http.ts';
import { readRejections } from '../support/rejections.ts';
import { newFolder, removeFolder, runCli, Server } from '../support/server.ts';
import { readStored } from '../support/stored.ts';
import { tell } from '../support/stream.ts';
import { nowS } from '../support/times.ts';
import { FIXTURES, readList, readSummaries, withoutNew, type Release } from './release.ts';

const RELEASES = readdirSync(FIXTURES)
  .filter((name) => name.endsWith('.json'))
  .map((name) => name.slice(0, -'.json'.length));

/** A copy of the release's folder, in a folder that the caller removes. */
function unpack(release: string): string {
  const folder = join(newFolder(), 'data');
  mkdirSync(folder);
  const tar = spawnSync('tar', ['-C', folder, '-xzf', join(FIXTURES, `${release}.tar.gz`)]);
  assert.equal(tar.status, 0, tar.stderr.toString());
  return folder;
}

for (const name of RELEASES) {
  describe(`a folder of release ${name}`, () => {
    const release = JSON.parse(readFileSync(join(FIXTURES, `${name}.json`), 'utf8')) as Release;

    test('answers what it answered, and knows what it knew', async () => {
      const folder = unpack(name);
      const clockShiftS = release.madeAtS + 60 - nowS();
      const server = await Server.start({ folder, keys: null, clockShiftS });
      const { test: key, live } = release.keys;
      try {
        for (const time of ['first', 'second']) {
          const summaries = await readSummaries(server, release, key);
          assert.deepEqual(withoutNew(summaries, release.summaries), release.summaries, time);
          for (const { path, text } of release.lists) {
            const then: unknown = JSON.parse(text);
            const now: unknown = JSON.parse((await readList(server, path, key)).text);
            assert.deepEqual(withoutNew(now, then), then, path);
          }
          for (const kept of release.keyed) {
            const answer = await call(server, kept.call);
            assert.deepEqual([answer.status, answer.text], [200, kept.text]);
            assert.equal(answer.headers['idempotent-replayed'], 'true');
          }
          for (const { event_name, identifier } of release.events) {
            const body = toForm({
              event_name,
              identifier,
              'payload[stripe_customer_id]': 'cus_x',
              'payload[who]': 'cus_x',
              'payload[value]': 1,
              'payload[how_much]': 1,
            });
            const answer = await call(server, { path: '/v1/billing/meter_events', body, key });
            assert.equal(errorOf(answer).code, 'duplicate_meter_event', identifier);
          }
          const inStream = {
            event_name: 'summed',
            identifier: 'streamed',
            payload: { stripe_customer_id: 'c', value: '1' },
          };
          assert.equal((await tell(server, release.sessionToken, [inStream])).duplicates, 1);
          for (const { event_name, identifier } of release.cancelled) {
            const body = toForm({ type: 'cancel', event_name, 'cancel[identifier]': identifier });
            const answer = await call(server, {
              path: '/v1/billing/meter_event_adjustments',
              body,
              key,
            });
            assert.equal(answer.status, 200, answer.text);
          }
          // A key that was made opens its own mode only.
          assert.doesNotMatch((await readList(server, '/v1/billing/meters', live)).text, /mtr_/u);
          if (time === 'first') {
            assert.equal((await server.stop()).code, 0);
            await server.restart();
          }
        }
        await server.stop();
        const kept = Map.groupBy(await readRejections(folder), ({ code }) =>
          code === 'duplicate_meter_event' ? 'duplicates' : 'rejections',
        );
        assert.equal(kept.get('rejections')?.length, release.rejections);
        assert.equal(kept.get('duplicates')?.length, 2, 'one each time, of another customer');
        const audit = await runCli(['audit', '--data', folder]);
        assert.match(audit.stdout, /, 0 differences/u, audit.stderr);
      } finally {
        await server.remove();
        removeFolder(join(folder, '..'));
      }
    });

    for (const [part, makeNewer] of [
      ['journal', (folder) => setVersion(join(folder, 'journal.db'))],
      ['catalog', (folder) => setVersion(join(folder, 'catalog.db'))],
      [
        'usage store',
        async (folder) => {
          await readStored(folder, "INSERT INTO schema_steps SELECT 7001, now('UTC')");
        },
      ],
    ] as [string, (folder: string) => void | Promise<void>][]) {
      test(`is refused in one line when a later release has changed its ${part}`, async () => {
        const folder = unpack(name);
        await makeNewer(folder);
        for (const command of [
          ['serve', '--port', '0'],
          ['audit'],
          ['backup', '--to', `${folder}-to`],
          ['prune', '--before', '2020-01-01'],
        ]) {
          const exit = await runCli([...command, '--data', folder], { keys: null });
          assert.equal(exit.code, 1, command[0]);
          assert.match(
            exit.stderr,
            new RegExp(
              `^The ${part}[^\\n]* was made by a newer version[^\\n]*7001[^\\n]*\\n$`,
              'u',
            ),
          );
        }
        removeFolder(join(folder, '..'));
      });
    }
  });
}

function setVersion(file: string): void {
  const db = new Database(file);
  db.pragma('user_version = 7001');
  db.close();
}
