#!/usr/bin/env node
import { audit } from './cli/audit.ts';
import { backup } from './cli/backup.ts';
import { resendEvent } from './cli/events.ts';
import { keys } from './cli/keys.ts';
import { listen } from './cli/listen.ts';
import { refuseOldNode } from './cli/node-floor.ts';
import { prune } from './cli/prune.ts';
import { restore } from './cli/restore.ts';
import { serve } from './cli/serve.ts';
import { readEventsConfig, readListenConfig } from './config/client-config.ts';
import {
  readAuditConfig,
  readBackupConfig,
  readPruneConfig,
  readRestoreConfig,
  readServeConfig,
} from './config/config.ts';
import { readKeysConfig } from './config/keys-config.ts';
import { exit } from './lib/log.ts';
import { StartupError } from './lib/startup-error.ts';
import { print, printError, printFailure } from './lib/terminal.ts';

const USAGE = `taximeter serve   the meter: an HTTP server that speaks Stripe's Billing Meters
    --port N                    TAXIMETER_PORT, 4747; 0 picks a free one
    --host ADDRESS              TAXIMETER_HOST, 127.0.0.1
    --data FOLDER               TAXIMETER_DATA, ./taximeter-data
    --customers any|registered  TAXIMETER_CUSTOMERS, any
    --past-days N               TAXIMETER_PAST_DAYS, 35: how old an event may be
    --identifier-window-days N  TAXIMETER_IDENTIFIER_WINDOW_DAYS, 35 or --past-days
    --identifiers-in-memory N   TAXIMETER_IDENTIFIERS_IN_MEMORY, 4000000: as many as are in no file
    --journal-bytes-max N       TAXIMETER_JOURNAL_BYTES_MAX, 2147483648: how much may wait for the usage store
    --disk-reserve-bytes N      TAXIMETER_DISK_RESERVE_BYTES, 268435456, or a twentieth of a small disk: with less room,
                                nothing new is taken in
    --cancel-window-hours N     TAXIMETER_CANCEL_WINDOW_HOURS, no limit
    --session-minutes N         TAXIMETER_SESSION_MINUTES, 15, up to 1440
    --stream-events-max N       TAXIMETER_STREAM_EVENTS_MAX, 100, up to 10000: events in one call of the stream
    --log-level LEVEL           TAXIMETER_LOG_LEVEL, info: debug, info, warn, error or silent
    --metrics api|PORT|off      TAXIMETER_METRICS, api: /metrics on the API's port, on one of its own, or not at all
    --stuck-seconds N           TAXIMETER_STUCK_SECONDS, 30: a commit that takes longer fails /healthz
    --rate-limit N              TAXIMETER_RATE_LIMIT, no limit: requests a second of each key
    --auth-failures-max N       TAXIMETER_AUTH_FAILURES_MAX, 30: wrong keys that an address may try in a minute; 0: any
    --proxies N                 TAXIMETER_PROXIES, 0: proxies in front, each of which adds to X-Forwarded-For
    --connections-max N         TAXIMETER_CONNECTIONS_MAX, 10000: past it, the connection idle for longest gives way
    --read-seconds N            TAXIMETER_READ_SECONDS, 10: how long a read waits for the usage store
    --stop-seconds N            TAXIMETER_STOP_SECONDS, 25: how long a stop may take
    --events-days N             TAXIMETER_EVENTS_DAYS, 30: how long events of webhooks are kept, 4 at least
    --webhook-allow-private     TAXIMETER_WEBHOOK_ALLOW_PRIVATE, false: webhooks to private addresses, and over http
    --audit-interval-seconds N  TAXIMETER_AUDIT_INTERVAL_SECONDS, 60; 0 is never: how often a random customer's day is recounted
    --accept-torn-log           once, after a loss of power: goes on without a last commit that is not whole
    TAXIMETER_SECRET_KEY        sk_test_… or sk_live_…; several, comma-separated

taximeter keys create [--live] [--account ID] [--restricted --scope SCOPE,…] [--expires-in-days N] [--name NAME]
                      [--data FOLDER]
taximeter keys list [--data FOLDER]
taximeter keys revoke KEY_ID [--data FOLDER]

taximeter listen [--forward-to URL] [--forward-thin-to URL] [--events TYPE,…] [--api-version VERSION]
                 [--url URL] [--api-key-file FILE]
    prints events as they come and forwards them, signed by a secret that it prints
    --api-version               TAXIMETER_API_VERSION, 2026-10-28.endive: what snapshots say; SDKs of Go, Java and .NET take
                                their own release train alone
taximeter events resend EVENT_ID [--webhook-endpoint ID] [--url URL] [--api-key-file FILE]
    --url                       TAXIMETER_URL, http://127.0.0.1:4747: where the server is
    TAXIMETER_API_KEY           its key, unless a file holds it

taximeter audit [--from DAY|HOUR] [--to DAY|HOUR] [--meter ID] [--customer ID] [--account ID [--live]] [--json]
    [--data FOLDER | --backup BACKUP]   compares the rollup, the events and what the journal gave: of a stopped folder, or
                                        of a backup, which it restores for that into the folder for temporary files

taximeter backup --to FOLDER [--base BACKUP] [--data FOLDER]   also while a server runs
taximeter restore --from BACKUP --data FOLDER                  into a new folder

taximeter prune --before YYYY-MM-01 [--yes] [--data FOLDER]    drops raw events, keeps usage by the hour`;

const HELP = USAGE.split('\n');

/** What there is to choose from follows it. */
class UsageError extends StartupError {}

async function main([command, ...args]: readonly string[]): Promise<void> {
  refuseOldNode(process.versions.node);
  if (args.includes('--help')) return print(...HELP);
  switch (command) {
    case 'serve':
      return await serve(readServeConfig(args, process.env));
    case 'keys':
      return await keys(readKeysConfig(args, process.env));
    case 'audit':
      return await audit(readAuditConfig(args, process.env));
    case 'backup':
      return await backup(readBackupConfig(args, process.env));
    case 'prune':
      return await prune(readPruneConfig(args, process.env));
    case 'restore':
      return restore(readRestoreConfig(args));
    case 'listen':
      return await listen(readListenConfig(args, process.env));
    case 'events':
      return await resendEvent(readEventsConfig(args, process.env));
    case 'help':
    case '--help':
    case '-h':
      print(...HELP);
      return;
    case undefined:
      throw new UsageError('Which command?');
    default:
      throw new UsageError(`Unknown command '${command}'.`);
  }
}

// What we make is for its owner: events, and the secret that identifiers are hashed under.
process.umask(0o077);

try {
  await main(process.argv.slice(2));
  // Handles that the engine may keep must not hold a finished process.
  await exit(0);
} catch (error) {
  printFailure(error);
  if (error instanceof UsageError) printError('', ...HELP);
  await exit(1);
}
