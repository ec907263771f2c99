import type { Catalog } from '../catalog/catalog.ts';
import { systemClock } from '../clock.ts';
import type { ServeConfig } from '../config.ts';
import { closeDataFolder, openDataFolder, type DataFolder } from '../data-folder.ts';
import { hashSecret } from '../http/auth.ts';
import { EventIds } from '../http/event-ids.ts';
import { Idempotency } from '../http/idempotency.ts';
import { routes } from '../http/routes.ts';
import { ApiServer, type Api } from '../http/server.ts';
import { Ingest } from '../ingest/ingest.ts';
import { SampleAudit } from '../ingest/sample-audit.ts';
import { DamagedRunError } from '../ingest/remembered/run-file.ts';
import { logError, logWarning, outliveOutput } from '../log.ts';
import { toNamespace, type Namespace } from '../namespace.ts';
import { HOUR_MS } from '../summaries/windows.ts';
import { UsageReader } from '../usage/usage-reader.ts';
import { createKey } from './keys.ts';

/** How often is looked whether identifiers have to make room: some 50,000 may come in between. */
const SEAL_MS = 100;

/** `taximeter serve`: until SIGTERM or SIGINT, then finishes what was accepted and returns. */
export async function serve(config: ServeConfig): Promise<void> {
  const stopAsked = stopSignal();
  outliveOutput();
  const server = new ApiServer(systemClock);
  // Before the folder: a port in use should not cost a recovery.
  const port = await server.listen(config.port, config.host);
  try {
    await serveFolder(config, server, port, stopAsked);
  } finally {
    await server.close();
  }
}

async function serveFolder(
  config: ServeConfig,
  server: ApiServer,
  port: number,
  stopAsked: Promise<void>,
): Promise<void> {
  warnOfShortMemory(config);
  const { acceptTornLog } = config;
  const folder = await openDataFolder(config.data, systemClock, 'make', { acceptTornLog });
  const { journal, catalog, store } = folder;
  const ingest = new Ingest({
    journal,
    store,
    answers: catalog.answers,
    dataFolder: config.data,
    identifierWindowDays: config.identifierWindowDays,
    journalBytesMax: config.journalBytesMax,
    onStoreFailure: (error) => logError('The usage store refused an insert; trying again.', error),
    onRepair: (what) => logWarning(what),
    onSealFailure: (error) =>
      logError('Identifiers or keys could not be brought to disk; trying again.', error),
    onFatal: (error) => stopRatherThanLie(server, error),
  });
  await ingest.recover(systemClock.nowMs());
  await printFirstKey(config, catalog);
  server.serve(toApi(config, folder, ingest));
  console.log(`Taximeter is listening on http://${shownHost(config.host)}:${port}`);

  const sealing = setInterval(() => ingest.seal(systemClock.nowMs()), SEAL_MS);
  const hourly = setInterval(() => void forgetWhatIsOld(ingest), HOUR_MS);
  const auditing = sampleAudit(folder, ingest);
  if (config.auditIntervalSeconds > 0) auditing.start(config.auditIntervalSeconds * 1000);
  await stopAsked;
  await auditing.close();
  clearInterval(sealing);
  clearInterval(hourly);
  await server.close();
  await ingest.close();
  await closeDataFolder(folder);
}

/** More than this waits: the machine has better to do than to recount. */
const AUDIT_BYTES_WAITING_MAX = 8 * 1024 * 1024;

function sampleAudit({ store }: DataFolder, ingest: Ingest): SampleAudit {
  return new SampleAudit({
    auditor: store.auditor,
    settled: async () => await ingest.settled(),
    isBusy: () => ingest.bytesWaiting > AUDIT_BYTES_WAITING_MAX,
    random: () => Math.random(),
    onAudit: ({ differences, first }) => {
      if (differences === 0) return;
      logError('The rollup differs from the events.', 'Run taximeter audit.', {
        differences,
        first,
      });
    },
    onFailure: (error) => logError('A random audit failed.', error),
  });
}

function toApi(config: ServeConfig, { journal, catalog, store }: DataFolder, ingest: Ingest): Api {
  const usage = new UsageReader(store, () => ingest.settled());
  const fromEnv = keysFromEnv(config.secretKeys, catalog);
  return {
    routes: routes({
      catalog,
      ingest,
      usage,
      eventIds: new EventIds(journal.hashKey),
      rules: config,
    }),
    idempotency: new Idempotency(ingest.answeredKeys, catalog.answers, journal),
    namespaceOf: (sha256) => fromEnv.get(sha256) ?? catalog.keys.find(sha256),
    sessionOf: (sha256) => catalog.sessions.find(sha256),
  };
}

/** Keys from the environment open the default account and are not stored: without them, they are gone. */
function keysFromEnv(secrets: readonly string[], catalog: Catalog): Map<string, Namespace> {
  if (secrets.length === 0) return new Map();
  const account = catalog.keys.defaultAccount();
  return new Map(
    secrets.map((secret) => {
      const mode = secret.startsWith('sk_live_') ? 'live' : 'test';
      return [hashSecret(secret), toNamespace(account, mode)];
    }),
  );
}

/** A new folder without keys in the environment gets one test key, shown this once. */
async function printFirstKey(config: ServeConfig, catalog: Catalog): Promise<void> {
  if (config.secretKeys.length > 0 || (await catalog.keys.list()).length > 0) return;
  const { secret } = await createKey(catalog, 'test', undefined, systemClock.nowMs());
  console.log(`Your secret key, shown this once: ${secret}`);
}

function warnOfShortMemory({ identifierWindowDays, pastDays }: ServeConfig): void {
  if (identifierWindowDays >= pastDays) return;
  logWarning(
    `Identifiers are remembered for ${identifierWindowDays} days, and events may be ${pastDays} days ` +
      'old: an event sent again after that counts twice.',
  );
}

async function forgetWhatIsOld(ingest: Ingest): Promise<void> {
  try {
    await ingest.forget(systemClock.nowMs());
  } catch (error) {
    // Old answers do no harm; if it is the journal that failed, the next commit stops the process.
    logError('Old answers could not be dropped.', error);
  }
}

/** P9. Requests that wait are refused, then the process ends; the next start recovers from the journal. */
function stopRatherThanLie(server: ApiServer, error: unknown): void {
  const what =
    error instanceof DamagedRunError
      ? 'its identifiers cannot be read'
      : 'its journal cannot be written';
  logError(`Stopping, because ${what}.`, error);
  server.refuse(`stopped, because ${what}`);
  const GIVE_REFUSALS_TIME_MS = 100;
  setTimeout(() => process.exit(1), GIVE_REFUSALS_TIME_MS);
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
}

function shownHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
