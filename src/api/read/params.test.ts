import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { ApiError, type ErrorCode } from '../../domain/errors.ts';
import { parseForm } from './form.ts';
import {
  hash,
  integer,
  oneOf,
  refuseExpand,
  refuseUnknown,
  requiredHash,
  requiredInteger,
  requiredOneOf,
  requiredText,
  text,
  textOrNull,
  texts,
} from './params.ts';
import { timeRangeV2 } from './time-range-v2.ts';

const BOUNDS = { min: -5, max: 100 };

function refusal(reason: ErrorCode, param: string, message: RegExp = /^/) {
  return (error: unknown): true => {
    assert.ok(error instanceof ApiError, String(error));
    assert.deepEqual([error.reason, error.param], [reason, param]);
    assert.match(error.message, message);
    return true;
  };
}

suite('unknown parameters', () => {
  const shape = { a: true, b: { c: true, d: { e: true } } } as const;

  test('what the shape names is taken, and anything below a plain name', () => {
    for (const form of ['', 'a=1', 'a[x][y]=1', 'b[c]=1&b[d][e]=2', 'b=1']) {
      refuseUnknown(parseForm(form), shape);
    }
  });

  test('every other one is named by its path, all in one message; the first is the param', () => {
    assert.throws(
      () => refuseUnknown(parseForm('x=1&a=1&b[y]=1&b[d][z][deep]=1'), shape),
      refusal('parameter_unknown', 'x', /^Received unknown parameters: x, b\[y\], b\[d\]\[z\]$/),
    );
    assert.throws(
      () => refuseUnknown(parseForm('b[d][z]=1'), shape),
      refusal('parameter_unknown', 'b[d][z]', /^Received unknown parameter: b\[d\]\[z\]$/),
    );
  });

  test('names that objects are born with are as unknown as any', () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      const refused = refusal('parameter_unknown', name);
      assert.throws(() => refuseUnknown(parseForm(`${name}=1`), shape), refused);
    }
  });

  test('a refusal repeats only the beginning of a name or value that was sent', () => {
    const long = 'x'.repeat(2000);
    for (const refused of [
      () => refuseUnknown(parseForm(`${long}=1`), shape),
      () => integer(parseForm(`n=${long}`), 'n', BOUNDS),
      () => refuseExpand(parseForm(`expand[]=${long}`)),
    ]) {
      assert.ok(messageOf(refused).length < 1000);
    }
  });
});

suite('texts', () => {
  test('a text is taken as it is, up to its limit', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme' }), (value) => {
        const form = new Map([['a', value]]);
        if (Array.from(value).length <= 10) assert.equal(text(form, 'a', 10), value);
        else
          assert.throws(() => text(form, 'a', 10), refusal('parameter_invalid', 'a', /at most 10/));
      }),
    );
  });

  test('one that was not sent is undefined, or missing when it is required', () => {
    assert.equal(text(parseForm('b=1'), 'a', 10), undefined);
    assert.throws(
      () => requiredText(parseForm(''), 'a[b]', 10),
      refusal('parameter_missing', 'a[b]', /^Missing required param: a\[b\]\.$/),
    );
  });

  test('an empty text is refused, or unsets where that has a meaning', () => {
    assert.throws(() => text(parseForm('a='), 'a', 10), refusal('parameter_invalid_empty', 'a'));
    assert.throws(
      () => requiredText(parseForm('a='), 'a', 10),
      refusal('parameter_invalid_empty', 'a'),
    );
    assert.equal(textOrNull(parseForm('a='), 'a', 10), null);
    assert.equal(textOrNull(parseForm('a=1'), 'a', 10), '1');
    assert.equal(textOrNull(parseForm(''), 'a', 10), undefined);
  });

  test('named values are no text', () => {
    assert.throws(() => text(parseForm('a[b]=1'), 'a', 10), refusal('parameter_invalid', 'a'));
    assert.throws(() => textOrNull(parseForm('a[]=1'), 'a', 10), refusal('parameter_invalid', 'a'));
  });

  test('a path leads inside; a text on the way is refused by its own path', () => {
    assert.equal(text(parseForm('a[b]=1'), 'a[b]', 10), '1');
    assert.equal(text(parseForm('a[c]=1'), 'a[b]', 10), undefined);
    assert.equal(text(parseForm(''), 'a[b]', 10), undefined);
    assert.throws(() => text(parseForm('a=1'), 'a[b]', 10), refusal('parameter_invalid', 'a'));
  });

  test('a text in the middle of a longer path is refused by its own path too', () => {
    assert.throws(
      () => text(parseForm('a[b]=1'), 'a[b][c]', 10),
      refusal('parameter_invalid', 'a[b]'),
    );
  });
});

