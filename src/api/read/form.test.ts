import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import qs from 'qs';
import { ApiError, type ErrorCode } from '../../domain/errors.ts';
import {
  canonicalForm,
  DEPTH_MAX,
  type Form,
  type FormValue,
  PAIRS_MAX,
  parseForm,
  toList,
} from './form.ts';
import { cpuMs } from '../../../test/support/times.ts';

type Tree = string | readonly Tree[] | { readonly [key: string]: Tree };

/** The form that says the same as plain objects and lists. */
function toForm(tree: Exclude<Tree, string>): Form {
  return new Map(
    Object.entries(tree).map(([key, value]): [string, FormValue] => [
      key,
      typeof value === 'string' ? value : toForm(value as Exclude<Tree, string>),
    ]),
  );
}

/** Null prototypes, so that a generated `__proto__` is a key and not a prototype. */
const dictionary = <T>(keys: fc.Arbitrary<string>, values: fc.Arbitrary<T>) =>
  fc.dictionary(keys, values, { minKeys: 1, maxKeys: 4, noNullPrototype: false });

/** Objects to four levels; `listItem` says what a list may hold. Nothing empty: no text can say it. */
function treeOf(
  name: fc.Arbitrary<string>,
  text: fc.Arbitrary<string>,
  lists: 'of all' | 'of texts',
) {
  const { tree } = fc.letrec<{ tree: Tree; object: Tree; list: Tree }>((tie) => ({
    tree: fc.oneof({ maxDepth: 3, withCrossShrink: true }, text, tie('object'), tie('list')),
    object: dictionary(name, tie('tree')),
    list: fc.array(lists === 'of all' ? tie('tree') : text, { minLength: 1, maxLength: 4 }),
  }));
  return dictionary(name, tree);
}

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.string({
    unit: fc.constantFrom('a', ' ', '+', '%', '&', '=', '[', ']', '"', '\\', '{', '😀'),
    maxLength: 4,
  }),
);
const anyName = fc.oneof(
  anyText.map((text) => text.replaceAll(/[[\]]/g, '')).filter((text) => text !== ''),
  fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty', '1', '00'),
);
/** What stays itself without encoding. */
const safeText = fc.string({
  unit: fc.constantFrom('a', 'b', '_', '.', '-', 'é', '😀'),
  maxLength: 4,
});
const safeName = safeText.filter((text) => text !== '');

const ENCODINGS: readonly qs.IStringifyOptions[] = [
  { encode: true, format: 'RFC3986' },
  { encode: true, format: 'RFC1738' },
];

test('what qs writes is read as it was meant, in every spelling', () => {
  fc.assert(
    fc.property(
      treeOf(anyName, anyText, 'of all'),
      treeOf(anyName, anyText, 'of texts'),
      fc.constantFrom(...ENCODINGS),
      (tree, flat, encoding) => {
        const indices = qs.stringify(tree, { ...encoding, arrayFormat: 'indices' });
        assert.deepEqual(parseForm(indices), toForm(tree));
        const brackets = qs.stringify(flat, { ...encoding, arrayFormat: 'brackets' });
        assert.deepEqual(parseForm(brackets), toForm(flat));
      },
    ),
    { numRuns: 1_000 },
  );
});

test('raw brackets and raw names are read as the encoded ones', () => {
  fc.assert(
    fc.property(
      treeOf(safeName, anyText, 'of all'),
      treeOf(safeName, safeText, 'of texts'),
      (tree, flat) => {
        assert.deepEqual(parseForm(qs.stringify(tree, { encodeValuesOnly: true })), toForm(tree));
        const raw = qs.stringify(flat, { encode: false, arrayFormat: 'brackets' });
        assert.deepEqual(parseForm(raw), toForm(flat));
      },
    ),
    { numRuns: 1_000 },
  );
});

test('qs reads the same tree from the same text', () => {
  // It makes a list of every hash with index keys, and drops `__proto__`.
  const shared = anyName.filter((name) => !/^(\d+|__proto__)$/.test(name));
  fc.assert(
    fc.property(treeOf(shared, anyText, 'of all'), (tree) => {
      const text = qs.stringify(tree);
      const theirs = qs.parse(text, {
        plainObjects: true,
        depth: DEPTH_MAX,
        arrayLimit: PAIRS_MAX,
        parameterLimit: PAIRS_MAX,
      });
      assert.deepEqual(parseForm(text), toForm(theirs as Exclude<Tree, string>));
    }),
    { numRuns: 1_000 },
  );
});

