/**
 * Times as the v2 API writes and takes them (RFC 3339, and whole Unix seconds), in milliseconds since
 * 1970-01-01T00:00:00Z.
 *
 * By character codes and integer arithmetic, without Date or a pattern: a stream reads some 400,000 of them
 * a second.
 */

import { DAY_MS, MINUTE_MS, SECOND_MS } from './time.ts';

/** `YYYY-MM-DDTHH:MM:SS` is this long; then come digits of a second, if any, and the offset. */
const SECONDS_END = 19;
const [T, Z, PLUS, MINUS, COLON, POINT, ZERO] = [84, 90, 43, 45, 58, 46, 48];
/** What the lower case of a letter has and the upper case lacks. */
const LOWER_CASE = 32;

const DAYS_OF_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** The last second of the year 9999, which is as far as RFC 3339 reaches. */
export const LAST_SECOND = 253_402_300_799;
const UNIX_SECONDS = /^-?\d{1,13}$/u;

/**
 * A time as the v2 API takes one, undefined when it is none: RFC 3339, or whole Unix seconds as a number or in digits,
 * which is what Stripe's SDKs make of their language's own times (stripe-node 23 of a `Date`, stripe-python 16 of a
 * `datetime`). Seconds may reach past the year 9999, so that milliseconds by mistake are a time too far off, and told so.
 */
export function parseTime(sent: string | number): number | undefined {
  if (typeof sent === 'string') {
    if (sent.length > SECONDS_END) return parseRfc3339(sent);
    return UNIX_SECONDS.test(sent) ? parseTime(Number(sent)) : undefined;
  }
  // -0 plus 0 is 0.
  const timeMs = sent * SECOND_MS + 0;
  return Number.isInteger(sent) && Number.isSafeInteger(timeMs) ? timeMs : undefined;
}

/** Whether `parseTime` takes a text for seconds. */
export function isUnixSeconds(text: string): boolean {
  return UNIX_SECONDS.test(text);
}

/**
 * For the end of a refusal of a time: the unit that so many seconds were probably meant in; '' when seconds may be right, and
 * for what is no time in any unit. `sent`: with all the digits that a number has no room for.
 */
export function unitHint(seconds: number, sent = String(seconds)): string {
  if (!(seconds > LAST_SECOND && seconds < 1e20)) return '';
  const unit = seconds < 1e14 ? 'milliseconds' : seconds < 1e17 ? 'microseconds' : 'nanoseconds';
  return ` ${sent} looks like ${unit}: send whole seconds.`;
}

/**
 * The time that the text says; undefined when it says none. Strict as RFC 3339, section 5.6: a date and a
 * time of the Gregorian calendar, years 0000 to 9999, `T` and `Z` in either case, any offset up to ±23:59.
 * Digits past the millisecond are cut, not rounded. A leap second (`:60`) is refused, as most clocks have none.
 */
export function parseRfc3339(text: string): number | undefined {
  // Also keeps every charCodeAt below within the text.
  if (text.length <= SECONDS_END) return undefined;
  if (
    text.charCodeAt(4) !== MINUS ||
    text.charCodeAt(7) !== MINUS ||
    text.charCodeAt(13) !== COLON ||
    text.charCodeAt(16) !== COLON ||
    (text.charCodeAt(10) & ~LOWER_CASE) !== T
  ) {
    return undefined;
  }
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  const hour = twoDigits(text, 11);
  const minute = twoDigits(text, 14);
  const second = twoDigits(text, 17);
  // NaN, which stands for what is not a digit, fails each comparison.
  const isTime = year >= 0 && hour <= 23 && minute <= 59 && second <= 59;
  if (!isTime || !(day >= 1 && day <= daysOfMonth(year, month))) return undefined;
  const fractionEnd = endOfFraction(text);
  const offsetMs = offsetAt(text, fractionEnd);
  if (offsetMs === undefined) return undefined;
  const seconds = (hour * 60 + minute) * 60 + second;
  const local = daysSinceEpoch(year, month, day) * DAY_MS + seconds * SECOND_MS;
  return local + millisecondsOf(text, fractionEnd) - offsetMs;
}

