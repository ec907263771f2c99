import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { ApiError, type ErrorCode } from '../errors.ts';
import { DEPTH_MAX, PAIRS_MAX, type Form } from './form.ts';
import { jsonToForm, parseJson } from './json.ts';

type Tree = string | { readonly [name: string]: Tree };

function refusal(reason: ErrorCode, param: string | undefined, message: RegExp = /^/) {
  return (error: unknown): true => {
    assert.ok(error instanceof ApiError, String(error));
    assert.deepEqual([error.reason, error.param], [reason, param]);
    assert.match(error.message, message);
    return true;
  };
}

function read(text: string): Form {
  return jsonToForm(parseJson(Buffer.from(text)));
}

/** What a form says, as a plain tree without prototypes. */
function toTree(form: Form): Tree {
  const tree = Object.create(null) as Record<string, Tree>;
  for (const [name, value] of form) tree[name] = typeof value === 'string' ? value : toTree(value);
  return tree;
}

const names = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 4 }),
  fc.constantFrom('__proto__', 'constructor', 'toString', 'a[b]', '', '0'),
);
const { tree } = fc.letrec<{ tree: Tree; hash: Tree }>((tie) => ({
  tree: fc.oneof({ maxDepth: 3 }, fc.string({ unit: 'binary' }), tie('hash')),
  hash: fc.dictionary(names, tie('tree'), { maxKeys: 4, noNullPrototype: false }),
}));

suite('a JSON body', () => {
  test('is read as it was meant, whatever its names', () => {
    const bodies = fc.dictionary(names, tree, { maxKeys: 4, noNullPrototype: false });
    fc.assert(
      fc.property(bodies, (body) => {
        assert.equal(JSON.stringify(toTree(read(JSON.stringify(body)))), JSON.stringify(body));
      }),
    );
  });

  test('that is empty has no fields', () => {
    for (const text of ['', '{}', ' {\n} ']) assert.equal(read(text).size, 0);
  });

  test('null counts as absent, an empty hash does not', () => {
    const form = read('{"a":null,"b":{"c":null}}');
    assert.deepEqual(form, new Map([['b', new Map()]]));
  });

  test('must be an object', () => {
    for (const text of ['[]', 'null', '1', '"a"', 'true', '[{"a":"b"}]']) {
      assert.throws(() => read(text), refusal('body_invalid', undefined, /object/), text);
    }
  });

  test('must be JSON', () => {
    for (const text of ['{', '{"a":}', 'a=1', "{'a':'b'}", '{"a":"b"} x', '\u0000', '\uFEFF{}']) {
      assert.throws(() => read(text), refusal('body_invalid', undefined, /not JSON/), text);
    }
  });

  test('holds strings and hashes; anything else is refused by its path', () => {
    for (const sent of ['1', '1.5', 'true', 'false', '[]', '["a"]', '[{}]']) {
      const expected = refusal('parameter_invalid', 'a[b]', /^Invalid a\[b\]: must be/);
      assert.throws(() => read(`{"a":{"b":${sent}}}`), expected, sent);
    }
  });

  test('half a surrogate pair is refused, in a text and in a name', () => {
    for (const [text, param] of [
      ['{"a":{"b":"\\ud83d"}}', 'a[b]'],
      ['{"a":{"\\ude00":"b"}}', 'a[\uFFFD]'],
      ['{"\\ud83dx":"b"}', '\uFFFDx'],
    ] as const) {
      assert.throws(() => read(text), refusal('parameter_invalid', param, /Unicode/), text);
    }
    assert.equal(read('{"a":"\\ud83d\\ude00"}').get('a'), '😀');
  });

  test('of a name that is sent twice the last one counts', () => {
    assert.equal(read('{"a":"1","a":"2"}').get('a'), '2');
  });
});

suite('limits', () => {
  const nested = (depth: number): string => '{"a":'.repeat(depth) + '"x"' + '}'.repeat(depth);
  const wide = (names_: number): string =>
    JSON.stringify({ p: Object.fromEntries(Array.from({ length: names_ }, (_, n) => [n, 'x'])) });

  test('depth', () => {
    assert.equal(read(nested(DEPTH_MAX)).size, 1);
    for (const depth of [DEPTH_MAX + 1, 100_000]) {
      assert.throws(() => read(nested(depth)), refusal('body_invalid', undefined, /levels|values/));
    }
  });

  test('names in all', () => {
    assert.equal(read(wide(PAIRS_MAX - 1)).size, 1);
    assert.throws(() => read(wide(PAIRS_MAX)), refusal('body_invalid', undefined, /at most/));
  });

  test('a refusal repeats only the beginning of a name', () => {
    assert.throws(
      () => read(JSON.stringify({ ['x'.repeat(5000)]: 1 })),
      (error) => error instanceof ApiError && error.message.length < 500,
    );
  });
});

test('a list is read where the API takes one, and refused everywhere else', () => {
  assert.deepEqual(
    jsonToForm({ enabled_events: ['a', 'b'], include: [] }),
    new Map<string, unknown>([
      [
        'enabled_events',
        new Map([
          ['0', 'a'],
          ['1', 'b'],
        ]),
      ],
      ['include', new Map()],
    ]),
  );
  for (const body of [
    { payload: ['a'] },
    { payload: { enabled_events: ['a'] } },
    { enabled_events: [['a']] },
  ]) {
    assert.throws(() => jsonToForm(body), ApiError, JSON.stringify(body));
  }
});

test('null counts as absent; of metadata it unsets a key, as an empty text does', () => {
  assert.deepEqual(
    jsonToForm({ a: null, metadata: { b: null }, c: { metadata: null } }),
    new Map<string, unknown>([
      ['metadata', new Map([['b', '']])],
      ['c', new Map()],
    ]),
  );
});
