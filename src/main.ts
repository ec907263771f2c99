#!/usr/bin/env node
import { audit } from './cli/audit.ts';
import { keys } from './cli/keys.ts';
import { serve } from './cli/serve.ts';
import { readAuditConfig, readKeysConfig, readServeConfig } from './config.ts';
import { StartupError } from './startup-error.ts';

const USAGE = `taximeter serve   the meter: an HTTP server that speaks Stripe's Billing Meters
    --port N                    TAXIMETER_PORT, 4747; 0 picks a free one
    --host ADDRESS              TAXIMETER_HOST, 127.0.0.1
    --data FOLDER               TAXIMETER_DATA, ./taximeter-data
    --customers any|registered  TAXIMETER_CUSTOMERS, any
    --past-days N               TAXIMETER_PAST_DAYS, 35: how old an event may be
    --identifier-window-days N  TAXIMETER_IDENTIFIER_WINDOW_DAYS, 35 or --past-days
    --journal-bytes-max N       TAXIMETER_JOURNAL_BYTES_MAX, 2147483648: how much may wait for the usage store
    --cancel-window-hours N     TAXIMETER_CANCEL_WINDOW_HOURS, no limit
    --session-minutes N         TAXIMETER_SESSION_MINUTES, 15, up to 1440
    --stream-events-max N       TAXIMETER_STREAM_EVENTS_MAX, 100, up to 10000: events in one call of the stream
    --audit-interval-seconds N  TAXIMETER_AUDIT_INTERVAL_SECONDS, 60; 0 is never: how often a random customer's day is recounted
    --accept-torn-log           once, after a loss of power: goes on without a last commit that is not whole
    TAXIMETER_SECRET_KEY        sk_test_… or sk_live_…; several, comma-separated

taximeter keys create [--live] [--account ID] [--data FOLDER]
taximeter keys list [--data FOLDER]
taximeter keys revoke KEY_ID [--data FOLDER]

taximeter audit [--from DAY|HOUR] [--to DAY|HOUR] [--meter ID] [--customer ID] [--account ID [--live]] [--json]
    [--data FOLDER]   on a stopped folder: compares the rollup, the events and what the journal gave`;

async function main([command, ...args]: readonly string[]): Promise<void> {
  if (args.includes('--help')) return console.log(USAGE);
  switch (command) {
    case 'serve':
      return await serve(readServeConfig(args, process.env));
    case 'keys':
      return await keys(readKeysConfig(args, process.env));
    case 'audit':
      return await audit(readAuditConfig(args, process.env));
    case 'help':
    case '--help':
    case '-h':
      console.log(USAGE);
      return;
    case undefined:
      throw new StartupError(USAGE);
    default:
      throw new StartupError(`Unknown command '${command}'.\n\n${USAGE}`);
  }
}

// What we make is for its owner: events, and the secret that identifiers are hashed under.
process.umask(0o077);

try {
  await main(process.argv.slice(2));
  // Handles that the engine may keep must not hold a finished process.
  process.exit(0);
} catch (error) {
  const reason = error instanceof StartupError ? error.message : error;
  console.error(reason);
  process.exit(1);
}
