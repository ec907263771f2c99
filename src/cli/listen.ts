/**
 * `taximeter listen`: on a laptop, what a destination is on a server. It prints events as they come, and forwards them,
 * signed, to where the handler runs.
 */
import { toSeconds } from '../domain/time.ts';
import { createHmac } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { API_VERSION } from '../domain/api-version.ts';
import type { ListenConfig } from '../config/client-config.ts';
import { systemClock } from '../lib/clock.ts';
import { isSuccess } from '../domain/core-events/delivery.ts';
import { toNotification } from '../domain/core-events/wire.ts';
import { Sender } from '../webhooks/sender.ts';
import { signatureHeader } from '../webhooks/signature.ts';
import { formatRfc3339 } from '../domain/rfc3339.ts';
import { print } from '../lib/terminal.ts';
import { UnreachableError } from './api-client.ts';
import { Follower, type ShownEvent } from './follow.ts';

const POLL_MS = 500;
/** Once, when a handler refuses a version that was not chosen. */
const VERSION_HINT =
  '    If its SDK is of Go, Java or .NET, name the version of that by --api-version: they read no other.';

/** Until it is stopped. Throws StartupError when the server refuses the key. */
export async function listen(config: ListenConfig): Promise<void> {
  const secret = signingSecret(config.apiKey);
  const sender = new Sender({ allowPrivate: true });
  const forward = async ({ id }: ShownEvent, payload: object, to: string): Promise<boolean> => {
    const body = JSON.stringify(payload);
    const sentS = toSeconds(systemClock.nowMs());
    const sent = await sender.post(to, body, signatureHeader([secret], sentS, body));
    say(`<-- [${sent.status ?? sent.error}] POST ${to} [${id}]`);
    return sent.status === null || isSuccess(sent);
  };
  let isVersionNamed = config.apiVersion !== undefined;
  const snapshots = new Follower(config, 'snapshot', ofApi(config.events, false));
  const thin = new Follower(config, 'thin', ofApi(config.events, true));
  await untilReached(async () => await Promise.all([snapshots.start(), thin.start()]));
  print(
    `Ready. Snapshots say API version ${config.apiVersion ?? API_VERSION}. Your webhook signing secret is ${secret} (^C to quit)`,
  );
  for (;;) {
    const told = await untilReached(async () => await snapshots.next());
    const toldThin = await untilReached(async () => await thin.next());
    for (const event of told) {
      say(`--> ${event.type} [${event.id}]`);
      if (config.forwardTo === undefined) continue;
      if ((await forward(event, event, config.forwardTo)) || isVersionNamed) continue;
      say(VERSION_HINT);
      isVersionNamed = true;
    }
    for (const event of toldThin) {
      // The same fact stands above, unless only v2 tells it.
      const isNews = config.forwardThinTo !== undefined || !('snapshot_event' in event);
      if (isNews) say(`--> ${event.type} [${event.id}]`);
      if (config.forwardThinTo === undefined) continue;
      await forward(event, toNotification(event), config.forwardThinTo);
    }
    if (told.length + toldThin.length === 0) await delay(POLL_MS);
  }
}

/** The same for a key on each run, so that a handler's configuration stays right. */
function signingSecret(apiKey: string): string {
  const digest = createHmac('sha256', apiKey).update('taximeter listen').digest('hex');
  return `whsec_${digest.slice(0, 32)}`;
}

/** Of v2 are the types that begin with a version. A list without any asks for none of that API. */
function ofApi(
  types: readonly string[] | undefined,
  isThin: boolean,
): readonly string[] | undefined {
  const some = types?.filter((type) => /^v\d+\./u.test(type) === isThin);
  // No type is called that: nothing matches.
  return some?.length === 0 ? ['none'] : some;
}

/** A server that restarts is waited for. */
async function untilReached<T>(ask: () => Promise<T>): Promise<T> {
  for (let isFirst = true; ; isFirst = false) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error;
      if (isFirst) say(`${error.message} Trying again.`);
      await delay(POLL_MS);
    }
  }
}

function say(line: string): void {
  print(`${formatRfc3339(systemClock.nowMs())}  ${line}`);
}
