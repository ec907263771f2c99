import assert from 'node:assert/strict';
import { parseApiVersion } from '../../src/domain/api-version.ts';
import { authenticate, secretOf } from '../../src/api/access/auth.ts';
import { prefersRepresentation } from '../../src/api/read/prefer.ts';
import { corpusOf } from '../corpus.ts';
import { refusalOf, type Target } from '../target.ts';

type Read = {
  readonly header: string;
  readonly prefers: boolean;
  readonly version: string | undefined;
  readonly refused: unknown;
};

/**
 * Authorization and accounts: no key is repeated in a refusal. Prefer: an answer, whatever it says. Stripe-Version: a
 * version is a day, and the beginning of what was sent.
 */
export const headers: Target<Read> = {
  name: 'headers',
  ...corpusOf('headers'),
  // All headers together are no longer.
  lengthMax: 16 * 1024,
  read: (input) => {
    // Node hands headers on as Latin-1.
    const header = Buffer.from(input, 'latin1').toString('latin1');
    const prefers = prefersRepresentation({ prefer: header });
    const version = parseApiVersion(header);
    try {
      authenticate(secretOf(header) ?? '', undefined, 0);
      return { header, prefers, version, refused: undefined };
    } catch (refused) {
      return { header, prefers, version, refused };
    }
  },
  check: (_, { header, prefers, version, refused }) => {
    if (version !== undefined) {
      assert.ok(header.startsWith(version));
      const [date = ''] = version.split('.');
      assert.equal(new Date(date).toISOString().slice(0, date.length), date);
    }
    if (!/["\\]/u.test(header)) assert.equal(prefers, firstReturn(header) === 'representation');
    const secret = secretOf(header) ?? '';
    if (secret.length > 12) assert.ok(!String(refused).includes(secret), 'a key in a refusal');
    return `${prefers} ${version !== undefined} ${refusalOf(refused)}`;
  },
};

/** The value of the first preference of that name, where nothing is quoted. */
function firstReturn(header: string): string | undefined {
  for (const preference of header.split(',')) {
    const [pair = ''] = preference.split(';');
    const [name = '', ...value] = pair.split('=');
    if (name.trim().toLowerCase() === 'return') return value.join('=').trim().toLowerCase();
  }
  return undefined;
}
