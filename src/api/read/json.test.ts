import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { ApiError, type ErrorCode } from '../../domain/errors.ts';
import { PAIRS_MAX, type Form } from './form.ts';
import { jsonToForm, parseJson, type JsonShape } from './json.ts';
import { TIME_RULE } from './params.ts';

type Tree = string | { readonly [name: string]: Tree };

function refusal(reason: ErrorCode, param: string | undefined, message: RegExp = /^/) {
  return (error: unknown): true => {
    assert.ok(error instanceof ApiError, String(error));
    assert.deepEqual([error.reason, error.param], [reason, param]);
    assert.match(error.message, message);
    return true;
  };
}

const SHAPE = {
  a: 'text',
  at: 'time',
  all: 'list',
  p: 'texts',
  metadata: 'metadata',
  in: { b: 'text', deep: { c: 'text' } },
} as const satisfies JsonShape;

function read(text: string, shape: JsonShape = SHAPE): Form {
  return jsonToForm(parseJson(Buffer.from(text)), shape);
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
const text = fc.string({ unit: 'binary' });
const texts = fc.dictionary(names, text, { maxKeys: 4, noNullPrototype: false });
const bodies = fc.record(
  { a: text, at: text, p: texts, metadata: texts, in: fc.record({ b: text }) },
  { requiredKeys: [], noNullPrototype: false },
);

suite('a JSON body', () => {
  test('is read as it was meant, whatever its names', () => {
    fc.assert(
      fc.property(bodies, (body) => {
        assert.equal(JSON.stringify(toTree(read(JSON.stringify(body)))), JSON.stringify(body));
      }),
    );
  });

  test('that is empty has no fields', () => {
    for (const empty of ['', '{}', ' {\n} ']) assert.equal(read(empty).size, 0);
  });

  test('null counts as absent, an empty hash does not; of metadata it unsets a key, as an empty text does', () => {
    const sent = '{"a":null,"x":null,"p":{"k":null},"in":{"b":null},"metadata":{"k":null,"l":""}}';
    const unset = new Map([
      ['k', ''],
      ['l', ''],
    ]);
    const expected = new Map([
      ['p', new Map()],
      ['in', new Map()],
      ['metadata', unset],
    ]);
    assert.deepEqual(read(sent), expected);
  });

  test('must be an object', () => {
    for (const sent of ['[]', 'null', '1', '"a"', 'true', '[{"a":"b"}]']) {
      assert.throws(() => read(sent), refusal('body_invalid', undefined, /object/), sent);
    }
  });

  test('must be JSON', () => {
    for (const sent of ['{', '{"a":}', 'a=1', "{'a':'b'}", '{"a":"b"} x', '\u0000', '\uFEFF{}']) {
      assert.throws(() => read(sent), refusal('body_invalid', undefined, /not JSON/), sent);
    }
  });

  test('half a surrogate pair is refused, in a text and in a name', () => {
    for (const [sent, param] of [
      ['{"in":{"b":"\\ud83d"}}', 'in[b]'],
      ['{"p":{"\\ude00":"b"}}', 'p[\uFFFD]'],
    ] as const) {
      assert.throws(() => read(sent), refusal('parameter_invalid', param, /Unicode/), sent);
    }
    const unknown = refusal('parameter_unknown', '\uFFFDx');
    assert.throws(() => read('{"\\ud83dx":"b"}'), unknown);
    assert.equal(read('{"a":"\\ud83d\\ude00"}').get('a'), '😀');
  });

  test('of a name that is sent twice the last one counts', () => {
    assert.equal(read('{"a":"1","a":"2"}').get('a'), '2');
  });
});

suite('what a call does not take', () => {
  const message = (sent: object): string => {
    try {
      read(JSON.stringify(sent));
    } catch (error) {
      if (error instanceof ApiError) return error.message;
      throw error;
    }
    return assert.fail('it is refused');
  };

  test('is told by what it takes there', () => {
    for (const [sent, expected] of [
      [{ a: 5 }, 'Invalid a: must be a string, not a number.'],
      [{ a: {} }, 'Invalid a: must be a string, not an object.'],
      [{ a: [] }, 'Invalid a: must be a string, not an array.'],
      [{ at: true }, `Invalid at: must be ${TIME_RULE}, not a boolean.`],
      [{ at: [5] }, `Invalid at: must be ${TIME_RULE}, not an array.`],
      [{ p: 'x' }, 'Invalid p: must be an object, not a string.'],
      [{ p: ['x'] }, 'Invalid p: must be an object, not an array.'],
      [{ p: { value: 5 } }, 'Invalid p[value]: must be a string, not a number.'],
      [{ p: { value: { x: 'y' } } }, 'Invalid p[value]: must be a string, not an object.'],
      [{ in: 5 }, 'Invalid in: must be an object, not a number.'],
      [{ in: { deep: { c: 1.5 } } }, 'Invalid in[deep][c]: must be a string, not a number.'],
      [{ all: 'x' }, 'Invalid all: must be an array, not a string.'],
      [{ all: { 0: 'x' } }, 'Invalid all: must be an array, not an object.'],
      [{ all: ['x', null] }, 'Invalid all[1]: must be a string, not null.'],
      [{ all: [['x']] }, 'Invalid all[0]: must be a string, not an array.'],
      [{ metadata: { k: 1 } }, 'Invalid metadata[k]: must be a string, not a number.'],
    ] as const) {
      assert.equal(message(sent), expected);
    }
  });

  test('is unknown first, whatever it is, all in one message', () => {
    assert.equal(message({ bogus: 1 }), 'Received unknown parameter: bogus');
    const sent = { a: 5, x: 'y', in: { z: [1], deep: { c: 1, d: 2 } } };
    assert.equal(message(sent), 'Received unknown parameters: x, in[z], in[deep][d]');
    for (const name of ['__proto__', 'constructor', 'toString']) {
      const unknown = refusal('parameter_unknown', name);
      assert.throws(() => read(`{${JSON.stringify(name)}:"x"}`), unknown);
    }
  });
});

test('a time may be a number, which becomes its digits; what is no time is for its reader', () => {
  for (const [sent, expected] of [
    ['1795833000', '1795833000'],
    ['1.795833e9', '1795833000'],
    ['-1', '-1'],
    ['1.5', '1.5'],
    ['1e400', 'Infinity'],
    ['"2024-06-01T12:00:00Z"', '2024-06-01T12:00:00Z'],
  ] as const) {
    assert.equal(read(`{"at":${sent}}`).get('at'), expected);
  }
});

test('a list has its items under their numbers', () => {
  const items = new Map([
    ['0', 'a'],
    ['1', 'b'],
  ]);
  assert.deepEqual(read('{"all":["a","b"]}'), new Map([['all', items]]));
  assert.deepEqual(read('{"all":[]}'), new Map([['all', new Map()]]));
});

suite('limits', () => {
  const wide = (count: number): string =>
    JSON.stringify({ p: Object.fromEntries(Array.from({ length: count }, (_, n) => [n, 'x'])) });

  test('levels: no deeper than the call knows', () => {
    const nested = (depth: number): string => '{"in":'.repeat(depth) + '"x"' + '}'.repeat(depth);
    const unknown = refusal('parameter_unknown', 'in[in]');
    assert.throws(() => read(nested(2)), unknown);
    for (const depth of [10, 5_000]) assert.throws(() => read(nested(depth)), unknown);
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
