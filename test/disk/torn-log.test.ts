/**
 * What a loss of power leaves at the end of SQLite's logs, and who decides that it was one: the machine, by its boot. Of a commit
 * that was not acknowledged, a later part is there and an earlier one is not.
 */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { copyOf, judge, makeFolder, removeMade, type MadeFolder } from '../damage/made-folder.ts';
import { newRandom } from '../support/random.ts';
import { removeFolder, Server } from '../support/server.ts';
import { pause } from '../support/wait.ts';

let made: MadeFolder;
before(async () => {
  made = await makeFolder('killed');
});
after(() => removeMade(made));

/** A copy in which a commit was begun and not synced; the caller removes it. */
function torn(name: string): string {
  const folder = copyOf(made);
  const file = join(folder, `${name}-wal`);
  const log = readFileSync(file);
  const frameBytes = 24 + log.readUInt32BE(8);
  let end = 32;
  while (end < log.length && log.compare(log, 16, 24, end + 8, end + 16) === 0) end += frameBytes;
  const frame = Buffer.from(log.subarray(end - frameBytes, end));
  // Of this log, and the end of a commit, and not what the frame's checksum says.
  frame.writeUInt32BE(1, 4);
  frame.writeUInt8(frame.readUInt8(frameBytes - 1) ^ 1, frameBytes - 1);
  writeFileSync(file, Buffer.concat([log.subarray(0, end), frame]));
  return folder;
}

/** As if the machine had been started again since. */
function startAgain(folder: string): void {
  writeFileSync(join(folder, 'last-boot'), '01234567-89ab-cdef-0123-456789abcdef\n');
}

const skip = process.platform === 'linux' ? false : 'this machine does not tell its boot in a file';

for (const name of ['journal.db', 'catalog.db']) {
  suite(`the end of ${name}'s log is torn`, { skip }, () => {
    test('and the machine was started again: the server starts, and says so; once', async () => {
      const folder = torn(name);
      startAgain(folder);
      const server = await Server.start({ folder });
      await server.kill();
      assert.match(server.stderr, new RegExp(`"level":"warn".*${name}-wal: .*lost power`, 'u'));
      const outcome = await judge(made, folder, ({ stderr }) =>
        assert.doesNotMatch(stderr, /lost power/u),
      );
      assert.equal(outcome, 'as before');
    });

    test('and it was started again, and that start is killed: the next one goes on too', async (t) => {
      const random = newRandom();
      t.diagnostic(`TAXIMETER_SEED=${random.seed}`);
      const folder = torn(name);
      startAgain(folder);
      for (let time = 0; time < 3; time += 1) {
        const server = Server.launch({ folder });
        await pause(random.below(900));
        await server.kill();
      }
      assert.equal(await judge(made, folder), 'as before');
    });

    test('in the same boot, or one that was not noted: refused, until that is asked for', async () => {
      for (const isNoted of [true, false]) {
        const folder = torn(name);
        if (!isNoted) rmSync(join(folder, 'last-boot'));
        for (let time = 0; time < 2; time += 1) {
          const refused = Server.launch({ folder });
          const { code, stderr } = await refused.exited;
          assert.equal(code, 1);
          assert.match(stderr, /not known to have been started again.*--accept-torn-log/u);
        }
        const server = await Server.start({ folder, args: ['--accept-torn-log'] });
        await server.kill();
        assert.equal(await judge(made, folder), 'as before');
        removeFolder(folder);
      }
    });
  });
}
