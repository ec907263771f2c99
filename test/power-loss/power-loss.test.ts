/**
 * P1 and P2 when the power goes: a server on a disk that remembers its writes, cut at drawn moments. `npm run powerloss -- --long`
 * does it for every file system, in recoveries too.
 */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { suite, test } from 'node:test';
import { newRandom } from '../support/random.ts';
import { newFolder } from '../support/server.ts';
import { drawCuts, judgeCuts, record, type Where } from './campaign.ts';
import { noPowerCuts, type FileSystem } from './disk.ts';
import { Recording } from './images.ts';

/** btrfs brings no other folder to disk with a sync; ext4 cuts an insert in its middle most often. */
const SHORT: readonly [FileSystem, number, readonly Where[]][] = [
  [
    'ext4',
    5,
    [
      { cuts: 6, nearInserts: 0.8, when: 'after' },
      { cuts: 1, nearInserts: 0, when: 'before' },
    ],
  ],
  ['btrfs', 3, [{ cuts: 3, nearInserts: 0.3, when: 'after' }]],
];

suite('power is cut', () => {
  for (const [fs, seconds, wheres] of SHORT) {
    const skip = noPowerCuts(fs) ?? false;
    test(`on ${fs}: all that was acknowledged is there, once`, { skip }, async (t) => {
      const random = newRandom();
      t.diagnostic(`TAXIMETER_SEED=${random.seed}`);
      const setting = { work: newFolder(), fs, seed: random.seed };
      await record(setting, { seconds });
      const recording = new Recording(setting.work);
      const cuts = wheres.flatMap((where) => drawCuts(recording, where, random));
      for await (const { cut, faults } of judgeCuts(setting, recording, cuts)) {
        assert.deepEqual(faults, [], `cut ${cut.at}:${cut.mode} in ${setting.work}`);
      }
      recording.close();
      // After a fault it stays, to be looked at.
      rmSync(setting.work, { recursive: true });
    });
  }
});
