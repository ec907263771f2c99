/** A duplicate that is answered with success repeats an event that is on disk, wherever a `kill -9` falls (P1, P2). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMeter } from '../support/fixtures.ts';
import { call } from '../support/http.ts';
import { newRandom } from '../support/random.ts';
import { newClient } from '../support/sdk.ts';
import { Server } from '../support/server.ts';
import { total } from '../support/summaries.ts';
import { dayStart } from '../support/times.ts';

const ROUNDS = 4;
/** Each identifier is sent by so many clients at about the same time, so that most answers are about a duplicate. */
const SENDERS = 8;
const PATH = '/v1/billing/meter_events';

test('what a lenient duplicate acknowledged is stored once, whenever the process is killed', async (t) => {
  const random = newRandom();
  t.diagnostic(`seed ${random.seed} (TAXIMETER_SEED repeats its draws)`);
  const server = await Server.start({ args: ['--duplicates', 'ok'] });
  const acknowledged = new Map<string, string>();
  const sent = new Set<string>();
  try {
    const { event_name, id: meter } = await createMeter(newClient(server));
    for (let round = 0; round < ROUNDS; round += 1) {
      const killAfter = 1 + random.below(200);
      let answers = 0;
      let isKilled = false;
      const send = async (identifier: string): Promise<void> => {
        const body = {
          event_name,
          identifier,
          'payload[stripe_customer_id]': 'c',
          'payload[value]': '1',
        };
        sent.add(identifier);
        const answer = await call(server, { path: PATH, body }).catch(() => undefined);
        if (answer === undefined) return;
        assert.equal(answer.status, 200, answer.text);
        const first = acknowledged.get(identifier);
        if (first === undefined) acknowledged.set(identifier, answer.text);
        else assert.equal(answer.text, first, 'all are answered with the same event');
        answers += 1;
        if (answers !== killAfter) return;
        isKilled = true;
        await server.kill();
      };
      const sender = async (): Promise<void> => {
        for (let n = 0; !isKilled; n += 1) await send(`${round}-${n}`);
      };
      await Promise.all(Array.from({ length: SENDERS }, sender));
      await server.restart();
    }
    for (const [identifier, text] of acknowledged) {
      const found = await call(server, { path: `${PATH}/${identifier}` });
      assert.equal(found.status, 200, `acknowledged and lost: ${identifier}`);
      const { created } = JSON.parse(found.text) as { created: number };
      assert.equal(created, (JSON.parse(text) as { created: number }).created);
    }
    const range = { start_time: dayStart(1), end_time: dayStart(-1) };
    const counted = Number(await total(server, { meter, customer: 'c', ...range }));
    assert.ok(counted >= acknowledged.size && counted <= sent.size, `${counted} are counted`);
    const { length } = await listed(server);
    assert.equal(counted, length, 'each event once');
  } finally {
    await server.remove();
  }
});

/** The identifiers of all events; fails when one comes twice. */
async function listed(server: Server): Promise<readonly string[]> {
  const identifiers: string[] = [];
  let after = '';
  for (;;) {
    const answer = await call(server, { path: `${PATH}?limit=100${after}` });
    const page = JSON.parse(answer.text) as {
      readonly data: readonly { readonly id: string; readonly identifier: string }[];
      readonly has_more: boolean;
    };
    identifiers.push(...page.data.map(({ identifier }) => identifier));
    if (!page.has_more) break;
    after = `&starting_after=${page.data.at(-1)?.id}`;
  }
  assert.equal(new Set(identifiers).size, identifiers.length);
  return identifiers;
}
