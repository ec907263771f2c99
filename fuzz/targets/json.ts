import assert from 'node:assert/strict';
import type { Form } from '../../src/http/form.ts';
import { jsonToForm, parseJson } from '../../src/http/json.ts';
import { corpusOf } from '../corpus.ts';
import { generateJson } from '../generate.ts';
import { attempt, type Target } from '../target.ts';

/** JSON bodies: what is accepted is what JSON.parse reads, without its nulls. */
export const json: Target = {
  name: 'json',
  ...corpusOf('json'),
  generate: generateJson,
  run: (input) => {
    const bytes = Buffer.from(input);
    const parsed = attempt(() => parseJson(bytes));
    if (parsed.refusal !== undefined) return parsed.refusal;
    const read = attempt(() => jsonToForm(parsed.value));
    if (read.refusal !== undefined) return read.refusal;
    const expected: unknown = input === '' ? {} : JSON.parse(bytes.toString());
    assertSame(read.value, expected as object);
    return `${Math.min(read.value.size, 5)}`;
  },
};

function assertSame(tree: Form, expected: object): void {
  const entries = Object.entries(expected).filter(([, value]) => value !== null);
  assert.equal(tree.size, entries.length);
  for (const [name, value] of entries) {
    const read = tree.get(name);
    if (typeof read === 'string') assert.equal(read, value);
    else assertSame(read ?? new Map(), value as object);
  }
}
