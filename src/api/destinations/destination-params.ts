/** What the calls about webhook endpoints and event destinations share. */
import { parseApiVersion } from '../../domain/api-version.ts';
import type { Destinations } from '../../catalog/core-events.ts';
import type { Payload } from '../../domain/core-events/core-event.ts';
import type { Destination } from '../../domain/core-events/destination.ts';
import { refusalOfUrl, type AddressRules } from '../../webhooks/addresses.ts';
import { ApiError } from '../../domain/errors.ts';
import { type ApiRequest, pathId } from '../route.ts';
import { TYPE_LENGTH_MAX } from '../events/event-params.ts';
import type { Form } from '../read/form.ts';
import { missing, text, texts } from '../read/params.ts';
import type { Included } from './present-destination.ts';

export type DestinationParts = {
  readonly destinations: Destinations;
  readonly addresses: AddressRules;
};

/** What `refusalOfUrl` reads; it says more about the length than `text` could. */
const URL_READ_MAX = 10_000;
/** More than Stripe has types. */
const ENABLED_EVENTS_MAX = 500;
const TYPE = /^[a-z0-9_]+(?:\.[a-z0-9_]+)+$/u;

export function parseUrl(form: Form, path: string, rules: AddressRules): string | undefined {
  const url = text(form, path, URL_READ_MAX);
  const refusal = url === undefined ? undefined : refusalOfUrl(url, rules);
  if (refusal === undefined) return url;
  throw new ApiError('parameter_invalid', `Invalid URL: it ${refusal}.`, path);
}

/**
 * `*`, or names of types, also of ones that never happen here: an endpoint made for Stripe enables what it does there.
 * A type of the other kind of payload is a mistake, and would never come.
 */
export function parseEnabledEvents(form: Form, payload: Payload): readonly string[] | undefined {
  const path = 'enabled_events';
  const types = texts(form, path, { itemsMax: ENABLED_EVENTS_MAX, lengthMax: TYPE_LENGTH_MAX });
  if (types?.length === 0) missing(path);
  for (const type of types ?? []) {
    if (type === '*') continue;
    if (!TYPE.test(type)) throw invalidType(type, 'is no type of event');
    const isThin = /^v\d+\./u.test(type);
    if (isThin && payload === 'snapshot') throw invalidType(type, 'is a thin event');
    if (!isThin && payload === 'thin') throw invalidType(type, 'is a snapshot event');
  }
  return types;
}

function invalidType(type: string, problem: string): ApiError {
  const message = `Invalid enabled_events: '${type}' ${problem}.`;
  return new ApiError('parameter_invalid', message, 'enabled_events');
}

/** The version that a destination is sent events in; null when none was sent. */
export function versionParam(form: Form, path: string): string | null {
  const sent = text(form, path, 50);
  if (sent === undefined) return null;
  const version = parseApiVersion(sent);
  if (version === sent) return version;
  throw new ApiError('parameter_invalid', `Invalid API version: ${sent}`, path);
}

const INCLUDED = {
  'webhook_endpoint.url': { url: true },
  'webhook_endpoint.signing_secret': { secret: true },
} as const satisfies Record<string, Included>;

/** `signing_secret` only where `allowed` names it. */
export function parseInclude(
  form: Form,
  allowed: readonly (keyof typeof INCLUDED)[] = ['webhook_endpoint.url'],
): Included {
  const sent = texts(form, 'include', { itemsMax: 10, lengthMax: 100 }) ?? [];
  let included: Included = {};
  for (const name of sent) {
    const known = allowed.find((one) => one === name);
    if (known === undefined) {
      throw new ApiError(
        'parameter_invalid',
        `Invalid include: '${name}' is not there.`,
        'include',
      );
    }
    included = { ...included, ...INCLUDED[known] };
  }
  return included;
}

/** v1 sees only what takes snapshots. */
export async function getWebhookEndpoint(
  destinations: Destinations,
  request: ApiRequest,
): Promise<Destination> {
  const id = pathId(request);
  const destination = await destinations.find(request.namespace, id);
  return destination?.payload === 'snapshot' ? destination : noSuchEndpoint(id);
}

export function noSuchEndpoint(id: string): never {
  throw new ApiError('resource_missing', `No such webhook endpoint: '${id}'`, 'id');
}

export function noSuchDestination(id: string): never {
  throw new ApiError('resource_missing', `No such event destination: '${id}'`, 'id');
}
