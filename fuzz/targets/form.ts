import assert from 'node:assert/strict';
import qs from 'qs';
import {
  canonicalForm,
  DEPTH_MAX,
  PAIRS_MAX,
  parseForm,
  type Form,
} from '../../src/api/read/form.ts';
import { corpusOf } from '../corpus.ts';
import { generateForm } from '../generate.ts';
import { type Target } from '../target.ts';

/** Bodies and queries: every value that was sent is there under its names, and qs reads the same. */
export const form: Target<Form> = {
  name: 'form',
  ...corpusOf('form'),
  generate: generateForm,
  read: parseForm,
  check: (input, read) => {
    const canonical = canonicalForm(read);
    const written = write(read, '').join('&');
    assert.deepEqual(parseForm(written), read, 'read, written and read again');
    const again = leavesOfText(input);
    if (again !== undefined) assert.deepEqual(leavesOf(read, []).sort(), again.sort());
    if (isSharedWithQs(input)) assert.equal(canonicalForm(fromQs(input)), canonical, 'qs');
    return `${Math.min(read.size, 5)} ${depthOf(read)}`;
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

/** Every value with the names above it, from the text alone; undefined where `[]` leaves out a name. */
function leavesOfText(input: string): string[] | undefined {
  const decode = (piece: string): string => decodeURIComponent(piece.replace(/\+/gu, '%20'));
  const pairs = input.split('&').filter((pair) => pair !== '');
  const leaves = pairs.map((pair) => {
    const [key = '', ...value] = pair.split('=');
    return [...decode(key).replaceAll(']', '').split('['), decode(value.join('='))];
  });
  if (leaves.some((leaf) => leaf.slice(0, -1).includes(''))) return undefined;
  return leaves.map((leaf) => JSON.stringify(leaf));
}

function leavesOf(tree: Form, above: readonly string[]): string[] {
  return [...tree].flatMap(([name, value]) => {
    const path = [...above, name];
    return typeof value === 'string' ? [JSON.stringify([...path, value])] : leavesOf(value, path);
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
