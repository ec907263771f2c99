import { DAY_MS, HOUR_MS, MINUTE_MS } from '../domain/time.ts';
import { join } from 'node:path';
import type { Catalog } from '../catalog/catalog.ts';
import { systemClock } from '../lib/clock.ts';
import type { ServeConfig } from '../config/config.ts';
import { closeDataFolder, openDataFolder, type DataFolder } from '../ops/data-folder.ts';
import { Access } from '../api/access/access.ts';
import { EventIds } from '../api/meter-events/event-ids.ts';
import { Idempotency } from '../api/idempotency.ts';
import { MetricsServer } from '../http/operator/metrics-server.ts';
import { madeOnce } from '../http/operator/operator-pages.ts';
import { routes } from '../api/routes.ts';
import { ApiServer, type Api } from '../http/server.ts';
import { DiskSpace } from '../ingest/disk-space.ts';
import { Ingest } from '../ingest/ingest.ts';
import type { NewKeyConfig } from '../config/keys-config.ts';
import { log, logError, logWarning, outliveOutput, setLogLevel } from '../lib/log.ts';
import { exposeAlerts } from '../ops/metrics/alert-metrics.ts';
import { isMoved } from '../lib/files/open-paths.ts';
import { exposeDuplicates, exposeIngest } from '../ops/metrics/ingest-metrics.ts';
import { Metrics } from '../ops/metrics/metrics.ts';
import { exposeDisk, exposeProcess } from '../ops/metrics/process-metrics.ts';
import { exposeRequests } from '../ops/metrics/request-metrics.ts';
import { exposeAudits, exposeQueries } from '../ops/metrics/usage-metrics.ts';
import { StartupError } from '../lib/startup-error.ts';
import { print } from '../lib/terminal.ts';
import { dateOf } from '../usage/pruned.ts';
import { UsageReader } from '../usage/usage-reader.ts';
import type { UsageStore } from '../usage/usage-store.ts';
import { readVersion } from '../lib/version.ts';
import { Chores } from './chores.ts';
import { connectionsWithin, hasMetrics, warnOfOpenDoor } from './bind-warnings.ts';
import { openControl } from './control.ts';
import { createKey } from './keys.ts';
import { knownKeys } from './known-keys.ts';
import { sampleAudit } from './sample-audit.ts';
import { endIfStuck, stopRatherThanLie, stopSignal, whyFatal } from './stop.ts';
import { closeWatches, lookIfDue, openWatches, type Watches } from './watches.ts';

/** How often is looked whether there is usage that an alert could be about. */
const WATCH_MS = 100;
/** How often is looked whether identifiers have to make room: some 50,000 may come in between. */
const SEAL_MS = 100;
/** How much of when keys were last used a crash may lose. */
const KEY_USE_NOT_SAVED = 'When keys were last used could not be saved.';
/** How often is looked how much room the disks have: at full speed some 20 MB come in between. */
const DISK_MS = 250;

/** `taximeter serve`: until SIGTERM or SIGINT, then finishes what was accepted and returns. */
export async function serve(config: ServeConfig): Promise<void> {
  const stopAsked = stopSignal();
  void stopAsked.then(() => endIfStuck(config.stopSeconds));
  outliveOutput();
  setLogLevel(config.logLevel);
  warnOfOpenDoor(config);
  const metrics = new Metrics();
  const metricsPage = madeOnce(async () => await metrics.toPage());
  const server = new ApiServer(systemClock, {
    ...(hasMetrics(config) ? { metrics: metricsPage } : {}),
    limits: {
      connectionsMax: connectionsWithin(config.connectionsMax),
      keepAliveMs: config.keepAliveSeconds * 1000,
    },
    fastPath: config.httpFastPath === 'on',
  });
  void stopAsked.then(() => server.stopAccepting());
  exposeProcess(metrics, readVersion());
  exposeRequests(metrics, server);
  const metricsServer = new MetricsServer(systemClock, metricsPage);
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
  const folder = await openDataFolder(config.data, systemClock, 'make', {
    acceptTornLog: config.acceptTornLog,
  });
  const { catalog, store } = folder;
  refusePruned(config, store);
  const disk = openDiskSpace(config);
  const stop = (error: unknown, what: string): void => {
    stopRatherThanLie(server, error, what, async () => {
      // It rejects, with what stops us, when it has waited for what runs.
      await ingest.close().catch(() => undefined);
      await store.close();
    });
  };
  const ingest = openIngest(config, folder, disk, (error) => stop(error, whyFatal(error)));
  void catalog.failure.then((error) =>
    stop(error, isMoved(error) ? whyFatal(error) : 'its catalog cannot be written'),
  );
  const usage = new UsageReader(
    store,
    async (namespace, signal) => await ingest.settledForReader(namespace, signal),
    config.readSeconds,
  );
  exposeIngest(metrics, ingest, config.journalBytesMax);
  exposeQueries(metrics, usage);
  exposeDisk(metrics, config.data);
  const auditing = sampleAudit(folder, ingest, exposeAudits(metrics));
  server.starts('recovering');
  await ingest.recover(systemClock.nowMs());
  await folder.paths.look();
  await disk.look();
  await printFirstKey(config, catalog);
  const control = await openControl(config, folder, ingest);
  const watches = openWatches(config, folder, ingest);
  exposeAlerts(metrics, watches.alerts);
  watches.deliverer.start();
  server.serve(toApi(config, folder, ingest, usage, watches));
  exposeDuplicates(metrics, watches.duplicates);
  const url = `http://${shownHost(config.host)}:${port}`;
  print(`Taximeter is listening on ${url}`);
  log.info({ url, version: readVersion() }, 'Taximeter is listening.');

  if (config.auditIntervalSeconds > 0) auditing.start(config.auditIntervalSeconds * 1000);
  const chores = beginChores(config, folder, ingest, disk, watches);
  log.info(`Stopping, because of ${await stopAsked}.`);
  chores.stop();
  await server.drain();
  await auditing.close();
  await control.close();
  await closeWatches(watches);
  await ingest.close();
  await saveKeyUse(catalog);
  await closeDataFolder(folder);
}

