import { PAYLOADS, type Payload } from '../../domain/core-events/core-event.ts';
import type { Destination } from '../../domain/core-events/destination.ts';
import { ApiError } from '../../domain/errors.ts';
import { newDestinationId, newSigningSecret } from '../../lib/ids.ts';
import { modeOf } from '../../domain/namespace.ts';
import { remember, type ApiRequest, type Route } from '../route.ts';
import {
  parseEnabledEvents,
  parseInclude,
  parseUrl,
  versionParam,
  type DestinationParts,
} from './destination-params.ts';
import type { Form } from '../read/form.ts';
import type { JsonShape } from '../read/json.ts';
import { parseMetadata } from '../read/metadata.ts';
import { missing, requiredHash, requiredOneOf, requiredText, text, texts } from '../read/params.ts';
import { hideSecret, presentEventDestination } from './present-destination.ts';
import { requestVersion } from '../read/stripe-version.ts';

const SHAPE: JsonShape = {
  name: 'text',
  description: 'text',
  type: 'text',
  event_payload: 'text',
  enabled_events: 'list',
  events_from: 'list',
  snapshot_api_version: 'text',
  webhook_endpoint: { url: 'text' },
  metadata: 'metadata',
  include: 'list',
};

/** POST /v2/core/event_destinations: the one answer that has the secret, if it is asked for. */
export function createEventDestination(parts: DestinationParts): Route {
  return {
    method: 'POST',
    path: '/v2/core/event_destinations',
    scope: 'destinations.write',
    forOtherKey: (_, answer) => hideSecret(answer),
    body: { json: SHAPE },
    handle: async (request) => {
      const destination = parse(request, parts);
      const included = parseInclude(request.form, [
        'webhook_endpoint.url',
        'webhook_endpoint.signing_secret',
      ]);
      const present = (made: Destination): object => presentEventDestination(made, included);
      await parts.destinations.create(destination, remember(request, present));
      return present(destination);
    },
  };
}

function parse(request: ApiRequest, { addresses }: DestinationParts): Destination {
  const { form, namespace, receivedAtMs } = request;
  requiredOneOf(form, 'type', ['webhook_endpoint']);
  refuseOtherAccounts(form);
  const payload = requiredOneOf(form, 'event_payload', PAYLOADS);
  const apiVersion = snapshotVersion(request, payload);
  requiredHash(form, 'webhook_endpoint');
  const url = 'webhook_endpoint[url]';
  return {
    id: newDestinationId(modeOf(namespace)),
    namespace,
    name: requiredText(form, 'name', 500),
    description: text(form, 'description', 5000) ?? null,
    payload,
    enabledEvents: parseEnabledEvents(form, payload) ?? missing('enabled_events'),
    url: parseUrl(form, url, addresses) ?? missing(url),
    apiVersion,
    metadata: parseMetadata(form)(new Map()),
    status: 'enabled',
    disabledReason: null,
    createdMs: receivedAtMs,
    updatedMs: receivedAtMs,
    secret: newSigningSecret(),
    previousSecret: null,
    failingSinceMs: null,
    deleted: false,
  };
}

/** That of the request that makes it, unless it names one. */
function snapshotVersion(request: ApiRequest, payload: Payload): string | null {
  const sent = versionParam(request.form, 'snapshot_api_version');
  if (payload === 'snapshot') return sent ?? requestVersion(request);
  if (sent === null) return null;
  throw new ApiError(
    'parameter_invalid',
    'Invalid snapshot_api_version: thin events have no version.',
    'snapshot_api_version',
  );
}

/** Events are the account's own; `self` is how this was written before. */
function refuseOtherAccounts(form: Form): void {
  const from = texts(form, 'events_from', { itemsMax: 10, lengthMax: 100 }) ?? [];
  const other = from.find((each) => each !== '@self' && each !== 'self');
  if (other === undefined) return;
  const message = `Invalid events_from: '${other}' is not there, only '@self'.`;
  throw new ApiError('parameter_invalid', message, 'events_from');
}
