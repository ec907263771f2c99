import { disable, edit, enable, type Destination } from '../../domain/core-events/destination.ts';
import { remember, type Route } from '../route.ts';
import {
  getWebhookEndpoint,
  noSuchEndpoint,
  parseEnabledEvents,
  parseUrl,
  type DestinationParts,
} from './destination-params.ts';
import type { Form } from '../read/form.ts';
import { parseMetadata } from '../read/metadata.ts';
import { orRead } from '../access/or-read.ts';
import { flag, refuseExpand, refuseUnknown, textOrNull, type Shape } from '../read/params.ts';
import { presentWebhookEndpoint } from './present-destination.ts';

const SHAPE: Shape = {
  url: true,
  enabled_events: true,
  description: true,
  disabled: true,
  metadata: true,
  expand: true,
};

/** POST /v1/webhook_endpoints/{id} */
export function updateWebhookEndpoint({ destinations, addresses }: DestinationParts): Route {
  return {
    method: 'POST',
    path: '/v1/webhook_endpoints/:id',
    scope: 'destinations.write',
    handle: async (request) => {
      const { form, namespace, receivedAtMs } = request;
      refuseUnknown(form, SHAPE);
      refuseExpand(form);
      const url = parseUrl(form, 'url', addresses);
      const change = parseChange(form, url, receivedAtMs);
      const { id } = await getWebhookEndpoint(destinations, request);
      const endpoint = await destinations.change(
        namespace,
        id,
        orRead(request, 'destinations.read', change),
        remember(request, (changed) => presentWebhookEndpoint(changed)),
      );
      return presentWebhookEndpoint(endpoint ?? noSuchEndpoint(id));
    },
  };
}

/** What the request does not name stays. */
function parseChange(
  form: Form,
  url: string | undefined,
  nowMs: number,
): (current: Destination) => Destination {
  const description = textOrNull(form, 'description', 5000);
  const enabledEvents = parseEnabledEvents(form, 'snapshot');
  const metadata = parseMetadata(form);
  const disabled = flag(form, 'disabled');
  return (current) => {
    const edited = edit(
      current,
      {
        ...(url === undefined ? {} : { url }),
        ...(description === undefined ? {} : { description }),
        ...(enabledEvents === undefined ? {} : { enabledEvents }),
        metadata: metadata(current.metadata),
      },
      nowMs,
    );
    if (disabled === undefined) return edited;
    return disabled ? disable(edited, 'user', nowMs) : enable(edited, nowMs);
  };
}
