import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseJson } from './parse-json.ts';

/** Names that V8 takes for one with a backslash, once it has read that one. */
const CONFUSED = ['"', '\n', '\r', '\t', '\f', '\b', '\u0000', '\\', '\u001f', 'a"', 'ab\n', 'a\\'];

/** Every way to write a name. */
function spelt(name: string, isEscaped: boolean): string {
  if (!isEscaped) return JSON.stringify(name);
  const units = [...Array(name.length).keys()].map((at) => name.charCodeAt(at));
  return `"${units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')}"`;
}

const name = fc.oneof(
  fc.constantFrom(...CONFUSED, 'h', 'a', '__proto__', '1', ''),
  fc.string({ unit: fc.constantFrom('a', 'b', '\\', '"', 'u', '0', '\n', 'é', '😀') }),
);
const tree = fc.letrec<{ value: string; object: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom('1', '[]', '"\\""', '"a\\\\"', 'null'),
    tie('object'),
    fc.array(tie('object'), { maxLength: 2 }).map((items) => `[${items.join(',')}]`),
  ),
  object: fc
    .array(fc.tuple(name, fc.boolean(), tie('value'), fc.constantFrom('', ' ', '\n')), {
      maxLength: 4,
    })
    .map(
      (pairs) =>
        `{${pairs.map(([key, isEscaped, value, space]) => `${spelt(key, isEscaped)}${space}:${value}`).join(',')}}`,
    ),
}));

test('names are what was written, whatever was read before', () => {
  // As two objects of the same names in the same order are: one of them has a name with a backslash.
  for (const key of CONFUSED) {
    for (const backslash of ['\\', 'a\\', 'ab\\'])
      parseJson(`{"h":0,${JSON.stringify(backslash)}:0}`);
    for (let n = 0; n < 3; n += 1) {
      assert.deepEqual(Object.keys(parseJson(`{"h":1,${JSON.stringify(key)}:2}`) as object), [
        'h',
        key,
      ]);
    }
  }
});

test('of a name that is there twice the last one counts, however each is written', () => {
  for (const [one, other] of [
    ['"\\u0031"', '"1"'],
    ['"1"', '"\\u0031"'],
    ['"\\u0061"', '"a"'],
    ['"\\n"', '"\\u000a"'],
  ]) {
    const parsed = parseJson(`{${one}:1,"b":2,${other}:3}`) as Record<string, number>;
    assert.deepEqual(
      Object.values(parsed).toSorted((a, b) => a - b),
      [2, 3],
      `${one}, ${other}`,
    );
  }
});

test('it is what a reader that knows no shapes of objects reads', () => {
  fc.assert(
    fc.property(tree.object, (text) => {
      assert.deepEqual(pairsOf(parseJson(text)), readSlowly(text));
    }),
  );
});

test('what is not JSON is refused, as JSON.parse does', () => {
  for (const text of ['', '{"\\":1}', '"\\', '{"a\\"', '{"\\u12":1}', '\\', '{"\\"":1,}']) {
    assert.throws(() => parseJson(text), SyntaxError);
  }
});

test('a reviver is called with the source', () => {
  const parsed = parseJson('{"h":0,"\\"":1.50}', (_key, value, { source }) =>
    typeof value === 'number' ? source : value,
  );
  assert.deepEqual(parsed, { h: '0', '"': '1.50' });
});

test('a megabyte of escapes, and of nesting, is read in one pass', () => {
  const escapes = '\\"'.repeat(500_000);
  assert.equal(String(parseJson(`["${escapes}"]`)).length, 500_000);
  const deep = 100_000;
  const nested = `{"\\"":`.repeat(deep) + '1' + '}'.repeat(deep);
  assert.deepEqual(Object.keys(parseJson(nested) as object), ['"']);
});

/** Objects as lists of their names and values. */
function pairsOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pairsOf);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value).map(([key, inner]) => [key, pairsOf(inner)]);
}

/** Each object by an object of its own that no other shares a shape with: values through JSON.parse, names as values. */
function readSlowly(text: string): unknown {
  let at = 0;
  const next = (): string => {
    const token = /\s*("(?:[^"\\]|\\.)*"|[[\]{}:,]|[^\s[\]{}:,"]+)\s*/suy;
    token.lastIndex = at;
    const match = token.exec(text)!;
    at = token.lastIndex;
    return match[1]!;
  };
  const value = (token = next()): unknown => {
    if (token === '[') {
      const items: unknown[] = [];
      for (let t = next(); t !== ']'; t = next()) if (t !== ',') items.push(value(t));
      return items;
    }
    if (token !== '{') return JSON.parse(token) as unknown;
    const object: Record<string, unknown> = {};
    for (let t = next(); t !== '}'; t = next()) {
      if (t === ',') continue;
      const key = JSON.parse(t) as string;
      assert.equal(next(), ':');
      Object.defineProperty(object, key, {
        value: value(),
        enumerable: true,
        configurable: true,
        writable: true,
      });
    }
    return Object.entries(object);
  };
  return value();
}
