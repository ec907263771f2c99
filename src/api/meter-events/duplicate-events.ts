/**
 * What a call for one event is answered when its identifier is taken: a refusal that says which event has it and in what
 * this one differs, or, for those who ask for it, the first event again. Whether an identifier is taken is decided before,
 * at once; here the usage store is only asked what the first event was.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { ApiError } from '../../domain/errors.ts';
import {
  alreadyExists,
  describeDuplicate,
  differencesOf,
  type Difference,
  type MeasuredEvent,
} from '../../domain/meter-events/duplicate.ts';
import type { IncomingEvent } from '../../domain/meter-events/meter-event.ts';
import { isAllowed } from '../../domain/key.ts';
import type { Meter } from '../../domain/meter.ts';
import { accountOf } from '../../domain/namespace.ts';
import { toQuantity } from '../../domain/quantity.ts';
import { Shares } from '../../usage/shares.ts';
import type { ApiRequest } from '../route.ts';
import { lookUpAccepted, type AcceptedEvent, type LookUpParts } from './event-look-up.ts';
import { preferredHandling } from '../read/prefer.ts';

/** `--duplicates`: what a duplicate of equal content is answered where the request does not say. */
export type DuplicateRule = 'refuse' | 'ok';

export type DuplicateParts = LookUpParts & { readonly rule: DuplicateRule };

/** An event that was not accepted, with its meter. */
export type Duplicate = { readonly meter: Meter; readonly event: IncomingEvent };

/**
 * Look-ups for refusals that run at once, in all and of one account: a storm of duplicates must not hold up readers. The
 * other refusals say less.
 */
const LOOK_UPS_MAX = 16;
const LOOK_UPS_OF_ONE_MAX = 8;
/** How long a refusal waits to be able to say more. */
const LOOK_UP_MS = 1000;

export class DuplicateEvents {
  readonly #parts: DuplicateParts;
  readonly #lookUps = new Shares(LOOK_UPS_MAX, LOOK_UPS_OF_ONE_MAX);

  constructor(parts: DuplicateParts) {
    this.#parts = parts;
  }

  /**
   * The first event, where a duplicate may be answered with it: its content is equal and it is not cancelled. `isRepeated`:
   * both are known already. Throws ApiError `duplicate_meter_event` else, and `unavailable` when the first event cannot be read
   * although it is the answer.
   */
  async firstOf(
    request: ApiRequest,
    duplicate: Duplicate,
    isRepeated: boolean,
  ): Promise<AcceptedEvent> {
    const { identifier } = duplicate.event;
    if (!this.#mayAnswer(request)) {
      if (isRepeated) throw refusal(identifier, describeRepeated(duplicate));
      const first = await this.#findInTime(request, identifier);
      throw refusal(identifier, first && describe(request, first, duplicate));
    }
    const first = await lookUpAccepted(this.#parts, request.namespace, identifier);
    if (first === undefined) {
      throw refusal(identifier, `${alreadyExists(identifier)} It is not stored any more.`);
    }
    if (first.state.status !== 'cancelled' && compare(first, duplicate).length === 0) return first;
    throw refusal(identifier, describe(request, first, duplicate));
  }

  #mayAnswer({ headers }: ApiRequest): boolean {
    const handling = preferredHandling(headers);
    return handling === undefined ? this.#parts.rule === 'ok' : handling === 'lenient';
  }

  /** Undefined where it is not found, or not in time. */
  async #findInTime(
    { namespace }: ApiRequest,
    identifier: string,
  ): Promise<AcceptedEvent | undefined> {
    const account = accountOf(namespace);
    if (this.#lookUps.take(account) !== 'taken') return undefined;
    const found = lookUpAccepted(this.#parts, namespace, identifier)
      // The refusal stands whatever becomes of the look-up.
      .catch(() => undefined)
      .finally(() => this.#lookUps.giveBack(account));
    const timeout = new AbortController();
    const { signal } = timeout;
    const late = delay(LOOK_UP_MS, undefined, { signal }).catch(() => undefined);
    try {
      return await Promise.race([found, late]);
    } finally {
      timeout.abort();
    }
  }
}

function refusal(identifier: string, message = alreadyExists(identifier)): ApiError {
  return new ApiError('duplicate_meter_event', message, 'identifier');
}

function compare(first: AcceptedEvent, { meter, event }: Duplicate): readonly Difference[] {
  const second: MeasuredEvent = { meter, event: { ...event, value: toQuantity(event.value) } };
  return differencesOf(first, second, event.timestampIsSent);
}

/** Who may not read usage is not told it in a refusal either. */
function describe({ key }: ApiRequest, first: AcceptedEvent, duplicate: Duplicate): string {
  const { event, meter, state } = first;
  const cancelledAtMs = state.status === 'cancelled' ? state.cancelledAtMs : undefined;
  return describeDuplicate(
    { ...event, meter, cancelledAtMs },
    compare(first, duplicate),
    isAllowed(key, 'usage.read'),
  );
}

/** Of equal content, so the first event is on the meter that this one is for. */
function describeRepeated({ meter, event: { identifier } }: Duplicate): string {
  return describeDuplicate({ identifier, meter }, [], false);
}
