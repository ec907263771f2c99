import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ApiError } from '../../domain/errors.ts';
import type { Route } from '../route.ts';
import { identityOf, readParameters, type Sent } from './parameters.ts';

type Kind = Pick<Route, 'method' | 'body'>;
const RAW: Kind = { method: 'POST', body: 'raw_json' };
const JSON_ROUTE: Kind = { method: 'POST', body: { json: { a: 'text', b: { c: 'text' } } } };
const FORM_ROUTE: Kind = { method: 'POST' };

test('the same parameters are the same request, as a form or as JSON', () => {
  const form = readParameters(FORM_ROUTE, 'a=1', Buffer.from('b[c]=%C3%A9'));
  const json = readParameters(JSON_ROUTE, '', Buffer.from('{"b":{"c":"é"},"a":"1"}'));
  assert.deepEqual(form, json);
  const identity = (route: Kind, sent: Sent): unknown =>
    identityOf(route, '/v', sent, Buffer.alloc(0));
  assert.equal(identity(FORM_ROUTE, form), identity(JSON_ROUTE, json));
});

test('raw JSON is handed on as parsed, and is no form', () => {
  const sent = readParameters(RAW, '', Buffer.from('{"events":[1,null,{"__proto__":"x"}]}'));
  assert.equal(sent.bytes.toString(), '{"events":[1,null,{"__proto__":"x"}]}');
  assert.equal(sent.form.size, 0);
});

test('a call with a JSON body takes no query', () => {
  for (const route of [RAW, JSON_ROUTE]) {
    assert.throws(
      () => readParameters(route, 'a=1', Buffer.from('{}')),
      (error) => error instanceof ApiError && error.reason === 'parameter_unknown',
    );
    readParameters(route, '&', Buffer.from('{}'));
  }
});

test('raw JSON is another request when a byte or the URL is another', () => {
  const identity = (path: string, bytes: Uint8Array): string => {
    const words = identityOf(RAW, path, { form: new Map() }, Buffer.from(bytes));
    assert.ok(typeof words !== 'string');
    return words.join('-');
  };
  const body = fc.uint8Array({ minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(body, fc.nat(), fc.integer({ min: 1, max: 255 }), (bytes, place, change) => {
      const first = identity('/v2/a', bytes);
      assert.equal(identity('/v2/a', bytes.slice()), first);
      assert.notEqual(identity('/v2/b', bytes), first);
      assert.notEqual(identity('/v2/a', bytes.subarray(1)), first);
      const at = place % bytes.length;
      assert.notEqual(identity('/v2/a', bytes.with(at, (bytes[at] ?? 0) ^ change)), first);
    }),
  );
});
