import type { ResendConfig } from '../config/client-config.ts';
import { print } from '../lib/terminal.ts';
import { callApi } from './api-client.ts';

/** `taximeter events resend`: to one destination, or to all that want the event. */
export async function resendEvent(config: ResendConfig): Promise<void> {
  const { eventId, webhookEndpoint } = config;
  const form = new URLSearchParams();
  if (webhookEndpoint !== undefined) form.set('webhook_endpoint', webhookEndpoint);
  await callApi(config, 'POST', `/v1/events/${eventId}/retry`, { form });
  print(`${eventId} is sent again${webhookEndpoint ? ` to ${webhookEndpoint}` : ''}.`);
}
