/** The account of a key, as it stands on the wire. Shape: Stripe's OpenAPI. */
import { toSeconds } from '../../domain/time.ts';
import { accountOf, isLive, type Namespace } from '../../domain/namespace.ts';

/**
 * What setup scripts look at, and what Stripe's schema requires. Nobody is charged or paid here. Stripe has no `livemode`
 * in it, but scripts ask for one.
 */
export function presentAccount(namespace: Namespace, createdMs: number): object {
  const nothing = { statement_descriptor_kana: null, statement_descriptor_kanji: null };
  return {
    id: accountOf(namespace),
    object: 'account',
    business_profile: null,
    business_type: null,
    capabilities: {},
    charges_enabled: false,
    country: 'US',
    created: toSeconds(createdMs),
    default_currency: 'usd',
    details_submitted: false,
    email: null,
    livemode: isLive(namespace),
    metadata: {},
    payouts_enabled: false,
    settings: {
      branding: { icon: null, logo: null, primary_color: null, secondary_color: null },
      card_payments: {
        statement_descriptor_prefix: null,
        statement_descriptor_prefix_kana: null,
        statement_descriptor_prefix_kanji: null,
      },
      dashboard: { display_name: 'Taximeter', timezone: 'Etc/UTC' },
      payments: { statement_descriptor: null, ...nothing },
    },
    type: 'standard',
  };
}
