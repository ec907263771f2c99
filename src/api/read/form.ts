/**
 * `application/x-www-form-urlencoded` bodies and query strings, nested by brackets as Stripe's SDKs and curl
 * send them: `payload[value]=25`, `enabled_events[0]=x&enabled_events[1]=y` or `enabled_events[]=x`.
 *
 * A form is a tree of Maps, so that `__proto__` is a key like any other; a list is a form with the keys 0, 1,
 * 2… What could be read in two ways is refused, not guessed: the same parameter twice, a value that is also a
 * hash, brackets that do not pair, and `a[][b]=1`, where readers disagree whether the next such pair belongs
 * to the same item. Brackets count whether raw or percent-encoded: SDKs send both.
 */
import { beginning, shown } from '../../domain/characters.ts';
import { ApiError } from '../../domain/errors.ts';

export type FormValue = string | Form;
export type Form = ReadonlyMap<string, FormValue>;
type FormInTheMaking = Map<string, string | FormInTheMaking>;

/** Ten times what the largest call of the API could use; a bound for memory (promise P10). */
export const PAIRS_MAX = 1000;
/** How many names a path has at most (`a[b]` has two); a bound for whoever walks the tree (promise P10). */
export const DEPTH_MAX = 8;

/**
 * Reads a whole body or query string; the empty text is the empty form. A key without `=` has the value '';
 * empty pairs (`a=1&&b=2`) are skipped.
 *
 * Throws the ApiError `body_invalid` when the text is not well-formed or over a limit, `parameter_invalid`
 * with the path of the parameter when its name makes no sense.
 */
export function parseForm(text: string): Form {
  if (!text.isWellFormed()) throw notUtf8();
  const form: FormInTheMaking = new Map();
  let pairs = 0;
  for (let start = 0, end = 0; start < text.length; start = end + 1) {
    end = indexOrEnd(text, '&', start);
    if (start === end) continue;
    pairs += 1;
    if (pairs > PAIRS_MAX) {
      throw new ApiError('body_invalid', `A request has at most ${PAIRS_MAX} parameters.`);
    }
    const pair = text.slice(start, end);
    const keyEnd = indexOrEnd(pair, '=', 0);
    put(form, decode(pair.slice(0, keyEnd)), decode(pair.slice(keyEnd + 1)));
  }
  return form;
}

/**
 * The items, when the keys are exactly 0 to n-1, in any order; undefined when the form is not a list. The
 * empty form is the empty list.
 */
export function toList(value: Form): readonly FormValue[] | undefined {
  const items: FormValue[] = [];
  for (let index = 0; index < value.size; index += 1) {
    const item = value.get(String(index));
    if (item === undefined) return undefined;
    items.push(item);
  }
  return items;
}

/**
 * One text for each set of parameters: two forms have the same text exactly when they are equal, in whatever
 * order and spelling they were sent. Sorted keys, and lengths in front, so that nothing needs escaping.
 */
export function canonicalForm(form: Form): string {
  let text = '';
  for (const [key, value] of sorted(form)) {
    text += `${key.length}:${key}`;
    text += typeof value === 'string' ? `=${value.length}:${value}` : `{${canonicalForm(value)}}`;
  }
  return text;
}

/** Mostly they were sent so: then looking is enough, and sorting takes five times as long. */
function sorted(form: Form): Iterable<readonly [string, FormValue]> {
  let last = '';
  for (const key of form.keys()) {
    if (key < last) return [...form].sort(([a], [b]) => (a < b ? -1 : 1));
    last = key;
  }
  return form;
}

/** Puts a value where its key says: `name`, then any number of `[name]`, the last of which may be `[]`. */
function put(root: FormInTheMaking, key: string, value: string): void {
  let form = root;
  let open = key.indexOf('[');
  let name = open === -1 ? key : key.slice(0, open);
  if (name === '' || name.includes(']')) throw malformed(key);
  for (let depth = 2; open !== -1; depth += 1) {
    if (name === '') throw malformed(key);
    if (depth > DEPTH_MAX) {
      throw new ApiError('body_invalid', `Parameters have at most ${DEPTH_MAX} levels.`);
    }
    form = findOrAddHash(form, name, key, open);
    const close = key.indexOf(']', open);
    name = key.slice(open + 1, close);
    open = close + 1 === key.length ? -1 : close + 1;
    if (close === -1 || name.includes('[') || (open !== -1 && key[open] !== '[')) {
      throw malformed(key);
    }
  }
  if (name === '') name = nextIndex(form);
  const present = form.get(name);
  if (present !== undefined) throw typeof present === 'string' ? repeated(key) : ambiguous(key);
  form.set(name, value);
}

/** The hash of this name; `key`, up to `pathEnd`, is its path. */
function findOrAddHash(
  form: FormInTheMaking,
  name: string,
  key: string,
  pathEnd: number,
): FormInTheMaking {
  const present = form.get(name);
  if (typeof present === 'string') throw ambiguous(key.slice(0, pathEnd));
  if (present !== undefined) return present;
  const hash: FormInTheMaking = new Map();
  form.set(name, hash);
  return hash;
}

/** The index that `[]` stands for: the one after the items so far. */
function nextIndex(list: FormInTheMaking): string {
  let index = list.size;
  while (list.has(String(index))) index += 1;
  return String(index);
}

function decode(piece: string): string {
  const spaced = piece.includes('+') ? piece.replaceAll('+', ' ') : piece;
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    throw notUtf8();
  }
}

function indexOrEnd(text: string, char: string, start: number): number {
  const index = text.indexOf(char, start);
  return index === -1 ? text.length : index;
}

function notUtf8(): ApiError {
  return new ApiError('body_invalid', 'The parameters are not percent-encoded UTF-8.');
}

function malformed(key: string): ApiError {
  return invalid(key, 'Invalid parameter name (write hashes as a[b], lists as a[0] or a[])');
}

function repeated(path: string): ApiError {
  return invalid(path, 'Received more than one value for the parameter');
}

function ambiguous(path: string): ApiError {
  return invalid(path, 'Received both a value and a hash for the parameter');
}

function invalid(path: string, problem: string): ApiError {
  return new ApiError('parameter_invalid', `${problem}: ${shown(path)}`, beginning(path));
}
