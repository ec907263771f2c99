/**
 * P2 where the engine's list of tokens and its parts disagree: it notes a part's token just before the part gets its name.
 * The kill, and the error, come exactly there: a random kill finds these microseconds once in very many.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault, noFaults } from '../support/fault.ts';
import { unique } from '../support/random.ts';
import { Metered } from './metered.ts';

const skip = (await noFaults()) ?? false;

for (const [when, what] of [
  ['1', 'events'],
  ['2', 'rollup'],
] as const) {
  for (const kills of [true, false]) {
    const fault = kills ? 'killed' : 'refused by the disk';
    test(
      `${fault} where a part of the ${what} gets its name: nothing is lost or doubled`,
      { skip },
      async (t) => {
        const metered = await Metered.start(t, {});
        const { server } = metered;
        await metered.send(unique('evt'));
        assert.equal(await metered.counted(), 1);

        const rename = await Fault.begin(server.pid, { calls: ['rename'], when, kills });
        t.after(async () => await rename.end());
        await metered.send(unique('evt'));
        await metered.send(unique('evt'));
        await metered.counted().catch(() => undefined);
        const { code, signal, stderr } = await server.exited;
        assert.deepEqual([code, signal], kills ? [null, 'SIGKILL'] : [1, null], stderr);
        if (!kills)
          assert.match(stderr, /Stopping, because its usage store is not sure of an insert/u);

        await server.restart();
        assert.equal(await metered.counted(), 3);
        await metered.assertAudited();
      },
    );
  }
}
