import type { Catalog } from '../catalog/catalog.ts';
import { systemClock } from '../clock.ts';
import type { ServeConfig } from '../config.ts';
import { closeDataFolder, openDataFolder, type DataFolder } from '../data-folder.ts';
import { Access } from '../http/access.ts';
import { Idempotency } from '../http/idempotency.ts';
import { routes } from '../http/routes.ts';
import { ApiServer, type Api } from '../http/server.ts';
import { Ingest } from '../ingest/ingest.ts';
import { DamagedRunError } from '../ingest/remembered/run-file.ts';
import type { NewKeyConfig } from '../keys-config.ts';
import { logError, logWarning, outliveOutput } from '../log.ts';
import { HOUR_MS } from '../summaries/windows.ts';
import { UsageReader } from '../usage/usage-reader.ts';
import { createKey } from './keys.ts';
import { knownKeys } from './known-keys.ts';

/** How often is looked whether identifiers have to make room: some 50,000 may come in between. */
const SEAL_MS = 100;
/** How much of when keys were last used a crash may lose. */
const MINUTE_MS = 60_000;

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
  const folder = await openDataFolder(config.data, systemClock, 'make');
  const { journal, catalog, store } = folder;
  const ingest = new Ingest({
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
  await ingest.recover(systemClock.nowMs());
  await printFirstKey(config, catalog);
  server.serve(toApi(config, folder, ingest));
  console.log(`Taximeter is listening on http://${shownHost(config.host)}:${port}`);

  const sealing = setInterval(() => ingest.seal(systemClock.nowMs()), SEAL_MS);
  const hourly = setInterval(() => void forgetWhatIsOld(ingest), HOUR_MS);
  const minutely = setInterval(() => void saveKeyUse(catalog), MINUTE_MS);
  await stopAsked;
  clearInterval(sealing);
  clearInterval(hourly);
  clearInterval(minutely);
  await server.close();
  await ingest.close();
  await saveKeyUse(catalog);
  await closeDataFolder(folder);
}

/** What the server serves of an open folder. */
export function toApi(
  config: ServeConfig,
  { journal, catalog, store }: DataFolder,
  ingest: Ingest,
): Api {
  const usage = new UsageReader(store, () => ingest.settled());
  return {
    routes: routes({ catalog, ingest, usage, rules: config }),
    idempotency: new Idempotency(ingest.answeredKeys, catalog.answers, journal),
    access: new Access({
      keys: knownKeys(config.secretKeys, catalog, systemClock.nowMs()),
      sessions: catalog.sessions,
      limits: config,
    }),
  };
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

async function saveKeyUse({ keys }: Catalog): Promise<void> {
  try {
    await keys.saveUse();
  } catch (error) {
    // It is told to people only, and tried again in a minute.
    logError('When keys were last used could not be saved.', error);
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
