/**
 * The JSON bodies of the v2 API, as the tree that a form becomes (see form.ts). A call says what its body holds, so that what
 * is unknown or of another kind is refused by its path. A null counts as absent, but of metadata it unsets a key. Of a name
 * that is sent twice the last one counts, as everywhere in JavaScript.
 */
import { beginning, shown } from '../../domain/characters.ts';
import { ApiError } from '../../domain/errors.ts';
import { parseJson as parseJsonText } from '../../domain/parse-json.ts';
import { PAIRS_MAX, type Form, type FormValue } from './form.ts';
import { holdsMoreThan } from './json-size.ts';
import { refuseAsUnknown, TIME_RULE } from './params.ts';

/** What a call takes: the names of its body, each with what stands there. */
export type JsonShape = { readonly [name: string]: JsonKind | JsonShape };
/**
 * `time`: a text, or a number of seconds, which becomes its digits. `list`: of texts. `texts`: texts by names of any kind;
 * `metadata`: the same, where a null unsets.
 */
export type JsonKind = 'text' | 'time' | 'list' | 'texts' | 'metadata';

/** What an error repeats of a reason that is not ours. */
const REASON_SHOWN_MAX = 200;

/** What a body of 1 MB may hold, of whatever kind: a bound for time (promise P10). */
const VALUES_MAX = 10_000;

/**
 * The value of a whole body, which is UTF-8; that of the empty one is `{}`. Throws `body_invalid` for what is not JSON and,
 * before any of it is read, for a long one of too many values.
 */
export function parseJson(bytes: Buffer, valuesMax = VALUES_MAX): unknown {
  if (bytes.length === 0) return {};
  if (holdsMoreThan(bytes, valuesMax)) {
    throw new ApiError('body_invalid', `Invalid request body: more than ${valuesMax} values.`);
  }
  try {
    return parseJsonText(bytes.toString());
  } catch (error) {
    const reason =
      error instanceof Error ? error.message.slice(0, REASON_SHOWN_MAX).toWellFormed() : '';
    throw new ApiError('body_invalid', `Invalid request body: not JSON. ${reason}`);
  }
}

/**
 * Throws `parameter_unknown` for every field that the shape does not name, all in one message; then the ApiError that names
 * the first field of another kind, or whose text or name is not well-formed Unicode (JSON can escape half a pair); and past
 * the number of parameters that forms have.
 */
export function jsonToForm(value: unknown, shape: JsonShape): Form {
  if (!isHash(value)) {
    throw new ApiError('body_invalid', 'Invalid request body: must be a JSON object.');
  }
  refuseAsUnknown(unknownPaths(value, shape, ''));
  return new Reader().hash(value, shape, '');
}

function unknownPaths(value: object, shape: JsonShape, parent: string): string[] {
  const paths: string[] = [];
  for (const [name, inner] of Object.entries(value) as [string, unknown][]) {
    if (inner === null) continue;
    const kind = Object.hasOwn(shape, name) ? shape[name] : undefined;
    if (kind === undefined) paths.push(pathOf(parent, name).toWellFormed());
    else if (typeof kind !== 'string' && isHash(inner)) {
      paths.push(...unknownPaths(inner, kind, pathOf(parent, name)));
    }
  }
  return paths;
}

class Reader {
  #names = 0;

  /** What `unknownPaths` has found nothing unknown in. */
  hash(value: object, shape: JsonShape, parent: string): Form {
    const form = new Map<string, FormValue>();
    for (const [name, inner] of Object.entries(value)) {
      if (inner === null) continue;
      this.#count();
      form.set(name, this.#value(inner, shape[name] ?? {}, pathOf(parent, name)));
    }
    return form;
  }

  #value(value: unknown, kind: JsonKind | JsonShape, path: string): FormValue {
    switch (kind) {
      case 'text':
        return toText(value, path);
      case 'time':
        if (typeof value === 'number') return String(value);
        if (typeof value !== 'string') throw wrongKind(path, TIME_RULE, value);
        return toText(value, path);
      case 'list':
        if (!Array.isArray(value)) throw wrongKind(path, 'an array', value);
        return this.#texts(value, kind, path);
      case 'texts':
      case 'metadata':
        if (!isHash(value)) throw wrongKind(path, 'an object', value);
        return this.#texts(value, kind, path);
      default:
        if (!isHash(value)) throw wrongKind(path, 'an object', value);
        return this.hash(value, kind, path);
    }
  }

  #texts(value: object, kind: 'list' | 'texts' | 'metadata', parent: string): Form {
    const form = new Map<string, string>();
    for (const [name, inner] of Object.entries(value) as [string, unknown][]) {
      if (inner === null && kind === 'texts') continue;
      this.#count();
      const path = pathOf(parent, name);
      if (!name.isWellFormed()) throw notUnicode(path);
      form.set(name, inner === null && kind === 'metadata' ? '' : toText(inner, path));
    }
    return form;
  }

  #count(): void {
    this.#names += 1;
    if (this.#names <= PAIRS_MAX) return;
    throw new ApiError('body_invalid', `A request has at most ${PAIRS_MAX} parameters.`);
  }
}

function toText(value: unknown, path: string): string {
  if (typeof value !== 'string') throw wrongKind(path, 'a string', value);
  if (!value.isWellFormed()) throw notUnicode(path);
  return value;
}

function pathOf(parent: string, name: string): string {
  return parent === '' ? name : `${parent}[${name}]`;
}

export function isHash(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `a number`, `an array`: what was sent in place of something else. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'object') return Array.isArray(value) ? 'an array' : 'an object';
  return `a ${typeof value}`;
}

function wrongKind(path: string, right: string, value: unknown): ApiError {
  return invalid(path, `must be ${right}, not ${kindOf(value)}`);
}

function notUnicode(path: string): ApiError {
  return invalid(path, 'is not well-formed Unicode');
}

function invalid(path: string, problem: string): ApiError {
  const wellFormed = path.toWellFormed();
  return new ApiError(
    'parameter_invalid',
    `Invalid ${shown(wellFormed)}: ${problem}.`,
    beginning(wellFormed),
  );
}
