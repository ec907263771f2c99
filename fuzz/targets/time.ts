import assert from 'node:assert/strict';
import { formatRfc3339, parseTime } from '../../src/domain/rfc3339.ts';
import { corpusOf } from '../corpus.ts';
import { type Target } from '../target.ts';

const GRAMMAR =
  /^(\d{4}-\d\d-\d\d)t(\d\d:\d\d:\d\d)(\.\d+)?(?:z|([+-])((?:[01]\d|2[0-3]):[0-5]\d))$/i;

/** Times, against the Date of the engine; or seconds, against integers. */
export const time: Target<number | undefined> = {
  name: 'time',
  ...corpusOf('time'),
  read: parseTime,
  check: (input, read) => {
    assert.equal(read, expected(input));
    if (read === undefined) return 'none';
    const inYears = read >= -62_167_219_200_000 && read < 253_402_300_800_000;
    if (inYears) assert.equal(parseTime(formatRfc3339(read)), read, 'read, written, read again');
    return `${Math.sign(read)} ${Math.min(input.length, 40)}`;
  },
};

function expected(text: string): number | undefined {
  if (/^-?[0-9]{1,13}$/.test(text)) {
    const timeMs = BigInt(text) * 1000n;
    return BigInt(Number.MAX_SAFE_INTEGER) >= (timeMs < 0n ? -timeMs : timeMs)
      ? Number(timeMs)
      : undefined;
  }
  const [, date, clock, fraction = '', sign, offset = '00:00'] = GRAMMAR.exec(text) ?? [];
  if (date === undefined || clock === undefined || /[^\0-\x7f]/.test(text)) return undefined;
  const local = `${date}T${clock}.${(fraction.slice(1, 4) || '0').padEnd(3, '0')}Z`;
  const localMs = Date.parse(local);
  // Date takes 30 February for 1 March, and 24:00 for the day after.
  if (Number.isNaN(localMs) || new Date(localMs).toISOString() !== local) return undefined;
  const [hours = 0, minutes = 0] = offset.split(':').map(Number);
  return localMs - (sign === '-' ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}
