import assert from 'node:assert/strict';
import qs from 'qs';
import { canonicalForm, DEPTH_MAX, PAIRS_MAX, parseForm, type Form } from '../../src/http/form.ts';
import { corpusOf } from '../corpus.ts';
import { generateForm } from '../generate.ts';
import { attempt, type Target } from '../target.ts';

/** Bodies and queries: what is read, once written and read again, is the same; and qs reads it too. */
export const form: Target = {
  name: 'form',
  ...corpusOf('form'),
  generate: generateForm,
  run: (input) => {
    const read = attempt(() => parseForm(input));
    if (read.refusal !== undefined) return read.refusal;
    const canonical = canonicalForm(read.value);
    const written = write(read.value, '').join('&');
    assert.equal(canonicalForm(parseForm(written)), canonical, 'read, written and read again');
    if (isSharedWithQs(input)) assert.equal(canonicalForm(fromQs(input)), canonical, 'qs');
    return `${Math.min(read.value.size, 5)} ${depthOf(read.value)}`;
  },
};

function write(tree: Form, parent: string): string[] {
  return [...tree].flatMap(([name, value]) => {
    const escaped = encodeURIComponent(name);
    const path = parent === '' ? escaped : `${parent}%5B${escaped}%5D`;
    return typeof value === 'string'
      ? [`${path}=${encodeURIComponent(value)}`]
      : write(value, path);
  });
}

/** qs makes lists of indices, drops `__proto__`, and has its own way with lone signs. */
function isSharedWithQs(input: string): boolean {
  const pair = String.raw`[a-z]+(?:\[[a-z]+\])*=[\w.-]*`;
  return new RegExp(`^${pair}(?:&${pair})*$`, 'iu').test(input);
}

function fromQs(input: string): Form {
  const options = { plainObjects: true, depth: DEPTH_MAX, parameterLimit: PAIRS_MAX };
  const toForm = (tree: object): Form =>
    new Map(
      Object.entries(tree).map(([name, value]: [string, string | object]) => [
        name,
        typeof value === 'string' ? value : toForm(value),
      ]),
    );
  return toForm(qs.parse(input, options));
}

function depthOf(tree: Form): number {
  let depth = 1;
  for (const value of tree.values()) {
    if (typeof value !== 'string') depth = Math.max(depth, 1 + depthOf(value));
  }
  return depth;
}