suite('one of several', () => {
  const allowed = ['sum', 'count', 'last'] as const;

  test('each of them is taken, undefined when it was not sent', () => {
    for (const one of allowed) assert.equal(oneOf(parseForm(`a=${one}`), 'a', allowed), one);
    assert.equal(oneOf(parseForm(''), 'a', allowed), undefined);
  });

  test('another one is refused with the list of those allowed', () => {
    for (const sent of ['max', 'SUM', 'sum ', 'toString']) {
      assert.throws(
        () => oneOf(parseForm(`a=${sent}`), 'a', allowed),
        refusal('parameter_invalid', 'a', /^Invalid a: must be one of sum, count, or last$/),
      );
    }
    assert.throws(
      () => oneOf(parseForm('a=x'), 'a', ['day', 'hour']),
      refusal('parameter_invalid', 'a', /^Invalid a: must be one of day or hour$/),
    );
    assert.throws(
      () => oneOf(parseForm('a=x'), 'a', ['cancel']),
      refusal('parameter_invalid', 'a', /^Invalid a: must be cancel$/),
    );
    assert.throws(
      () => oneOf(parseForm('a[sum]=sum'), 'a', allowed),
      refusal('parameter_invalid', 'a'),
    );
  });

  test('an empty one is refused, a missing one only when it is required', () => {
    assert.throws(
      () => oneOf(parseForm('a='), 'a', allowed),
      refusal('parameter_invalid_empty', 'a'),
    );
    assert.throws(
      () => requiredOneOf(parseForm(''), 'a', allowed),
      refusal('parameter_missing', 'a'),
    );
  });
});

suite('integers', () => {
  test('digits are taken when they are in bounds, both ends included, and refused otherwise', () => {
    fc.assert(
      fc.property(fc.integer({ min: -200, max: 200 }), (number) => {
        const read = () => integer(parseForm(`a=${number}`), 'a', BOUNDS);
        if (number >= BOUNDS.min && number <= BOUNDS.max) assert.equal(read(), number);
        else assert.throws(read, refusal('parameter_invalid_integer', 'a', /from -5 to 100/));
      }),
    );
  });

  test('what a number holds exactly is taken, and one more is out of bounds, however long it is', () => {
    const bounds = {
      min: 0,
      max: Number.MAX_SAFE_INTEGER,
      hint: (_: number, sent: string) => sent,
    };
    assert.equal(integer(parseForm('a=9007199254740991'), 'a', bounds), 9_007_199_254_740_991);
    for (const sent of ['9007199254740992', '9007199254740993', '-1', '-9007199254740993']) {
      assert.throws(
        () => integer(parseForm(`a=${sent}`), 'a', bounds),
        refusal('parameter_invalid_integer', 'a', new RegExp(`, and is ${sent}\\.${sent}$`, 'u')),
      );
    }
    assert.throws(
      () => integer(parseForm(`a=${'9'.repeat(5000)}`), 'a', BOUNDS),
      refusal('parameter_invalid_integer', 'a', /from -5 to 100, and is 9{200}…\.$/u),
    );
  });

  test('what is not all digits is refused and shown', () => {
    for (const sent of ['1.0', '1e3', '0x1', 'one', ' 1', '1 ', '%2B1', '--1', '١', 'NaN', '-']) {
      assert.throws(
        () => integer(parseForm(`a=${sent}`), 'a', BOUNDS),
        refusal('parameter_invalid_integer', 'a', /^Invalid integer: /),
        sent,
      );
    }
    assert.throws(
      () => integer(parseForm('a[]=1'), 'a', BOUNDS),
      refusal('parameter_invalid_integer', 'a'),
    );
  });

  test('an empty one is refused, a missing one only when it is required', () => {
    assert.equal(integer(parseForm(''), 'a', BOUNDS), undefined);
    assert.throws(
      () => integer(parseForm('a='), 'a', BOUNDS),
      refusal('parameter_invalid_empty', 'a'),
    );
    assert.throws(
      () => requiredInteger(parseForm(''), 'a', BOUNDS),
      refusal('parameter_missing', 'a'),
    );
  });
});

