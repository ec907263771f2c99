/** Inputs that are well-formed, for what no change of letters would reach: any name anywhere, any value under it. */
import type { Random } from '../test/support/random.ts';
import { COMMON_TOKENS } from './corpus.ts';

const NAMES = [
  'event_name',
  'payload',
  'identifier',
  'timestamp',
  'stripe_customer_id',
  'value',
  'type',
  'cancel',
  'limit',
  'expand',
  'customer',
  'metadata',
];
const TEXTS = [
  'requests',
  '1',
  '25.5',
  '-1e3',
  '',
  'cus_1',
  '2025-12-31T12:00:00Z',
  'cancel',
  '10',
];
const LITERALS = [
  'null',
  'true',
  '0',
  '-1.5e400',
  '12345678901234567890',
  '[]',
  '{}',
  '[{}]',
  '""',
];
const DEPTH_MAX = 5;

/** An object, mostly such as an event is. */
export function generateJson(random: Random): string {
  return hash(random, 1);
}

function hash(random: Random, depth: number): string {
  const pairs = Array.from(
    { length: random.below(5) },
    () => `${JSON.stringify(name(random))}:${value(random, depth)}`,
  );
  // About as many as a payload may have.
  if (random.chance(0.01)) pairs.push(...numbered(random, 90 + random.below(20)));
  if (random.chance(0.8)) pairs.push(depth === 1 ? event(random) : payload(random));
  return `{${random.shuffled(pairs).join(',')}}`;
}

function numbered(random: Random, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `"k${index}":${JSON.stringify(text(random))}`);
}

function event(random: Random): string {
  const inner = random.chance(0.9) ? hash(random, DEPTH_MAX) : value(random, 1);
  return `"event_name":"requests","payload":${inner}`;
}

function payload(random: Random): string {
  return `"stripe_customer_id":${JSON.stringify(text(random))},"value":"${random.below(1000)}"`;
}

function value(random: Random, depth: number): string {
  if (depth < DEPTH_MAX && random.chance(0.2)) return hash(random, depth + 1);
  if (random.chance(0.15)) return random.pick(LITERALS);
  return JSON.stringify(text(random));
}

/** Pairs with brackets, now and then escaped. */
export function generateForm(random: Random): string {
  const pairs = Array.from({ length: 1 + random.below(6) }, () => {
    let path = escaped(random, name(random));
    for (let depth = random.below(4); depth > 0; depth -= 1) {
      path += random.chance(0.1) ? '[]' : `[${escaped(random, name(random))}]`;
    }
    return `${path}=${escaped(random, text(random))}`;
  });
  if (random.chance(0.5)) pairs.push('event_name=x&payload[value]=1');
  return random.shuffled(pairs).join('&');
}

function escaped(random: Random, one: string): string {
  return random.chance(0.8) ? encodeURIComponent(one.toWellFormed()) : one;
}

function name(random: Random): string {
  return random.pick(random.chance(0.8) ? NAMES : COMMON_TOKENS);
}

function text(random: Random): string {
  const one = random.pick(random.chance(0.7) ? TEXTS : COMMON_TOKENS);
  return random.chance(0.02) ? one.repeat(random.below(60)) : one;
}
