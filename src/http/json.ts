/**
 * The JSON bodies of the v2 API, as the tree that a form becomes (see form.ts): texts, hashes and a few lists, which is
 * all that its calls take so far. A null counts as absent, but of metadata it unsets a key. Of a name that is sent twice
 * the last one counts, as everywhere in JavaScript.
 */
import { ApiError } from '../errors.ts';
import { DEPTH_MAX, PAIRS_MAX, type Form, type FormValue } from './form.ts';
import { holdsMoreThan } from './json-size.ts';

/** A name may be as long as the body; what an error repeats of it may not. */
const PATH_SHOWN_MAX = 200;

/** The fields that are lists. Elsewhere a list is refused: it would pass for a hash with the keys 0, 1, 2… */
const LISTS: ReadonlySet<string> = new Set(['enabled_events', 'events_from', 'include']);

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
    return JSON.parse(bytes.toString()) as unknown;
  } catch (error) {
    const reason =
      error instanceof Error ? error.message.slice(0, PATH_SHOWN_MAX).toWellFormed() : '';
    throw new ApiError('body_invalid', `Invalid request body: not JSON. ${reason}`);
  }
}

/**
 * Throws the ApiError that names the field for what is neither a text nor a hash, for texts and names that
 * are not well-formed Unicode (JSON can escape half a pair), and past the limits that forms have.
 */
export function jsonToForm(value: unknown): Form {
  if (!isHash(value)) {
    throw new ApiError('body_invalid', 'Invalid request body: must be a JSON object.');
  }
  return new Reader().hash(value, '', 1);
}

class Reader {
  #names = 0;

  hash(value: object, parent: string, depth: number): Form {
    if (depth > DEPTH_MAX) {
      throw new ApiError('body_invalid', `Parameters have at most ${DEPTH_MAX} levels.`);
    }
    const form = new Map<string, FormValue>();
    for (const [name, inner] of Object.entries(value)) {
      this.#names += 1;
      if (this.#names > PAIRS_MAX) {
        throw new ApiError('body_invalid', `A request has at most ${PAIRS_MAX} parameters.`);
      }
      const path = parent === '' ? name : `${parent}[${name}]`;
      if (!name.isWellFormed()) throw notUnicode(path);
      const read = this.#value(inner, path, depth);
      if (read !== undefined) form.set(name, read);
    }
    return form;
  }

  #value(value: unknown, path: string, depth: number): FormValue | undefined {
    if (value === null) return path.startsWith('metadata[') ? '' : undefined;
    if (typeof value === 'string') {
      if (!value.isWellFormed()) throw notUnicode(path);
      return value;
    }
    if (isHash(value) || (Array.isArray(value) && LISTS.has(path))) {
      return this.hash(value, path, depth + 1);
    }
    const kind = Array.isArray(value) ? 'an array' : `a ${typeof value}`;
    throw invalid(path, `must be a string or an object, not ${kind}`);
  }
}

function isHash(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function notUnicode(path: string): ApiError {
  return invalid(path, 'is not well-formed Unicode');
}

function invalid(path: string, problem: string): ApiError {
  const shown = path.slice(0, PATH_SHOWN_MAX).toWellFormed();
  return new ApiError('parameter_invalid', `Invalid ${shown}: ${problem}.`, shown);
}