suite('hashes', () => {
  test('named values are given as they are; a value, an empty text or nothing is refused', () => {
    assert.deepEqual(hash(parseForm('a[b]=1'), 'a'), new Map([['b', '1']]));
    assert.equal(hash(parseForm(''), 'a'), undefined);
    assert.throws(() => hash(parseForm('a=1'), 'a'), refusal('parameter_invalid', 'a'));
    assert.throws(() => hash(parseForm('a='), 'a'), refusal('parameter_invalid_empty', 'a'));
    assert.throws(() => requiredHash(parseForm(''), 'a'), refusal('parameter_missing', 'a'));
  });

  test('expand is refused by the first path, and for what is no list', () => {
    refuseExpand(parseForm('a=1'));
    assert.throws(
      () => refuseExpand(parseForm('expand[]=customer&expand[]=meter')),
      refusal('parameter_invalid', 'expand', /\(customer\)/),
    );
    for (const sent of ['expand=customer', 'expand=', 'expand[a]=customer', 'expand[1]=customer']) {
      assert.throws(
        () => refuseExpand(parseForm(sent)),
        refusal('parameter_invalid', 'expand', /^Invalid array: expand$/),
      );
    }
  });
});

function messageOf(refused: () => void): string {
  try {
    refused();
  } catch (error) {
    if (error instanceof ApiError) return error.message;
    throw error;
  }
  return assert.fail('it is refused');
}

test('a list of texts is as long as it may be, each of them too', () => {
  const limits = { itemsMax: 2, lengthMax: 3 };
  const read = (query: string): readonly string[] | undefined =>
    texts(parseForm(query), 'a', limits);
  assert.deepEqual(read('a[]=x&a[]=yyy'), ['x', 'yyy']);
  assert.equal(read(''), undefined);
  for (const [query, param] of [
    ['a=x', 'a'],
    ['a[k]=x', 'a'],
    ['a[]=x&a[]=y&a[]=z', 'a'],
    ['a[]=x&a[]=yyyy', 'a[1]'],
    ['a[]=x&a[]=', 'a[1]'],
    ['a[0][b]=x', 'a[0]'],
  ] as const) {
    assert.throws(
      () => read(query),
      (error) => error instanceof ApiError && error.param === param,
      query,
    );
  }
});

test('bounds of v2 are times or whole seconds, half open to the millisecond', () => {
  const read = (query: string) => timeRangeV2(parseForm(query), 'c');
  assert.equal(read(''), undefined);
  assert.deepEqual(read('c[gte]=10&c[lte]=12'), { fromMs: 10_000, toMs: 13_000 });
  assert.deepEqual(read('c[gt]=10&c[lt]=12'), { fromMs: 11_000, toMs: 12_000 });
  const time = '1970-01-01T00:00:10.000Z';
  assert.deepEqual(read(`c[gt]=${time}&c[lte]=${time}`), { fromMs: 10_001, toMs: 10_001 });
  assert.throws(() => read('c[gt]=soon'), ApiError);
});
