/**
 * When the usage of a rejected event happened, as it says: `saidTimeMs` in SQL, for all the events that a search looks
 * through. NULL where that is undefined.
 */

/** A text of RFC 3339, by its parts: year, month, day, hour, minute, second, digits of a second, offset. */
const RFC3339 = String.raw`^(\\d{4})-(\\d{2})-(\\d{2})[Tt](\\d{2}):(\\d{2}):(\\d{2})(?:[.](\\d+))?([Zz]|[+-]\\d{2}:\\d{2})$`;

const part = (index: number): string => `toInt64OrZero(p[${index}])`;
const [YEAR, MONTH, DAY, HOUR, MINUTE, SECOND] = [1, 2, 3, 4, 5, 6].map(part);
const OFFSET = 'p[8]';
const OFFSET_HOUR = `toInt64OrZero(substring(${OFFSET}, 2, 2))`;
const OFFSET_MINUTE = `toInt64OrZero(substring(${OFFSET}, 5, 2))`;

const IS_LEAP = `(${YEAR} % 4 = 0 AND (${YEAR} % 100 != 0 OR ${YEAR} % 400 = 0))`;
/** 0 for what is no month. */
const DAYS_OF_MONTH = `multiIf(
  ${MONTH} = 2, if(${IS_LEAP}, 29, 28),
  ${MONTH} IN (4, 6, 9, 11), 30,
  ${MONTH} BETWEEN 1 AND 12, 31,
  0)`;
const IS_TIME = `(
  ${DAY} BETWEEN 1 AND ${DAYS_OF_MONTH}
  AND ${HOUR} <= 23 AND ${MINUTE} <= 59 AND ${SECOND} <= 59
  AND ${OFFSET_HOUR} <= 23 AND ${OFFSET_MINUTE} <= 59)`;

/** Years and days are counted from 1 March of the year 0, as in `daysSinceEpoch`; none of it is below zero from there on. */
const SHIFTED_YEAR = `(${YEAR} + 400 - if(${MONTH} <= 2, 1, 0))`;
const DAYS = `(
  ${SHIFTED_YEAR} * 365 + intDiv(${SHIFTED_YEAR}, 4) - intDiv(${SHIFTED_YEAR}, 100) + intDiv(${SHIFTED_YEAR}, 400)
  + intDiv(153 * ((${MONTH} + 9) % 12) + 2, 5) + ${DAY} - 1 - 719468 - 146097)`;
const MILLISECONDS = `toInt64OrZero(rightPad(substring(p[7], 1, 3), 3, '0'))`;
const OFFSET_MS = `(
  multiIf(startsWith(${OFFSET}, '+'), 1, startsWith(${OFFSET}, '-'), -1, 0)
  * (${OFFSET_HOUR} * 60 + ${OFFSET_MINUTE}) * 60000)`;
const RFC3339_MS = `
  (((${DAYS} * 24 + ${HOUR}) * 60 + ${MINUTE}) * 60 + ${SECOND}) * 1000 + ${MILLISECONDS} - ${OFFSET_MS}`;

/** As far as milliseconds are exact (Number.MAX_SAFE_INTEGER). */
const SECONDS_MAX = 9_007_199_254_740;
const secondsToMs = (seconds: string): string =>
  `if(abs(${seconds}) <= ${SECONDS_MAX}, toNullable(${seconds} * 1000), NULL)`;

/** An integer of more than 64 bits with a sign would be 0 without the null. */
const NUMBER = `JSONExtract(sent, 'timestamp', 'Nullable(Int64)')`;
const TEXT = `JSONExtractString(sent, 'timestamp')`;
/** Of an array with one item, so that what is parsed once has a name. */
const TEXT_MS = `arrayMap(p -> if(notEmpty(p) AND ${IS_TIME}, toNullable(${RFC3339_MS}), NULL),
  [extractGroups(${TEXT}, '${RFC3339}')])[1]`;

/** An expression over the columns of `rejections`. */
export const SAID_TIME_MS = `multiIf(
  JSONType(sent) != 'Object', NULL,
  JSONType(sent, 'timestamp') = 'Null', toNullable(toUnixTimestamp64Milli(received_at)),
  JSONType(sent, 'timestamp') IN ('Int64', 'UInt64'), ${secondsToMs(NUMBER)},
  JSONType(sent, 'timestamp') != 'String', NULL,
  match(${TEXT}, '^-?\\\\d{1,13}$'), ${secondsToMs(`toInt64OrZero(${TEXT})`)},
  ${TEXT_MS})`;