/** `2024-06-01T12:00:00.000Z`: UTC, three digits. For whole milliseconds of the years 0000 to 9999. */
export function formatRfc3339(timeMs: number): string {
  const days = Math.floor(timeMs / DAY_MS);
  const inDay = timeMs - days * DAY_MS;
  const seconds = Math.floor(inDay / SECOND_MS);
  const minutes = Math.floor(seconds / 60);
  const time = `${padded(Math.floor(minutes / 60), 2)}:${padded(minutes % 60, 2)}:${padded(seconds % 60, 2)}`;
  return `${dateOf(days)}T${time}.${padded(inDay % SECOND_MS, 3)}Z`;
}

/** 0 to 99; NaN when one of the two is no digit. */
function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - ZERO;
  const ones = text.charCodeAt(at + 1) - ZERO;
  return isDigit(tens) && isDigit(ones) ? tens * 10 + ones : NaN;
}

function isDigit(value: number): boolean {
  return value >= 0 && value <= 9;
}

/** 0 for what is no month. */
function daysOfMonth(year: number, month: number): number {
  if (month === 2 && isLeap(year)) return 29;
  return DAYS_OF_MONTH[month - 1] ?? 0;
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** Where the offset begins: after `.` and its digits, of which there must be one, or at once. */
function endOfFraction(text: string): number {
  if (text.charCodeAt(SECONDS_END) !== POINT) return SECONDS_END;
  let end = SECONDS_END + 1;
  while (isDigit(text.charCodeAt(end) - ZERO)) end += 1;
  // A point alone stays unread, and is no offset.
  return end === SECONDS_END + 1 ? SECONDS_END : end;
}

function millisecondsOf(text: string, fractionEnd: number): number {
  let milliseconds = 0;
  for (
    let at = SECONDS_END + 1, worth = 100;
    at < fractionEnd && worth >= 1;
    at += 1, worth /= 10
  ) {
    milliseconds += (text.charCodeAt(at) - ZERO) * worth;
  }
  return milliseconds;
}

/** What local time is ahead of UTC by; undefined unless the offset is all that is left of the text. */
function offsetAt(text: string, at: number): number | undefined {
  const sign = text.charCodeAt(at);
  if ((sign & ~LOWER_CASE) === Z) return text.length === at + 1 ? 0 : undefined;
  if (sign !== PLUS && sign !== MINUS) return undefined;
  if (text.length !== at + 6 || text.charCodeAt(at + 3) !== COLON) return undefined;
  const hours = twoDigits(text, at + 1);
  const minutes = twoDigits(text, at + 4);
  if (!(hours <= 23 && minutes <= 59)) return undefined;
  const offsetMs = (hours * 60 + minutes) * MINUTE_MS;
  return sign === PLUS ? offsetMs : -offsetMs;
}

/** Days of the 400 years after which the calendar repeats, and days before 1970 since 0000-03-01. */
const ERA_DAYS = 146_097;
const EPOCH_DAYS = 719_468;

/**
 * Both ways count years from 1 March, so that a leap day is the last of its year (Howard Hinnant,
 * chrono-compatible low-level date algorithms).
 */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const leapDays = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  return era * ERA_DAYS + yearOfEra * 365 + leapDays + dayOfYear - EPOCH_DAYS;
}

/** `YYYY-MM-DD` */
function dateOf(daysSince1970: number): string {
  const days = daysSince1970 + EPOCH_DAYS;
  const era = Math.floor(days / ERA_DAYS);
  const dayOfEra = days - era * ERA_DAYS;
  const leapDays =
    Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leapDays) / 365);
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const fromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * fromMarch + 2) / 5) + 1;
  const month = ((fromMarch + 2) % 12) + 1;
  const year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0);
  return `${padded(year, 4)}-${padded(month, 2)}-${padded(day, 2)}`;
}

function padded(value: number, length: number): string {
  return String(value).padStart(length, '0');
}
