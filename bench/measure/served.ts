/** Servers with the meter of the load, and the official SDK that talks to them. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Stripe from 'stripe';
import { EVENT_NAME } from '../load/requests.ts';
import { removeFolder, type Cleanups } from './cleanups.ts';
import { start, type Running } from './processes.ts';

export const KEY = 'sk_test_bench0123456789abcdef01';

/** On a new folder; stopped and removed by the clean-ups. */
export async function serve(cleanups: Cleanups): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'taximeter-bench-'));
  cleanups.add(() => removeFolder(folder));
  const flags = ['--port', '0', '--data', folder, '--webhook-allow-private'];
  const env = { TAXIMETER_SECRET_KEY: KEY };
  const server = await start(cleanups, '../src/main.ts', ['serve', ...flags], env);
  await clientOf(server).billing.meters.create({
    display_name: 'Bench',
    event_name: EVENT_NAME,
    default_aggregation: { formula: 'sum' },
  });
  return server;
}

export function clientOf({ port }: Running): Stripe {
  return new Stripe(KEY, { host: '127.0.0.1', port, protocol: 'http' });
}
