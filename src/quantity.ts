/**
 * Exact decimals (promise P5). From the wire in to the wire out a quantity is a bigint of 1e-12 units;
 * nothing here passes through a float.
 */

/** An exact decimal, in units of 1e-12. Plain bigint arithmetic is right: add, subtract, negate, compare. */
export type Quantity = bigint;

/** Stripe's limits on a meter event's value: this many digits before and after the point. */
const INTEGER_DIGITS_MAX = 15;
const FRACTION_DIGITS_MAX = 12;

export const UNITS_PER_ONE: Quantity = 10n ** BigInt(FRACTION_DIGITS_MAX);

/** Enough for every number within the limits, however it is padded with zeros in good faith. */
const TEXT_LENGTH_MAX = 100;

/** JSON's number (RFC 8259, section 6), except that leading zeros are fine. Each text matches in one way only. */
const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** The common case, a whole number within the limits: half the time. */
const PLAIN_INTEGER = /^\d{1,15}$/;

/** 10^0 to 10^26: what one unit of the lowest and of the highest allowed digit are worth. */
const POWERS_OF_TEN = Array.from(
  { length: INTEGER_DIGITS_MAX + FRACTION_DIGITS_MAX },
  (_, exponent) => 10n ** BigInt(exponent),
);

/**
 * Reads a decimal as people and JSON write it: `-`, digits, `.digits`, exponent; nothing else, no spaces.
 *
 * Digits are counted after the exponent is applied and the zeros at both ends are dropped, so `0.1e1`,
 * `1.000` and `001` are all 1. Takes time in proportion to the text, also for `1e999999999`. A text of more
 * than 100 characters is refused, even if most of them are zeros. `-0` is 0.
 */
export function parseQuantity(text: string): Quantity | 'not_a_number' | 'too_many_digits' {
  if (PLAIN_INTEGER.test(text)) return BigInt(text) * UNITS_PER_ONE;
  const match = NUMBER.exec(text);
  if (match === null) return 'not_a_number';
  if (text.length > TEXT_LENGTH_MAX) return 'too_many_digits';
  const [, sign, integer = '', fraction = '', exponent = '0'] = match;
  return scale(integer + fraction, integer.length + Number(exponent), sign === '-');
}

/** The quantity whose decimal point stands after `point` of the digits, which may be beyond either end. */
function scale(digits: string, point: number, negative: boolean): Quantity | 'too_many_digits' {
  let start = 0;
  let end = digits.length;
  while (start < end && digits[start] === '0') start += 1;
  while (start < end && digits[end - 1] === '0') end -= 1;
  if (start === end) return 0n;
  if (point - start > INTEGER_DIGITS_MAX || end - point > FRACTION_DIGITS_MAX) {
    return 'too_many_digits';
  }
  const units =
    BigInt(digits.slice(start, end)) * POWERS_OF_TEN[FRACTION_DIGITS_MAX - (end - point)]!;
  return negative ? -units : units;
}

/**
 * Plain decimal digits, the shortest that say the same: no exponent, no trailing zeros, no trailing point,
 * no `-0`. A valid JSON number. Any size: sums may have more digits than an event's value.
 */
export function formatQuantity(quantity: Quantity): string {
  if (quantity < 0n) return `-${formatQuantity(-quantity)}`;
  const digits = quantity.toString().padStart(FRACTION_DIGITS_MAX + 1, '0');
  const point = digits.length - FRACTION_DIGITS_MAX;
  let end = digits.length;
  while (end > point && digits[end - 1] === '0') end -= 1;
  return end === point
    ? digits.slice(0, point)
    : `${digits.slice(0, point)}.${digits.slice(point, end)}`;
}
