import type { Destination } from '../../domain/core-events/destination.ts';
import { ApiError } from '../../domain/errors.ts';
import { newSigningSecret, newWebhookEndpointId } from '../../lib/ids.ts';
import { remember, type ApiRequest, type Route } from '../route.ts';
import {
  parseEnabledEvents,
  parseUrl,
  versionParam,
  type DestinationParts,
} from './destination-params.ts';
import { parseMetadata } from '../read/metadata.ts';
import {
  flag,
  missing,
  refuseExpand,
  refuseUnknown,
  textOrNull,
  type Shape,
} from '../read/params.ts';
import { hideSecret, presentWebhookEndpoint } from './present-destination.ts';
import { requestVersion } from '../read/stripe-version.ts';

const SHAPE: Shape = {
  url: true,
  enabled_events: true,
  api_version: true,
  connect: true,
  description: true,
  metadata: true,
  expand: true,
};

/** POST /v1/webhook_endpoints: the one answer that has the secret. It is kept for retries under an Idempotency-Key. */
export function createWebhookEndpoint(parts: DestinationParts): Route {
  return {
    method: 'POST',
    path: '/v1/webhook_endpoints',
    scope: 'destinations.write',
    forOtherKey: (_, answer) => hideSecret(answer),
    handle: async (request) => {
      const endpoint = parse(request, parts);
      const present = (made: Destination): object => presentWebhookEndpoint(made, made.secret);
      await parts.destinations.create(endpoint, remember(request, present));
      return present(endpoint);
    },
  };
}

function parse(request: ApiRequest, { addresses }: DestinationParts): Destination {
  const { form, namespace, receivedAtMs } = request;
  refuseUnknown(form, SHAPE);
  refuseExpand(form);
  if (flag(form, 'connect') === true) {
    throw new ApiError(
      'parameter_invalid',
      'Invalid connect: there are no accounts to connect.',
      'connect',
    );
  }
  const url = parseUrl(form, 'url', addresses) ?? missing('url');
  return {
    id: newWebhookEndpointId(),
    namespace,
    name: new URL(url).hostname,
    description: textOrNull(form, 'description', 5000) ?? null,
    payload: 'snapshot',
    enabledEvents: parseEnabledEvents(form, 'snapshot') ?? missing('enabled_events'),
    url,
    apiVersion: versionParam(form, 'api_version') ?? requestVersion(request),
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