function beginChores(
  { eventsDays }: ServeConfig,
  { catalog, paths }: DataFolder,
  ingest: Ingest,
  disk: DiskSpace,
  watches: Watches,
): Chores {
  const chores = new Chores();
  const nowMs = (): number => systemClock.nowMs();
  chores.every(SEAL_MS, 'Identifiers could not be brought to disk.', () => ingest.seal(nowMs()));
  chores.every(WATCH_MS, 'Usage could not be looked at.', () => lookIfDue(watches, nowMs()));
  chores.every(DISK_MS, 'The disk could not be looked at.', async () => {
    await paths.look().catch((error: unknown) => ingest.stop(error));
    await disk.look();
  });
  chores.every(MINUTE_MS, KEY_USE_NOT_SAVED, async () => await catalog.keys.saveUse());
  // If it is the journal that failed, the next commit stops the process.
  chores.every(
    HOUR_MS,
    'Old answers could not be dropped.',
    async () => await ingest.forget(nowMs()),
  );
  chores.now(HOUR_MS, 'Old events could not be dropped.', async () => {
    await catalog.coreEvents.prune(nowMs() - eventsDays * DAY_MS);
  });
  return chores;
}

function openDiskSpace({ data, diskReserveBytes: reserveBytes }: ServeConfig): DiskSpace {
  return new DiskSpace({
    folders: [data, join(data, 'usage')],
    reserveBytes,
    onChange: (shortage) =>
      logWarning(shortage ?? 'The disk has room again: events are taken as before.'),
  });
}

function openIngest(
  config: ServeConfig,
  { journal, store, catalog }: DataFolder,
  disk: DiskSpace,
  onFatal: (error: unknown) => void,
): Ingest {
  return new Ingest({
    journal,
    store,
    answers: catalog.answers,
    dataFolder: config.data,
    identifierWindowDays: config.identifierWindowDays,
    identifiersInMemory: config.identifiersInMemory,
    journalBytesMax: config.journalBytesMax,
    disk,
    onStoreFailure: (error) => logError('The usage store refused an insert; trying again.', error),
    onRepair: (what) => logWarning(what),
    onSealFailure: (error) =>
      logError('Identifiers or keys could not be brought to disk; trying again.', error),
    onFatal,
  });
}

/** What the server serves of an open folder. */
export function toApi(
  config: ServeConfig,
  { journal, catalog }: DataFolder,
  ingest: Ingest,
  usage: UsageReader,
  { alerts, duplicates }: Pick<Watches, 'alerts' | 'duplicates'>,
): Api {
  const keys = knownKeys(config.secretKeys, catalog, systemClock.nowMs());
  return {
    routes: routes({
      keys,
      catalog,
      ingest,
      usage,
      eventIds: new EventIds(journal.hashKey),
      watch: alerts,
      duplicates,
      rules: config,
    }),
    idempotency: new Idempotency(ingest.answeredKeys, catalog.answers, journal),
    access: new Access({
      keys,
      sessions: catalog.sessions,
      limits: config,
    }),
    stuck: () => stuckCommit(ingest.waitingSeconds, config.stuckSeconds),
    diskShortage: () => ingest.diskShortage,
  };
}

function stuckCommit(seconds: number, secondsMax: number): string | undefined {
  if (seconds <= secondsMax) return undefined;
  return `the disk has not finished a commit for ${Math.floor(seconds)} s`;
}

const FIRST_KEY: NewKeyConfig = {
  live: false,
  account: undefined,
  scopes: 'all',
  expiresInDays: undefined,
  name: undefined,
};

/** A new folder without keys in the environment gets one test key, shown this once. */
async function printFirstKey(config: ServeConfig, catalog: Catalog): Promise<void> {
  if (config.secretKeys.length > 0 || (await catalog.keys.list()).length > 0) return;
  const { secret } = await createKey(catalog, FIRST_KEY, systemClock.nowMs());
  print(`Your secret key, shown this once: ${secret}`);
}

function warnOfShortMemory({ identifierWindowDays, pastDays }: ServeConfig): void {
  if (identifierWindowDays >= pastDays) return;
  logWarning(
    `Identifiers are remembered for ${identifierWindowDays} days, and events may be ${pastDays} days ` +
      'old: an event sent again after that counts twice.',
  );
}

/** An event for a month that is pruned would not be counted right. */
function refusePruned({ pastDays }: ServeConfig, { prunedBeforeMs }: UsageStore): void {
  if (systemClock.nowMs() - pastDays * DAY_MS >= prunedBeforeMs) return;
  throw new StartupError(
    `--past-days ${pastDays} would take events of before ${dateOf(prunedBeforeMs)}, which were pruned.`,
  );
}

async function saveKeyUse({ keys }: Catalog): Promise<void> {
  try {
    await keys.saveUse();
  } catch (error) {
    // It is told to people only.
    logError(KEY_USE_NOT_SAVED, error);
  }
}

function shownHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
