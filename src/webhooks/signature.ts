import { createHmac } from 'node:crypto';

/**
 * The `Stripe-Signature` of a body that is sent at that time: one `v1` for each secret. The key is the whole secret,
 * its `whsec_` included (stripe-node 23, `Webhooks.js`).
 */
export function signatureHeader(secrets: readonly string[], sentS: number, body: string): string {
  const signed = `${sentS}.${body}`;
  const signatures = secrets.map(
    (secret) => `v1=${createHmac('sha256', secret).update(signed).digest('hex')}`,
  );
  return [`t=${sentS}`, ...signatures].join(',');
}
