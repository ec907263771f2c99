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

/**
 * A decimal as it is read: exact, in two parts that fit a number each, because making and taking apart bigints
 * costs ten times what the rest of reading does.
 */
export type Decimal = {
  readonly negative: boolean;
  /** Below 10^15. */
  readonly whole: number;
  /** In units of 1e-12, below 10^12. */
  readonly fraction: number;
  /** Whether the text that was read is the one that `formatQuantity` writes. */
  readonly canonical: boolean;
};

/** An event of a `count` meter. */
export const ONE: Decimal = { negative: false, whole: 1, fraction: 0, canonical: true };

/** The greatest that Go's int64, Java's and .NET's long hold. */
const INT64_MAX = 2n ** 63n - 1n;

/** Enough for every number within the limits, however it is padded with zeros in good faith. */
const TEXT_LENGTH_MAX = 100;

/** JSON's number (RFC 8259, section 6), except that leading zeros are fine. Each text matches in one way only. */
const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** 10^0 to 10^26: what one unit of the lowest and of the highest allowed digit are worth. */
const POWERS_OF_TEN = Array.from(
  { length: INTEGER_DIGITS_MAX + FRACTION_DIGITS_MAX },
  (_, exponent) => 10n ** BigInt(exponent),
);
const FRACTION_UNITS = Array.from({ length: FRACTION_DIGITS_MAX + 1 }, (_, digits) =>
  Number(10n ** BigInt(FRACTION_DIGITS_MAX - digits)),
);

const ZERO_CODE = 48;
const POINT_CODE = 46;
const MINUS_CODE = 45;

/**
 * Reads a decimal as people and JSON write it: `-`, digits, `.digits`, exponent; nothing else, no spaces.
 *
 * Digits are counted after the exponent is applied and the zeros at both ends are dropped, so `0.1e1`,
 * `1.000` and `001` are all 1. Takes time in proportion to the text, also for `1e999999999`. A text of more
 * than 100 characters is refused, even if most of them are zeros. `-0` is 0.
 */
export function parseDecimal(text: string): Decimal | 'not_a_number' | 'too_many_digits' {
  return readPlain(text) ?? readAny(text);
}

/** The common case, digits and perhaps a point, none of them too many: a quarter of the time. */
function readPlain(text: string): Decimal | undefined {
  const negative = text.charCodeAt(0) === MINUS_CODE;
  const start = negative ? 1 : 0;
  const wholeEnd = digitsEnd(text, start, INTEGER_DIGITS_MAX);
  const hasPoint = text.charCodeAt(wholeEnd) === POINT_CODE;
  const fractionStart = wholeEnd + 1;
  const end = hasPoint ? digitsEnd(text, fractionStart, FRACTION_DIGITS_MAX) : wholeEnd;
  if (end !== text.length || wholeEnd === start || (hasPoint && end === fractionStart)) {
    return undefined;
  }
  const whole = numberOf(text, start, wholeEnd);
  const fraction = hasPoint
    ? numberOf(text, fractionStart, end) * FRACTION_UNITS[end - fractionStart]!
    : 0;
  const isZero = whole === 0 && fraction === 0;
  const canonical =
    (wholeEnd - start === 1 || text.charCodeAt(start) !== ZERO_CODE) &&
    !(hasPoint && text.charCodeAt(end - 1) === ZERO_CODE) &&
    !(negative && isZero);
  return { negative: negative && !isZero, whole, fraction, canonical };
}

/** Where the digits that begin at `at` end, looking at no more than `max` of them. */
function digitsEnd(text: string, at: number, max: number): number {
  let end = at;
  while (end < at + max && isDigit(text.charCodeAt(end))) end += 1;
  return end;
}

function isDigit(code: number): boolean {
  return code >= ZERO_CODE && code <= ZERO_CODE + 9;
}

/** The number that these digits make: at most 15 of them, so it is exact. */
function numberOf(text: string, start: number, end: number): number {
  let number = 0;
  for (let at = start; at < end; at += 1) number = number * 10 + text.charCodeAt(at) - ZERO_CODE;
  return number;
}

function readAny(text: string): Decimal | 'not_a_number' | 'too_many_digits' {
  const match = NUMBER.exec(text);
  if (match === null) return 'not_a_number';
  if (text.length > TEXT_LENGTH_MAX) return 'too_many_digits';
  const [, sign, integer = '', fraction = '', exponent = '0'] = match;
  const units = scale(integer + fraction, integer.length + Number(exponent));
  if (units === 'too_many_digits') return units;
  return { ...toDecimal(sign === '-' ? -units : units), canonical: false };
}

/** The quantity whose decimal point stands after `point` of the digits, which may be beyond either end. */
function scale(digits: string, point: number): Quantity | 'too_many_digits' {
  let start = 0;
  let end = digits.length;
  while (start < end && digits[start] === '0') start += 1;
  while (start < end && digits[end - 1] === '0') end -= 1;
  if (start === end) return 0n;
  if (point - start > INTEGER_DIGITS_MAX || end - point > FRACTION_DIGITS_MAX) {
    return 'too_many_digits';
  }
  return BigInt(digits.slice(start, end)) * POWERS_OF_TEN[FRACTION_DIGITS_MAX - (end - point)]!;
}

/** As `parseDecimal`, as one bigint. */
export function parseQuantity(text: string): Quantity | 'not_a_number' | 'too_many_digits' {
  const decimal = parseDecimal(text);
  return typeof decimal === 'string' ? decimal : toQuantity(decimal);
}

export function toQuantity({ negative, whole, fraction }: Decimal): Quantity {
  const units = BigInt(whole) * UNITS_PER_ONE + BigInt(fraction);
  return negative ? -units : units;
}

/** The quantity must be within the limits of an event's value. */
export function toDecimal(quantity: Quantity): Decimal {
  const units = quantity < 0n ? -quantity : quantity;
  return {
    negative: quantity < 0n,
    whole: Number(units / UNITS_PER_ONE),
    fraction: Number(units % UNITS_PER_ONE),
    canonical: true,
  };
}

/**
 * The digits of the whole number at or below it, which is what a field that Stripe types as an integer can say of it. One
 * beyond 64 bits says the greatest, or least, that they hold: the SDKs of Go and Java refuse the whole answer otherwise.
 */
export function formatInt64(quantity: Quantity): string {
  const truncated = quantity / UNITS_PER_ONE;
  const whole = truncated * UNITS_PER_ONE > quantity ? truncated - 1n : truncated;
  if (whole > INT64_MAX) return INT64_MAX.toString();
  return (whole < -INT64_MAX - 1n ? -INT64_MAX - 1n : whole).toString();
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
