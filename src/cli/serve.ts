import type { Catalog } from '../catalog/catalog.ts';
import { systemClock } from '../clock.ts';
import type { ServeConfig } from '../config.ts';
import { closeDataFolder, openDataFolder, type DataFolder } from '../data-folder.ts';
import { hashSecret } from '../http/auth.ts';
import { EventIds } from '../http/event-ids.ts';
import { Idempotency } from '../http/idempotency.ts';
import { MetricsServer } from '../http/metrics-server.ts';
import type { Page } from '../http/operator-pages.ts';
import { routes } from '../http/routes.ts';
import { ApiServer, type Api } from '../http/server.ts';
import { Ingest } from '../ingest/ingest.ts';
import { DamagedRunError } from '../ingest/remembered/run-file.ts';
import { exit, log, logError, logWarning, outliveOutput, setLogLevel } from '../log.ts';
import { exposeIngest } from '../metrics/ingest-metrics.ts';
import { Metrics } from '../metrics/metrics.ts';
import { exposeDisk, exposeProcess } from '../metrics/process-metrics.ts';
import { exposeRequests } from '../metrics/request-metrics.ts';
import { exposeAudits, exposeQueries } from '../metrics/usage-metrics.ts';
import { toNamespace, type Namespace } from '../namespace.ts';
import { HOUR_MS } from '../summaries/windows.ts';
import { UsageReader } from '../usage/usage-reader.ts';
import { readVersion } from '../version.ts';
import { createKey } from './keys.ts';

/** How often is looked whether identifiers have to make room: some 50,000 may come in between. */
const SEAL_MS = 100;

/** `taximeter serve`: until SIGTERM or SIGINT, then finishes what was accepted and returns. */
export async function serve(config: ServeConfig): Promise<void> {
  const stopAsked = stopSignal();
  outliveOutput();
  setLogLevel(config.logLevel);
  const metrics = new Metrics();
  const metricsPage = async (): Promise<Page> => await metrics.toPage();
  const server = new ApiServer(systemClock, config.metrics === 'api' ? metricsPage : undefined);
  exposeProcess(metrics, readVersion());
  exposeRequests(metrics, server);
  const metricsServer = new MetricsServer(metricsPage);
  // Before the folder: a port in use should not cost a recovery.
  const port = await server.listen(config.port, config.host);
  try {
    if (typeof config.metrics === 'object') {
      const own = await metricsServer.listen(config.metrics.port, config.host);
      log.info(`Metrics are on http://${shownHost(config.host)}:${own}/metrics`);
    }
    await serveFolder(config, server, port, stopAsked, metrics);
  } finally {
    await server.close();
    await metricsServer.close();
  }
  log.info('Stopped.');
}

async function serveFolder(
  config: ServeConfig,
  server: ApiServer,
  port: number,
  stopAsked: Promise<string>,
  metrics: Metrics,
): Promise<void> {
  warnOfShortMemory(config);
  const folder = await openDataFolder(config.data, systemClock, 'make');
  const { catalog } = folder;
  const ingest = openIngest(config, folder, server);
  const usage = new UsageReader(folder.store, () => ingest.settled());
  exposeIngest(metrics, ingest, config.journalBytesMax);
  exposeQueries(metrics, usage);
  exposeDisk(metrics, config.data);
  exposeAudits(metrics);
  server.refuse('recovering');
  await ingest.recover(systemClock.nowMs());
  await printFirstKey(config, catalog);
  server.serve(toApi(config, folder, ingest, usage));
  const url = `http://${shownHost(config.host)}:${port}`;
  console.log(`Taximeter is listening on ${url}`);
  log.info({ url, version: readVersion() }, 'Taximeter is listening.');

  const sealing = setInterval(() => ingest.seal(systemClock.nowMs()), SEAL_MS);
  const hourly = setInterval(() => void forgetWhatIsOld(ingest), HOUR_MS);
  log.info(`Stopping, because of ${await stopAsked}.`);
  clearInterval(sealing);
  clearInterval(hourly);
  await server.drain();
  await ingest.close();
  await closeDataFolder(folder);
}

function openIngest(
  config: ServeConfig,
  { journal, store, catalog }: DataFolder,
  server: ApiServer,
): Ingest {
  return new Ingest({
    journal,
    store,
    answers: catalog.answers,
    dataFolder: config.data,
    identifierWindowDays: config.identifierWindowDays,
    journalBytesMax: config.journalBytesMax,
    onStoreFailure: (error) => logError('The usage store refused an insert; trying again.', error),
    onSealFailure: (error) =>
      logError('Identifiers or keys could not be brought to disk; trying again.', error),
    onFatal: (error) => stopRatherThanLie(server, error),
  });
}

function toApi(
  config: ServeConfig,
  { journal, catalog }: DataFolder,
  ingest: Ingest,
  usage: UsageReader,
): Api {
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
    stuck: () => stuckCommit(ingest.waitingSeconds, config.stuckSeconds),
  };
}

function stuckCommit(seconds: number, secondsMax: number): string | undefined {
  if (seconds <= secondsMax) return undefined;
  return `the disk has not finished a commit for ${Math.floor(seconds)} s`;
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
  const what = whatFailed(error);
  logError(`Stopping, because ${what}.`, error);
  server.refuse(`stopped, because ${what}`);
  const GIVE_REFUSALS_TIME_MS = 100;
  setTimeout(() => void exit(1), GIVE_REFUSALS_TIME_MS);
}

function whatFailed(error: unknown): string {
  if (error instanceof DamagedRunError) return 'its identifiers cannot be read';
  const isFull = error instanceof Error && 'code' in error && error.code === 'SQLITE_FULL';
  return isFull ? 'its disk is full' : 'its journal cannot be written';
}

function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => resolve(signal));
  });
}

function shownHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
