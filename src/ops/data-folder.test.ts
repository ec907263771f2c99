import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../lib/clock.ts';
import { closeDataFolder, openDataFolder } from './data-folder.ts';
import { MovedError } from '../lib/files/open-paths.ts';

test('a folder that is not where it was does not close as if all were well', async (t) => {
  const parent = mkdtempSync(join(tmpdir(), 'taximeter-folder-'));
  t.after(() => rmSync(parent, { recursive: true }));
  const [data, aside] = [join(parent, 'data'), join(parent, 'aside')];
  const folder = await openDataFolder(data, systemClock, 'make');
  await folder.paths.look();
  renameSync(data, aside);
  await assert.rejects(closeDataFolder(folder), MovedError);
  // It was closed all the same: nothing holds it.
  renameSync(aside, data);
  await closeDataFolder(await openDataFolder(data, systemClock, 'must exist'));
});
