/** What the v1 and the v2 call for an adjustment share: everything but how it is written on the wire. */
import type { Catalog } from '../../catalog/catalog.ts';
import { quoted } from '../../domain/characters.ts';
import { ApiError } from '../../domain/errors.ts';
import type { MeterEvent } from '../../domain/meter-events/meter-event.ts';
import type { Ingest } from '../../ingest/ingest.ts';
import type { Receipt } from '../../journal/receipt.ts';
import type { Namespace } from '../../domain/namespace.ts';
import type { UsageReader } from '../../usage/usage-reader.ts';
import type { StoredEvent } from '../../usage/usage-store.ts';
import { toReceipt, type ApiRequest } from '../route.ts';
import type { Form } from '../read/form.ts';
import { OneAtATime } from '../../lib/keyed-mutex.ts';
import { requiredHash, requiredOneOf, requiredText } from '../read/params.ts';

export type AdjustmentParts = {
  readonly meters: Pick<Catalog['meters'], 'ofEventName' | 'ofNamespace'>;
  readonly usage: Pick<UsageReader, 'findEvent'>;
  readonly ingest: Pick<Ingest, 'cancel' | 'addReceipt' | 'onDisk' | 'refuseWhenFull'>;
  /** Told of each cancellation that is on disk. */
  readonly onCancelled: (event: MeterEvent) => void;
  /** How long after it was received an event can be cancelled; undefined: for ever. Stripe: 24. */
  readonly cancelWindowHours: number | undefined;
};

export type SentAdjustment = { readonly eventName: string; readonly identifier: string };

/** An adjustment as it is answered, once the cancellation is on disk. */
export type AnsweredAdjustment = SentAdjustment & {
  readonly namespace: Namespace;
  readonly createdMs: number;
};

/** Cancels events, for the calls of both versions: one object, so that they take turns. */
export class Adjustments {
  readonly #parts: AdjustmentParts;
  // Between looking whether an event is cancelled and cancelling it, nobody else may cancel it.
  readonly #turns = new OneAtATime();

  constructor(parts: AdjustmentParts) {
    this.#parts = parts;
  }

  /** Cancels one event; cancelling it again changes nothing. Throws when there is no such event. */
  async cancel(request: ApiRequest, sent: SentAdjustment): Promise<AnsweredAdjustment> {
    const { namespace, receivedAtMs } = request;
    await this.#turns.run(
      `${namespace} ${sent.identifier}`,
      async () => await cancelMeterEvent(this.#parts, request, sent),
    );
    return { namespace, ...sent, createdMs: receivedAtMs };
  }
}

/** The first answer again. */
export function replayAdjustment(
  { namespace }: ApiRequest,
  sent: SentAdjustment,
  { receivedAtMs }: Receipt,
): AnsweredAdjustment {
  return { namespace, ...sent, createdMs: receivedAtMs };
}

/** The parameters, which both calls write the same way. */
export function parseSentAdjustment(form: Form): SentAdjustment {
  requiredOneOf(form, 'type', ['cancel']);
  const eventName = requiredText(form, 'event_name', 100);
  requiredHash(form, 'cancel');
  return { eventName, identifier: requiredText(form, 'cancel[identifier]', 100) };
}

async function cancelMeterEvent(
  parts: AdjustmentParts,
  request: ApiRequest,
  sent: SentAdjustment,
): Promise<void> {
  const { namespace, receivedAtMs } = request;
  // Before the look at the usage store: when that takes nothing, this says so better than a failed read.
  parts.ingest.refuseWhenFull();
  const { event, cancellation } = await findEvent(parts, request, sent);
  const receipt = toReceipt(request);
  if (cancellation !== undefined) {
    if (receipt !== undefined) parts.ingest.addReceipt(receipt);
    await parts.ingest.onDisk();
    return;
  }
  refuseTooLate(event.receivedAtMs, receivedAtMs, parts.cancelWindowHours);
  const { meterId, customer, timestampMs, sequence, identifier } = event;
  await parts.ingest.cancel(
    {
      namespace,
      meterId,
      customer,
      timestampMs,
      sequence,
      identifier,
      cancelledAtMs: receivedAtMs,
      requestId: request.id,
    },
    receipt,
  );
  parts.onCancelled(event);
}

async function findEvent(
  parts: AdjustmentParts,
  { namespace }: ApiRequest,
  { eventName, identifier }: SentAdjustment,
): Promise<StoredEvent> {
  const meters = parts.meters.ofEventName(namespace, eventName);
  if (meters.length === 0) {
    throw new ApiError(
      'no_meter',
      `No meter found for event name ${quoted(eventName)}.`,
      'event_name',
    );
  }
  const meterIds = meters.map((meter) => meter.id);
  const found = await parts.usage.findEvent(namespace, meterIds, identifier);
  if (found !== undefined) return found;
  const notFound = `No event found with identifier ${quoted(identifier)} for event name ${quoted(eventName)}.`;
  const elsewhere = await whereElse(parts, namespace, identifier);
  throw new ApiError(
    'cancel_unknown_event',
    elsewhere === undefined ? notFound : `${notFound} ${elsewhere}`,
    'cancel[identifier]',
  );
}

/** An identifier that is used for two meters is on the one that it came for first. */
async function whereElse(
  { meters, usage }: AdjustmentParts,
  namespace: Namespace,
  identifier: string,
): Promise<string | undefined> {
  const all = meters.ofNamespace(namespace);
  const ids = all.map(({ id }) => id);
  const found = await usage.findEvent(namespace, ids, identifier);
  const meter = found && all.find(({ id }) => id === found.event.meterId);
  return meter && `There is one for event name ${quoted(meter.eventName)}.`;
}

function refuseTooLate(eventReceivedAtMs: number, nowMs: number, hours: number | undefined): void {
  if (hours === undefined || nowMs - eventReceivedAtMs <= hours * 3_600_000) return;
  throw new ApiError(
    'cancel_too_late',
    `Only events received in the last ${hours} hours can be cancelled.`,
    'cancel[identifier]',
  );
}