const READ = {
  '': {},
  'a=1': { a: '1' },
  'a=1&b=2': { a: '1', b: '2' },
  '&a=1&&b=2&': { a: '1', b: '2' },
  'a=': { a: '' },
  a: { a: '' },
  'a&b': { a: '', b: '' },
  'a&b=1': { a: '', b: '1' },
  'a=b=c': { a: 'b=c' },
  'a==': { a: '=' },
  'a=[b]': { a: '[b]' },
  'a=x+y%20z%2B': { a: 'x y z+' },
  'x+y%3D=1': { 'x y=': '1' },
  'a=%F0%9F%98%80': { a: '😀' },
  'a=😀': { a: '😀' },
  'payload[value]=25': { payload: { value: '25' } },
  'payload%5Bvalue%5D=25': { payload: { value: '25' } },
  'payload%5bvalue%5d=25': { payload: { value: '25' } },
  'payload[value%5D=25': { payload: { value: '25' } },
  'a[b][c]=1&a[b][d]=2&a[e]=3': { a: { b: { c: '1', d: '2' }, e: '3' } },
  'a[0]=x&a[1]=y': { a: ['x', 'y'] },
  'a[]=x&a[]=y': { a: ['x', 'y'] },
  'a[]': { a: [''] },
  'a[0]=x&a[]=y': { a: ['x', 'y'] },
  'a[1]=x&a[]=y': { a: { 1: 'x', 2: 'y' } },
  'a[b][]=x&a[b][]=y': { a: { b: ['x', 'y'] } },
  'a[0][b]=1&a[0][c]=2&a[1][b]=3': { a: [{ b: '1', c: '2' }, { b: '3' }] },
} satisfies Record<string, Tree>;
for (const [text, tree] of Object.entries(READ)) {
  test(`reads ${text === '' ? 'the empty text' : text}`, () => {
    assert.deepEqual(parseForm(text), toForm(tree));
  });
}

function refusal(text: string): ApiError {
  try {
    parseForm(text);
  } catch (error) {
    assert.ok(error instanceof ApiError);
    return error;
  }
  return assert.fail(`not refused: ${text}`);
}

const REFUSED: readonly (readonly [text: string, reason: ErrorCode, param?: string])[] = [
  ['a=%', 'body_invalid'],
  ['a=%4', 'body_invalid'],
  ['a=%zz', 'body_invalid'],
  ['%=1', 'body_invalid'],
  ['a=%FF', 'body_invalid'],
  ['a=%C0%80', 'body_invalid'],
  ['a=%ED%A0%80', 'body_invalid'],
  ['a=\uD800', 'body_invalid'],
  ['\uDE00=1', 'body_invalid'],
  ['a=1&a=2', 'parameter_invalid', 'a'],
  ['a&a', 'parameter_invalid', 'a'],
  ['a[b]=1&a%5Bb%5D=1', 'parameter_invalid', 'a[b]'],
  ['a[]=1&a[0]=1', 'parameter_invalid', 'a[0]'],
  ['a=1&a[b]=2', 'parameter_invalid', 'a'],
  ['a[b]=2&a=1', 'parameter_invalid', 'a'],
  ['a[b]=1&a[b][c]=2', 'parameter_invalid', 'a[b]'],
  ['a[b][c]=2&a[b]=1', 'parameter_invalid', 'a[b]'],
  ['a[b=1', 'parameter_invalid', 'a[b'],
  ['a[b=]=1', 'parameter_invalid', 'a[b'],
  ['a]b=1', 'parameter_invalid', 'a]b'],
  ['a]=1', 'parameter_invalid', 'a]'],
  ['a[b]c=1', 'parameter_invalid', 'a[b]c'],
  ['a[b]]=1', 'parameter_invalid', 'a[b]]'],
  ['a[[b]=1', 'parameter_invalid', 'a[[b]'],
  ['a[[b]]=1', 'parameter_invalid', 'a[[b]]'],
  ['a[b]c[d]=1', 'parameter_invalid', 'a[b]c[d]'],
  ['a[', 'parameter_invalid', 'a['],
  ['[a]=1', 'parameter_invalid', '[a]'],
  ['[]=1', 'parameter_invalid', '[]'],
  ['=1', 'parameter_invalid', ''],
  ['a[][b]=1', 'parameter_invalid', 'a[][b]'],
  ['a[][]=1', 'parameter_invalid', 'a[][]'],
];
for (const [text, reason, param] of REFUSED) {
  test(`refuses ${JSON.stringify(text)}`, () => {
    const error = refusal(text);
    assert.equal(error.reason, reason);
    assert.equal(error.param, param);
  });
}

