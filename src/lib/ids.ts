/**
 * New ids, shaped as Stripe shapes them: a prefix that names the kind, then base62 characters, each
 * drawn evenly. Lengths of meter and customer ids: Stripe's API reference, examples.
 */
import { createHash, randomFillSync } from 'node:crypto';
import type { Mode } from '../domain/namespace.ts';

/** Gives one uniformly random byte, 0 to 255. */
export type RandomByte = () => number;

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** Every request takes an id of 14 characters: one call of the system serves some 280 of them. */
const POOL_BYTES = 4096;

const systemRandom = pooled(POOL_BYTES);

/** `mtr_` or `mtr_test_`, then 32 characters. */
export function newMeterId(mode: Mode, random: RandomByte = systemRandom): string {
  return (mode === 'live' ? 'mtr_' : 'mtr_test_') + base62(32, random);
}

/** `alrt_` or `alrt_test_`, then 24 characters. */
export function newAlertId(mode: Mode, random: RandomByte = systemRandom): string {
  return (mode === 'live' ? 'alrt_' : 'alrt_test_') + base62(24, random);
}

/** `cus_` and 14 characters. */
export function newCustomerId(random: RandomByte = systemRandom): string {
  return 'cus_' + base62(14, random);
}

/** 8 upper-case letters and digits, as Stripe makes the prefix of a customer's invoices. */
export function newInvoicePrefix(random: RandomByte = systemRandom): string {
  return base62(8, random).toUpperCase();
}

/** `acct_` and 16 characters. */
export function newAccountId(random: RandomByte = systemRandom): string {
  return 'acct_' + base62(16, random);
}

/** `key_` and 16 characters: names a key, opens nothing. */
export function newKeyId(random: RandomByte = systemRandom): string {
  return 'key_' + base62(16, random);
}

/** The secret itself: `sk_live_` or `sk_test_`, then 32 characters, which is 190 bits. */
export function newSecretKey(mode: Mode, random: RandomByte = systemRandom): string {
  return `sk_${mode}_` + base62(32, random);
}

/** The secret of a restricted key: `rk_live_` or `rk_test_`, then as much. */
export function newRestrictedKey(mode: Mode, random: RandomByte = systemRandom): string {
  return `rk_${mode}_` + base62(32, random);
}

/** `bmes_` or `bmes_test_`, then 32 characters: names a meter event session, opens nothing. */
export function newSessionId(mode: Mode, random: RandomByte = systemRandom): string {
  return (mode === 'live' ? 'bmes_' : 'bmes_test_') + base62(32, random);
}

/** The token of a session: `token_`, then 32 characters, which is 190 bits. */
export function newSessionToken(random: RandomByte = systemRandom): string {
  return 'token_' + base62(32, random);
}

/** `evt_` or `evt_test_`, then 32 characters: one id for both APIs. */
export function newCoreEventId(mode: Mode, random: RandomByte = systemRandom): string {
  return (mode === 'live' ? 'evt_' : 'evt_test_') + base62(32, random);
}

/** `ed_` or `ed_test_`, then 32 characters. */
export function newDestinationId(mode: Mode, random: RandomByte = systemRandom): string {
  return (mode === 'live' ? 'ed_' : 'ed_test_') + base62(32, random);
}

/** `we_` and 24 characters. */
export function newWebhookEndpointId(random: RandomByte = systemRandom): string {
  return 'we_' + base62(24, random);
}

/** `whsec_`, then 32 characters, which is 190 bits: the key that deliveries are signed with, prefix and all. */
export function newSigningSecret(random: RandomByte = systemRandom): string {
  return 'whsec_' + base62(32, random);
}

/** `req_` and 14 characters. Cheap: every request takes one. */
export function newRequestId(random: RandomByte = systemRandom): string {
  return 'req_' + base62(14, random);
}

/**
 * `mtr_event_adj_` or `mtr_event_adj_test_`, then 24 characters, which follow from the text: nothing of an
 * adjustment is stored but the cancellation, yet a repeated answer has the id of the first.
 */
export function adjustmentId(mode: Mode, facts: string): string {
  // Four times the bytes that are needed on average: base62 skips some.
  const bytes = createHash('shake256', { outputLength: 100 }).update(facts).digest();
  let next = 0;
  const prefix = mode === 'live' ? 'mtr_event_adj_' : 'mtr_event_adj_test_';
  return prefix + base62(24, () => bytes[next++] ?? 0);
}

/** Takes six bits of a byte and draws again at 62 and 63: a remainder would favour some characters. */
function base62(length: number, random: RandomByte): string {
  let text = '';
  while (text.length < length) text += ALPHABET.charAt(random() & 63);
  return text;
}

/** Bytes of the system's generator, fetched many at a time. A byte handed out is wiped from the pool. */
function pooled(size: number): RandomByte {
  const pool = new Uint8Array(size);
  let next = size;
  return () => {
    if (next === size) {
      randomFillSync(pool);
      next = 0;
    }
    const byte = pool[next] ?? 0;
    pool[next++] = 0;
    return byte;
  };
}
