/**
 * Where does a request end? Each case of framing-cases.ts by both readers of requests, in one piece and in three: the
 * verdict is the same, what is refused is not carried out, nor what is within a body, nor what is behind a refusal.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { EVENT_NAME, fill, FRAMING, idsOf, type Case } from '../support/framing-cases.ts';
import { createMeter } from '../support/fixtures.ts';
import { countOf, verdictOf } from '../support/framing.ts';
import { newClient, type Stripe } from '../support/sdk.ts';
import { Server } from '../support/server.ts';
import { inParallel, pause, within } from '../support/wait.ts';

type Cut = (bytes: Buffer) => readonly Buffer[];
/** Whatever the reader waits for, it does not wait for it at these places alone. */
const CUTS: Readonly<Record<string, Cut>> = {
  whole: (bytes) => [bytes],
  'in pieces': (bytes) => {
    const third = Math.floor(bytes.length / 3);
    return [bytes.subarray(0, third), bytes.subarray(third, 2 * third), bytes.subarray(2 * third)];
  },
};

/** What comes back until the server closes. */
async function exchange(server: Server, pieces: readonly Buffer[]): Promise<string> {
  const socket = connect(server.port, server.host).setNoDelay(true);
  let text = '';
  socket.setEncoding('latin1').on('data', (more: string) => (text += more));
  // A server that closes before it has read everything resets the connection.
  socket.on('error', () => undefined);
  const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(text)));
  for (const piece of pieces) {
    socket.write(piece);
    if (pieces.length > 1) await pause(3);
  }
  return await within('the server closes', closed);
}

for (const fastPath of ['on', 'off']) {
  describe(`--http-fast-path ${fastPath}`, () => {
    let server: Server;
    let meter: Stripe.Billing.Meter;
    let cases = 0;
    let carriedOut = 0;
    before(async () => {
      server = await Server.start({ args: ['--http-fast-path', fastPath] });
      meter = await createMeter(newClient(server), { event_name: EVENT_NAME, formula: 'count' });
    });
    after(async () => {
      await server.remove();
    });

    /** What became of it, by the answers. */
    async function judge({ sends, verdict }: Case, cut: Cut): Promise<string> {
      const ids = idsOf('a', (cases += 1));
      carriedOut += verdict.match(/first|next/gu)?.length ?? 0;
      const pieces = cut(Buffer.from(fill(sends, ids), 'latin1'));
      const found = verdictOf(await exchange(server, pieces), ids);
      // A piece that comes after the connection was closed resets it, and the refusal may be lost on its way.
      return found === '' && pieces.length > 1 && verdict === 'malformed' ? verdict : found;
    }

    for (const [group, table] of Object.entries(FRAMING)) {
      for (const [how, cut] of Object.entries(CUTS)) {
        test(`${group}, ${how}`, async () => {
          const found = await inParallel(Object.entries(table), 16, async ([name, one]) => [
            name,
            await judge(one, cut),
          ]);
          const verdicts = Object.entries(table).map(([name, { verdict }]) => [name, verdict]);
          assert.deepEqual(found, verdicts);
        });
      }
    }

    test('and what was carried out is what was answered', async () => {
      assert.ok(carriedOut > 100);
      assert.equal(await countOf(server, meter), carriedOut);
    });
  });
}
