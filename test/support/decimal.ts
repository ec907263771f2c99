/** Exact decimals for oracles: bigint units of 1e-12, written here anew so that no rule is shared with the server. */
const SCALE = 12;
export const ONE = 10n ** BigInt(SCALE);

/** Units of 1e-12. Takes plain and exponent decimals; throws when digits would be lost. */
export function units(text: string): bigint {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/u.exec(text);
  if (match === null) throw new Error(`not a decimal: ${text}`);
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  const shift = SCALE + Number(exponent) - fraction.length;
  const digits = BigInt(whole + fraction);
  const scaled = shift >= 0 ? digits * 10n ** BigInt(shift) : digits / 10n ** BigInt(-shift);
  if (shift < 0 && scaled * 10n ** BigInt(-shift) !== digits) throw new Error(`too fine: ${text}`);
  return sign === '-' ? -scaled : scaled;
}

/** Plain digits without trailing zeros, such as `-1.5`. */
export function digits(value: bigint): string {
  const text = (value < 0n ? -value : value).toString().padStart(SCALE + 1, '0');
  const fraction = text.slice(-SCALE).replace(/0+$/u, '');
  const plain = text.slice(0, -SCALE) + (fraction === '' ? '' : `.${fraction}`);
  return value < 0n ? `-${plain}` : plain;
}
