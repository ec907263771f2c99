/** `kill -9` of the command or of the server while a backup is made: no half a backup looks finished, and the server's folder is fine. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createMeter } from '../support/fixtures.ts';
import { newRandom, unique } from '../support/random.ts';
import { newClient } from '../support/sdk.ts';
import { newFolder, removeFolder, REPO, runCli, Server } from '../support/server.ts';
import { openStream, tell } from '../support/stream.ts';
import { total } from '../support/summaries.ts';
import { DAY_S, dayStart } from '../support/times.ts';
import { pause, until } from '../support/wait.ts';

const KILLS = Number(process.env['TAXIMETER_BACKUP_KILLS'] ?? '10');
const BATCH = 1000;

test(`${KILLS} kills during a backup`, { timeout: 600_000 + KILLS * 60_000 }, async (t) => {
  const random = newRandom();
  t.diagnostic(`seed ${random.seed} (TAXIMETER_SEED repeats its draws)`);
  const parent = newFolder();
  const server = await Server.start({ args: ['--stream-events-max', '10000'] });
  const startS = dayStart(2);
  const { id: meter, event_name } = await createMeter(newClient(server), { formula: 'count' });
  let sent = 0;
  const send = async (): Promise<void> => {
    const events = Array.from({ length: BATCH }, (_, n) => ({
      event_name,
      identifier: unique('event'),
      timestamp: new Date((startS + 7 * n) * 1000).toISOString(),
      payload: { stripe_customer_id: 'cus_1', filler: unique('filler') },
    }));
    assert.equal((await tell(server, await openStream(server), events)).accepted, BATCH);
    sent += BATCH;
  };
  const counted = async (of: Server): Promise<number> =>
    Number(
      await total(of, {
        meter,
        customer: 'cus_1',
        start_time: startS,
        end_time: startS + 2 * DAY_S,
      }),
    );
  const to = join(parent, 'backup');
  const outcomes = { finished: 0, none: 0 };
  try {
    for (let kills = 0; kills < KILLS; kills += 1) {
      await send();
      const command = spawn(
        process.execPath,
        [join(REPO, 'src/main.ts'), 'backup', '--to', to, '--data', server.folder],
        { stdio: 'ignore' },
      );
      const ended = once(command, 'exit');
      // Often in the middle: the command starts for half of this.
      await pause(random.below(1200));
      if (random.chance(0.5)) {
        command.kill('SIGKILL');
        await ended;
      } else {
        await server.kill();
        await ended;
        await server.restart();
      }
      await until('the snapshot is gone', () => !existsSync(join(server.folder, 'snapshot')));
      assert.equal(await counted(server), sent, 'the folder is fine');
      outcomes[existsSync(to) ? 'finished' : 'none'] += 1;
      if (existsSync(to))
        await checkWhole(to, join(parent, 'restored'), async (of) => await counted(of), sent);
      for (const left of [to, `${to}.partial`]) rmSync(left, { recursive: true, force: true });
    }
    t.diagnostic(`${outcomes.finished} finished before the kill, ${outcomes.none} left none`);
    const exit = await runCli(['backup', '--to', to, '--data', server.folder]);
    assert.equal(exit.code, 0, exit.stderr);
    await checkWhole(to, join(parent, 'restored'), async (of) => await counted(of), sent);
  } finally {
    await server.remove();
    removeFolder(parent);
  }
});

/** What looks like a backup is one. */
async function checkWhole(
  from: string,
  folder: string,
  counted: (of: Server) => Promise<number>,
  sent: number,
): Promise<void> {
  const exit = await runCli(['restore', '--from', from, '--data', folder]);
  assert.equal(exit.code, 0, exit.stderr);
  const restored = await Server.start({ folder });
  assert.equal(await counted(restored), sent);
  await restored.remove();
  removeFolder(folder);
}
