import assert from 'node:assert/strict';
import type { Form } from '../../src/http/form.ts';
import { jsonToForm, parseJson } from '../../src/http/json.ts';
import { corpusOf } from '../corpus.ts';
import { generateJson } from '../generate.ts';
import { type Target } from '../target.ts';

/** JSON bodies: what is accepted is what JSON.parse reads, without its nulls, which are '' in metadata. */
export const json: Target<Form> = {
  name: 'json',
  ...corpusOf('json'),
  generate: generateJson,
  read: (input) => jsonToForm(parseJson(Buffer.from(input))),
  check: (input, read) => {
    const expected: unknown = input === '' ? {} : JSON.parse(input.toWellFormed());
    assertSame(read, expected as object, '');
    return `${Math.min(read.size, 5)}`;
  },
};

function assertSame(tree: Form, expected: object, parent: string): void {
  const entries = Object.entries(expected)
    .map(([name, value]) => [name, `${parent}${name}[`, value as unknown] as const)
    .map(
      ([name, path, value]) =>
        [name, path, value ?? (isMetadata(parent + name) ? '' : null)] as const,
    )
    .filter(([, , value]) => value !== null);
  assert.equal(tree.size, entries.length);
  for (const [name, path, value] of entries) {
    assert.ok(name.isWellFormed(), 'half a character in a name');
    const read = tree.get(name);
    if (typeof read === 'string') assert.ok(read === value && read.isWellFormed());
    else assertSame(read ?? new Map(), value as object, path);
  }
}

/** Where a null unsets. */
function isMetadata(path: string): boolean {
  return path.startsWith('metadata[');
}
