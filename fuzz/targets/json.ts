import assert from 'node:assert/strict';
import type { Form } from '../../src/api/read/form.ts';
import {
  isHash,
  jsonToForm,
  parseJson as parseBody,
  type JsonShape,
} from '../../src/api/read/json.ts';
import { parseJson } from '../../src/domain/parse-json.ts';
import { corpusOf } from '../corpus.ts';
import { generateJson } from '../generate.ts';
import { type Target } from '../target.ts';

/** JSON bodies: what is accepted is what JSON.parse reads, without its nulls, which are '' in metadata; numbers as digits. */
export const json: Target<Form> = {
  name: 'json',
  ...corpusOf('json'),
  generate: generateJson,
  read: (input) => {
    const value = parseBody(Buffer.from(input));
    return jsonToForm(value, shapeOf(value));
  },
  check: (input, read) => {
    const expected = input === '' ? {} : parseExpected(input.toWellFormed());
    assertSame(read, expected);
    return `${Math.min(read.size, 5)}`;
  },
};

/** JSON.parse is wrong about some names with escapes; what reads those has a property test of its own. */
function parseExpected(text: string): unknown {
  return text.includes('\\') ? parseJson(text) : (JSON.parse(text) as unknown);
}

const LISTS = new Set(['a', 'enabled_events']);

/** One that takes the body as it is, as far as a call could: hashes of hashes, and texts below the second level. */
function shapeOf(value: unknown, depth = 1): JsonShape {
  const shape = Object.create(null) as Record<string, JsonShape[string]>;
  for (const [name, inner] of Object.entries(isHash(value) ? value : {})) {
    // No call has such a name.
    if (!name.isWellFormed()) continue;
    if (name === 'metadata') shape[name] = 'metadata';
    else if (Array.isArray(inner) && LISTS.has(name)) shape[name] = 'list';
    else if (typeof inner === 'number') shape[name] = 'time';
    else if (!isHash(inner)) shape[name] = 'text';
    else shape[name] = depth < 3 ? shapeOf(inner, depth + 1) : 'texts';
  }
  return shape;
}

function assertSame(tree: Form, expected: unknown, unsets = false): void {
  const entries = Object.entries(expected as object) as [string, unknown][];
  const kept = entries.filter(([, value]) => value !== null || unsets);
  assert.equal(tree.size, kept.length);
  for (const [name, value] of kept) {
    assert.ok(name.isWellFormed(), 'half a character in a name');
    const read = tree.get(name);
    if (typeof read !== 'string') assertSame(read ?? new Map(), value, name === 'metadata');
    else
      assert.ok(
        read === (typeof value === 'number' ? String(value) : (value ?? '')) && read.isWellFormed(),
      );
  }
}