test('the number of parameters and their depth have a limit', () => {
  const pairs = (count: number) => Array.from({ length: count }, (_, i) => `a[]=${i}`).join('&&');
  const deep = (names: number) => `a${'[b]'.repeat(names - 1)}=1`;
  assert.equal((parseForm(pairs(PAIRS_MAX)).get('a') as Form).size, PAIRS_MAX);
  assert.equal(refusal(pairs(PAIRS_MAX + 1)).reason, 'body_invalid');
  assert.equal(parseForm(deep(DEPTH_MAX)).size, 1);
  assert.equal(refusal(deep(DEPTH_MAX + 1)).reason, 'body_invalid');
});

test('an error repeats a bounded part of a name', () => {
  const { message, param } = refusal(`${'a'.repeat(100_000)}]`);
  assert.equal(param, `${'a'.repeat(200)}…`);
  assert.ok(message.length < 400);
});

test('any text is read or refused with an ApiError, in time proportional to its length', () => {
  const hostile = fc.string({
    unit: fc.constantFrom('a', 'b', '[', ']', '=', '&', '%', '+', '5', 'B', '\uD800'),
    maxLength: 30,
  });
  fc.assert(
    fc.property(hostile, (text) => {
      try {
        parseForm(text);
      } catch (error) {
        assert.ok(error instanceof ApiError);
      }
    }),
    { numRuns: 5_000 },
  );
  const neededMs = cpuMs(() => {
    for (const piece of ['&', 'a', '[', 'a[', '+', '%41', '=']) {
      const name = piece.repeat(1_000_000);
      for (const text of [name, `a[${name}]=1`, `a=${name}`, `${`${piece}&`.repeat(999)}${name}`]) {
        try {
          parseForm(text);
        } catch (error) {
          assert.ok(error instanceof ApiError);
        }
      }
    }
  });
  // 300 is normal; a quadratic reader would take hours.
  assert.ok(neededMs < 10_000, `${neededMs} ms of CPU`);
});

test('a list has exactly the keys 0 to n-1, sent in any order', () => {
  assert.deepEqual(toList(parseForm('1=b&0=a&2=c')), ['a', 'b', 'c']);
  assert.deepEqual(toList(new Map()), []);
  for (const text of ['1=a', '0=a&2=b', '00=a', '0=a&x=b', '-1=a', '0.0=a', '+0=a']) {
    assert.equal(toList(parseForm(text)), undefined, text);
  }
});

const tree = treeOf(anyName, anyText, 'of all');

test('the order of pairs does not change the canonical text', () => {
  const pairs = tree
    .map((t) => qs.stringify(t).split('&'))
    .chain((sent) =>
      fc.tuple(
        fc.constant(sent),
        fc.shuffledSubarray(sent, { minLength: sent.length, maxLength: sent.length }),
      ),
    );
  fc.assert(
    fc.property(pairs, ([sent, shuffled]) => {
      assert.equal(
        canonicalForm(parseForm(shuffled.join('&'))),
        canonicalForm(parseForm(sent.join('&'))),
      );
    }),
    { numRuns: 1_000 },
  );
});

test('the spelling does not change the canonical text', () => {
  const texts = ['a[0]=x+y&b[c]=1', 'b%5Bc%5D=%31&a[]=x%20y', '&b[c]=1&&a%5B0%5D=x%20y'];
  const canonical = texts.map((text) => canonicalForm(parseForm(text)));
  assert.deepEqual(canonical, Array(3).fill('1:a{1:0=3:x y}1:b{1:c=1:1}'));
});

test('the canonical text can be read back to the form, so no two forms share one', () => {
  fc.assert(
    fc.property(tree, (t) => {
      const form = toForm(t);
      assert.deepEqual(readCanonical(canonicalForm(form)), form);
    }),
    { numRuns: 1_000 },
  );
});

/** The form that a canonical text stands for: `length:key` and then `=length:value` or `{form}`. */
function readCanonical(text: string): Form {
  let at = 0;
  const counted = (): string => {
    const colon = text.indexOf(':', at);
    const start = colon + 1;
    at = start + Number(text.slice(at, colon));
    return text.slice(start, at);
  };
  const form = (): Form => {
    const read = new Map<string, FormValue>();
    while (at < text.length && text[at] !== '}') {
      const key = counted();
      const isText = text[at] === '=';
      at += 1;
      read.set(key, isText ? counted() : form());
      if (!isText) at += 1;
    }
    return read;
  };
  return form();
}
