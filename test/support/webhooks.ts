/** Destinations and what they get, as a user of the official SDK has them. */
import assert from 'node:assert/strict';
import { newClient, type Stripe } from './sdk.ts';
import { Server, TEST_KEY, type LaunchOptions } from './server.ts';
import { until } from './wait.ts';
import { Receiver, type Got } from './webhook-receiver.ts';

/** A server that may deliver to loopback, and a receiver there. */
export async function startWithReceiver(options: LaunchOptions = {}): Promise<{
  readonly server: Server;
  readonly client: Stripe;
  readonly receiver: Receiver;
}> {
  const args = ['--webhook-allow-private', ...(options.args ?? [])];
  const [server, receiver] = await Promise.all([
    Server.start({ ...options, args }),
    Receiver.start(),
  ]);
  return { server, client: newClient(server), receiver };
}

export async function createEndpoint(
  client: Stripe,
  url: string,
  params: Partial<Stripe.WebhookEndpointCreateParams> = {},
): Promise<Stripe.WebhookEndpoint & { readonly secret: string }> {
  const endpoint = await client.webhookEndpoints.create({ url, enabled_events: ['*'], ...params });
  assert.match(endpoint.secret ?? '', /^whsec_\w{32}$/u);
  return { ...endpoint, secret: endpoint.secret ?? '' };
}

export async function createDestination(
  client: Stripe,
  url: string,
  params: Partial<Stripe.V2.Core.EventDestinationCreateParams> = {},
): Promise<{ readonly id: string; readonly secret: string }> {
  const destination = await client.v2.core.eventDestinations.create({
    name: 'Mine',
    type: 'webhook_endpoint',
    event_payload: 'thin',
    enabled_events: ['*'],
    webhook_endpoint: { url },
    include: ['webhook_endpoint.signing_secret'],
    ...params,
  });
  return { id: destination.id, secret: destination.webhook_endpoint?.signing_secret ?? '' };
}

/** The delivery that brought this event there. */
export async function deliveryOf(
  receiver: Receiver,
  eventId: string,
  path?: string,
): Promise<Got & { readonly signature: string }> {
  const found = (): Got | undefined =>
    receiver.got.find(
      (got) => got.body.includes(`"${eventId}"`) && (path === undefined || got.path === path),
    );
  await until(`a delivery of ${eventId}`, () => found() !== undefined);
  const got = found() ?? assert.fail();
  return { ...got, signature: String(got.headers['stripe-signature']) };
}

export type ShownDelivery = {
  readonly id: string;
  readonly event_type: string;
  readonly status: 'pending' | 'succeeded' | 'failed';
  readonly next_attempt: number | null;
  readonly attempts: readonly {
    readonly attempted: string;
    readonly duration_ms: number;
    readonly http_status: number | null;
    readonly response: string | null;
    readonly error: string | null;
  }[];
};

/** What is on record of a destination, newest event first. */
export async function deliveriesTo(
  server: Server,
  destinationId: string,
  query = '',
): Promise<readonly ShownDelivery[]> {
  const url = `${server.url}/v1/webhook_endpoints/${destinationId}/deliveries?limit=100${query}`;
  const response = await fetch(url, { headers: { authorization: `Bearer ${TEST_KEY}` } });
  assert.equal(response.status, 200);
  const { data } = (await response.json()) as { readonly data: readonly ShownDelivery[] };
  return data;
}
