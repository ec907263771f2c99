/**
 * SQL with `{name:Type}` placeholders, and the values to put there.
 *
 * The engine could bind them itself, but chDB runs all bound statements of a process one after the other: a
 * summary would wait for every look-up that came before it. So values become literals here, and no byte of a
 * text enters the SQL other than as two hexadecimal digits: whatever a client sends, the statement's shape
 * is the one that was written down.
 */
export type Statement = {
  readonly sql: string;
  readonly params: Readonly<Record<string, Value>>;
};

type Value = string | number | readonly string[] | readonly number[];

/** The statement as one text. Throws when a value is missing or is not of its placeholder's type. */
export function toText({ sql, params }: Statement): string {
  return sql.replaceAll(/\{(\w+):([^}]+)\}/gu, (_, name: string, type: string) => {
    const value = Object.hasOwn(params, name) ? params[name] : undefined;
    const text = literalOf(type, value);
    if (text === undefined) throw new TypeError(`{${name}:${type}} cannot be ${typeof value}.`);
    return text;
  });
}

function literalOf(type: string, value: Value | undefined): string | undefined {
  switch (type) {
    case 'String':
      return typeof value === 'string' ? stringLiteral(value) : undefined;
    case 'Array(String)':
      return arrayLiteral('String', value);
    case 'Integer':
      return Number.isSafeInteger(value) ? String(value) : undefined;
    case 'Array(Integer)':
      return arrayLiteral('Integer', value);
    default:
      return undefined;
  }
}

function arrayLiteral(type: string, value: Value | undefined): string | undefined {
  if (typeof value !== 'object') return undefined;
  const items = value.map((item) => literalOf(type, item));
  return items.includes(undefined) ? undefined : `[${items.join(', ')}]`;
}

const QUOTE = 0x27;
const BACKSLASH = 0x5c;
const LETTER_X = 0x78;
const DIGITS = Buffer.from('0123456789abcdef');

/**
 * `'\x61\x62'` for `ab`: the text's UTF-8 bytes; a lone surrogate counts as U+FFFD. A query may have ten thousand of them,
 * so byte by byte: a tenth of what a regular expression takes.
 */
function stringLiteral(text: string): string {
  const bytes = Buffer.from(text);
  const literal = Buffer.allocUnsafe(4 * bytes.length + 2);
  let at = 0;
  literal[at++] = QUOTE;
  for (let i = 0; i < bytes.length; i += 1) {
    const byte = bytes[i]!;
    literal[at++] = BACKSLASH;
    literal[at++] = LETTER_X;
    literal[at++] = DIGITS[byte >> 4]!;
    literal[at++] = DIGITS[byte & 15]!;
  }
  literal[at] = QUOTE;
  return literal.toString('latin1');
}
