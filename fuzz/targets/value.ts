import assert from 'node:assert/strict';
import {
  formatQuantity,
  parseDecimal,
  parseQuantity,
  toQuantity,
} from '../../src/domain/quantity.ts';
import { corpusOf } from '../corpus.ts';
import { type Target } from '../target.ts';

const UNITS_DIGITS = 12;

/** Values of events, against arithmetic on integers alone. */
export const value: Target<ReturnType<typeof parseQuantity>> = {
  name: 'value',
  ...corpusOf('value'),
  // A text of a payload has at most 100 characters.
  lengthMax: 1_000,
  read: parseQuantity,
  check: (input, read) => {
    assert.equal(read, expected(input));
    if (typeof read === 'string') return read;
    const decimal = parseDecimal(input);
    assert.ok(typeof decimal !== 'string' && toQuantity(decimal) === read);
    const written = formatQuantity(read);
    assert.equal(parseQuantity(written), read, 'read, written and read again');
    if (decimal.canonical) assert.equal(written, input);
    return `${decimal.canonical} ${Math.min(written.length, 30)}`;
  },
};

/** Digits and powers of ten; an exponent that no allowed number has is not computed with. */
function expected(text: string): bigint | 'not_a_number' | 'too_many_digits' {
  const parts = /^(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/.exec(text);
  if (parts === null) return 'not_a_number';
  if (text.length > 100) return 'too_many_digits';
  const [, sign, whole = '', fraction = '', exponent = '0'] = parts;
  const digits = BigInt(whole + fraction);
  if (digits === 0n) return 0n;
  const power = BigInt(exponent) - BigInt(fraction.length) + BigInt(UNITS_DIGITS);
  if (power > 200n || power < -200n) return 'too_many_digits';
  const scale = 10n ** (power < 0n ? -power : power);
  if (power < 0n && digits % scale !== 0n) return 'too_many_digits';
  const units = power < 0n ? digits / scale : digits * scale;
  if (units >= 10n ** 27n) return 'too_many_digits';
  return sign === '-' ? -units : units;
}
