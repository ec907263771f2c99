import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ApiError, type ErrorCode } from '../errors.ts';
import { parseCustomerFields } from './customer-params.ts';
import { parseForm, type Form } from './form.ts';

type Fields = Parameters<ReturnType<typeof parseCustomerFields>>[0];
const NOBODY: Fields = {
  name: null,
  email: null,
  description: null,
  phone: null,
  metadata: new Map(),
};
const ALICE: Fields = {
  name: 'Alice',
  email: 'alice@example.com',
  description: 'first',
  phone: '+1',
  metadata: new Map([
    ['a', '1'],
    ['b', '2'],
  ]),
};

const after = (form: string, current = ALICE) => parseCustomerFields(parseForm(form))(current);
const metadataAfter = (form: string) => Object.fromEntries(after(form).metadata);

function refusal(reason: ErrorCode, param: string) {
  return (error: unknown): true => {
    assert.ok(error instanceof ApiError, String(error));
    assert.deepEqual([error.reason, error.param], [reason, param]);
    return true;
  };
}

test('what a request does not name stays', () => {
  assert.deepEqual(after(''), ALICE);
  assert.deepEqual(after('', NOBODY), NOBODY);
  assert.deepEqual(after('name=Bob'), { ...ALICE, name: 'Bob' });
});

test('an empty text unsets', () => {
  assert.deepEqual(after('name=&email=&description=&phone=&metadata='), NOBODY);
});

test('each field has its limit', () => {
  for (const [name, max] of Object.entries({
    name: 256,
    email: 512,
    description: 5000,
    phone: 20,
  })) {
    const longest = 'x'.repeat(max);
    assert.equal(after(`${name}=${longest}`)[name as 'name'], longest);
    assert.throws(() => after(`${name}=${longest}x`), refusal('parameter_invalid', name));
  }
});

test('metadata: a named key is set, one with an empty value unset, the others stay', () => {
  assert.deepEqual(metadataAfter('metadata[c]=3'), { a: '1', b: '2', c: '3' });
  assert.deepEqual(metadataAfter('metadata[a]=9&metadata[b]='), { a: '9' });
  assert.deepEqual(metadataAfter('metadata[not there]='), { a: '1', b: '2' });
  assert.deepEqual(metadataAfter('metadata='), {});
});

test('metadata: any merge is key by key, and changes nothing that was there', () => {
  const names = ['a', 'b', 'c', '__proto__', 'constructor'];
  const name = fc.constantFrom(...names);
  const entries = (value: fc.Arbitrary<string>) =>
    fc.array(fc.tuple(name, value)).map((pairs) => new Map(pairs));
  fc.assert(
    fc.property(
      entries(fc.constantFrom('1', '2')),
      entries(fc.constantFrom('', '3')),
      (current, sent) => {
        const before = new Map(current);
        const form: Form = new Map([['metadata', sent]]);
        const { metadata } = parseCustomerFields(form)({ ...NOBODY, metadata: current });
        for (const key of names) {
          const expected = sent.get(key) ?? current.get(key);
          assert.equal(metadata.get(key), expected === '' ? undefined : expected);
        }
        assert.deepEqual(current, before);
      },
    ),
  );
});

test('metadata: at most 50 keys after the merge, whatever was sent', () => {
  const fifty = new Map(Array.from({ length: 50 }, (_, i) => [`key ${i}`, 'x']));
  const full = { ...NOBODY, metadata: fifty };
  const refused = refusal('parameter_invalid', 'metadata');
  assert.throws(() => after('metadata[one more]=x', full), refused);
  assert.equal(after('metadata[one more]=x&metadata[key 0]=', full).metadata.size, 50);
  assert.equal(after('metadata[key 0]=y', full).metadata.get('key 0'), 'y');
});

test('metadata: keys of 40 characters, values of 500, texts only', () => {
  const key = 'k'.repeat(40);
  const value = 'v'.repeat(500);
  assert.equal(after(`metadata[${key}]=${value}`).metadata.get(key), value);
  assert.throws(
    () => after(`metadata[${key}k]=x`),
    refusal('parameter_invalid', `metadata[${key}k]`),
  );
  assert.throws(() => after(`metadata[a]=${value}v`), refusal('parameter_invalid', 'metadata[a]'));
  assert.throws(() => after('metadata[a][b]=x'), refusal('parameter_invalid', 'metadata[a]'));
  assert.throws(() => after('metadata=x'), refusal('parameter_invalid', 'metadata'));
});

test('metadata: what a refusal is about is seen before the customer is', () => {
  assert.throws(
    () => parseCustomerFields(parseForm('metadata[a][b]=x')),
    refusal('parameter_invalid', 'metadata[a]'),
  );
  assert.throws(
    () => parseCustomerFields(parseForm('nmae=Bob')),
    refusal('parameter_unknown', 'nmae'),
  );
});
