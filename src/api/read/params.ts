/**
 * Readers for parameters. Each one throws the ApiError that names the wrong parameter by its path, as Stripe
 * writes it (`default_aggregation[formula]`); what they return needs no further check.
 *
 * Texts and codes: Stripe's error-code pages and what users report of them.
 */
import {
  bareOrQuoted,
  beginning,
  charactersIn,
  isLonger,
  quoted,
  shown,
} from '../../domain/characters.ts';
import { ApiError } from '../../domain/errors.ts';
import { LAST_SECOND, parseTime, unitHint } from '../../domain/rfc3339.ts';
import { toList, type Form, type FormValue } from './form.ts';

/** What a call takes: `true` for one value or anything below it, or the names inside. */
export type Shape = { readonly [name: string]: true | Shape };

/** Throws `parameter_unknown` for every parameter that the shape does not name, all in one message. */
export function refuseUnknown(form: Form, shape: Shape): void {
  if (isKnown(form, shape)) return;
  refuseAsUnknown(unknownPaths(form, shape, ''));
}

/** Throws `parameter_unknown` with these paths, if there are any. */
export function refuseAsUnknown(paths: readonly string[]): void {
  const [first] = paths;
  if (first === undefined) return;
  const plural = paths.length > 1 ? 's' : '';
  throw new ApiError(
    'parameter_unknown',
    `Received unknown parameter${plural}: ${shown(paths.join(', '))}`,
    beginning(first),
  );
}

/** Whether it has nothing but what the shape takes whole: nearly always, and cheap to see. */
function isKnown(form: Form, shape: Shape): boolean {
  let known = 0;
  for (const name in shape) {
    if (shape[name] === true && form.has(name)) known += 1;
  }
  return known === form.size;
}

function unknownPaths(form: Form, shape: Shape, parent: string): string[] {
  const paths: string[] = [];
  for (const [name, value] of form) {
    const path = parent === '' ? name : `${parent}[${name}]`;
    const known = Object.hasOwn(shape, name) ? shape[name] : undefined;
    if (known === undefined) paths.push(path);
    else if (known !== true && typeof value !== 'string') {
      paths.push(...unknownPaths(value, known, path));
    }
  }
  return paths;
}

/** A text of 1 to `max` characters, or undefined when it was not sent. */
export function text(form: Form, path: string, max: number): string | undefined {
  const value = valueAt(form, path);
  if (value === undefined) return undefined;
  if (typeof value !== 'string')
    throw new ApiError('parameter_invalid', `Invalid string: ${path}`, path);
  if (value === '') throw empty(path);
  if (isLonger(value, max)) throw tooLong(path, value, max);
  return value;
}

/** As every text that is too long is refused; `what` says which it is, if not what stands at the path. */
export function tooLong(path: string, value: string, max: number, what = path): ApiError {
  const count = charactersIn(value);
  return new ApiError(
    'parameter_invalid',
    `Invalid string: ${shown(what)} must be at most ${max} characters, and has ${count}.`,
    beginning(path),
  );
}

export function requiredText(form: Form, path: string, max: number): string {
  return text(form, path, max) ?? missing(path);
}

/** As `text`, but an empty text (which is how SDKs send null) unsets: null. */
export function textOrNull(form: Form, path: string, max: number): string | null | undefined {
  return valueAt(form, path) === '' ? null : text(form, path, max);
}

export function oneOf<T extends string>(
  form: Form,
  path: string,
  allowed: readonly T[],
): T | undefined {
  const value = valueAt(form, path);
  if (value === undefined) return undefined;
  if (value === '') throw empty(path);
  const known = allowed.find((one) => one === value);
  if (known !== undefined) return known;
  throw new ApiError(
    'parameter_invalid',
    `Invalid ${path}: must be ${alternatives(allowed)}`,
    path,
  );
}

export function requiredOneOf<T extends string>(
  form: Form,
  path: string,
  allowed: readonly T[],
): T {
  return oneOf(form, path, allowed) ?? missing(path);
}

type Bounds = {
  readonly min: number;
  readonly max: number;
  /** What is said behind a refusal of so many. */
  readonly hint?: (number: number, sent: string) => string;
};

/** A whole number in [min, max], neither of which is past what a number holds exactly. */
export function integer(
  form: Form,
  path: string,
  { min, max, hint = () => '' }: Bounds,
): number | undefined {
  const value = valueAt(form, path);
  if (value === undefined) return undefined;
  if (value === '') throw empty(path);
  if (typeof value !== 'string' || !/^-?\d+$/.test(value)) {
    const sent = typeof value === 'string' ? bareOrQuoted(value) : path;
    throw new ApiError('parameter_invalid_integer', `Invalid integer: ${sent}`, path);
  }
  const number = Number(value);
  if (number < min || number > max) {
    throw new ApiError(
      'parameter_invalid_integer',
      `Invalid integer: ${path} must be from ${min} to ${max}, and is ${beginning(value)}.${hint(number, value)}`,
      path,
    );
  }
  return number;
}

export function requiredInteger(form: Form, path: string, bounds: Bounds): number {
  return integer(form, path, bounds) ?? missing(path);
}

/** A time of the v2 API, in milliseconds (see `parseTime`); or undefined when it was not sent. */
export function time(form: Form, path: string): number | undefined {
  const value = valueAt(form, path);
  if (value === undefined) return undefined;
  if (value === '') throw empty(path);
  const timeMs = typeof value === 'string' ? parseTime(value) : undefined;
  if (timeMs !== undefined) return timeMs;
  const problem = typeof value === 'string' ? noTime(value) : `must be ${TIME_RULE}.`;
  throw new ApiError('parameter_invalid', `Invalid ${path}: ${problem}`, path);
}

/** What is wrong with a text that `parseTime` does not take: the end of a sentence, with a hint behind it. */
export function noTime(sent: string): string {
  const hint = /^\d+$/u.test(sent) ? unitHint(Number(sent), sent) : '';
  return `must be ${TIME_RULE}, not ${quoted(sent)}.${hint}`;
}

export const TIME_RULE = 'an RFC 3339 time such as 2024-06-01T12:00:00.000Z or whole Unix seconds';

/** Bounds of a time, each of them optional (Stripe: the `created` of its lists). */
export const TIME_RANGE_SHAPE = {
  gt: true,
  gte: true,
  lt: true,
  lte: true,
} as const satisfies Shape;

/**
 * A time of a list, in seconds: exactly that second, or bounds for it. Half open and in milliseconds, so that a second
 * counts whole; infinite where no bound was sent. Undefined when nothing was.
 */
export function timeRange(
  form: Form,
  path: string,
): { readonly fromMs: number; readonly toMs: number } | undefined {
  const sent = form.get(path);
  if (sent === undefined) return undefined;
  const seconds = (at: string): number | undefined => integer(form, at, TIME_S_BOUNDS);
  if (typeof sent === 'string') {
    const exactly = seconds(path) ?? 0;
    return { fromMs: exactly * 1000, toMs: (exactly + 1) * 1000 };
  }
  const after = seconds(`${path}[gt]`) ?? -Infinity;
  const from = seconds(`${path}[gte]`) ?? -Infinity;
  const before = seconds(`${path}[lt]`) ?? Infinity;
  const to = seconds(`${path}[lte]`) ?? Infinity;
  return { fromMs: 1000 * Math.max(from, after + 1), toMs: 1000 * Math.min(before, to + 1) };
}

/** Of a time of the v1 API, in seconds. */
export const TIME_S_BOUNDS = { min: 0, max: LAST_SECOND, hint: unitHint };

/** A list of texts, each of 1 to `lengthMax` characters; the empty list when it was sent empty. */
export function texts(
  form: Form,
  path: string,
  { itemsMax, lengthMax }: { readonly itemsMax: number; readonly lengthMax: number },
): readonly string[] | undefined {
  const value = valueAt(form, path);
  if (value === undefined) return undefined;
  const items = typeof value === 'string' ? undefined : toList(value);
  if (items === undefined) {
    throw new ApiError('parameter_invalid', `Invalid array: ${path}`, path);
  }
  if (items.length > itemsMax) {
    throw new ApiError(
      'parameter_invalid',
      `Invalid array: ${path} takes at most ${itemsMax} values, and has ${items.length}.`,
      path,
    );
  }
  return items.map((_, index) => requiredText(form, `${path}[${index}]`, lengthMax));
}

export function flag(form: Form, path: string): boolean | undefined {
  const sent = oneOf(form, path, ['true', 'false']);
  return sent === undefined ? undefined : sent === 'true';
}

/** A set of named values, or undefined when it was not sent. */
export function hash(form: Form, path: string): Form | undefined {
  const value = valueAt(form, path);
  if (value === undefined) return undefined;
  if (typeof value === 'string') {
    if (value === '') throw empty(path);
    throw new ApiError('parameter_invalid', `Invalid hash: ${path} takes named values.`, path);
  }
  return value;
}

export function requiredHash(form: Form, path: string): Form {
  return hash(form, path) ?? missing(path);
}

/** For what has no field to expand: any path is refused, as Stripe refuses it. */
export function refuseExpand(form: Form): void {
  expanded(form, []);
}

/** The fields that shall be expanded, of those that can be; any other path is refused, as Stripe refuses it. */
export function expanded(form: Form, expandable: readonly string[]): ReadonlySet<string> {
  const value = form.get('expand');
  if (value === undefined) return new Set();
  const paths = typeof value === 'string' ? undefined : toList(value);
  if (paths === undefined)
    throw new ApiError('parameter_invalid', 'Invalid array: expand', 'expand');
  const found = new Set<string>();
  for (const path of paths) {
    if (typeof path === 'string' && expandable.includes(path)) found.add(path);
    else throw notExpandable(path);
  }
  return found;
}

function notExpandable(path: FormValue): ApiError {
  const sent = typeof path === 'string' ? bareOrQuoted(path) : '…';
  return new ApiError('parameter_invalid', `This property cannot be expanded (${sent}).`, 'expand');
}

/** Throws `parameter_missing`; typed so that `??` can end in it. */
export function missing(path: string): never {
  throw new ApiError('parameter_missing', `Missing required param: ${path}.`, path);
}

function empty(path: string): ApiError {
  return new ApiError(
    'parameter_invalid_empty',
    `You passed an empty string for '${path}'. We assume empty values are an attempt to unset a ` +
      `parameter; however '${path}' cannot be unset. You should remove '${path}' from your request ` +
      `or supply a non-empty value.`,
    path,
  );
}

/** `a, b, or c` */
function alternatives(values: readonly string[]): string {
  if (values.length === 1) return String(values[0]);
  return `one of ${values.slice(0, -1).join(', ')}${values.length > 2 ? ',' : ''} or ${values.at(-1)}`;
}

/** What stands at a path such as `a[b]`. */
export function valueAt(form: Form, path: string): FormValue | undefined {
  if (!path.includes('[')) return form.get(path);
  let value: FormValue | undefined = form;
  let walked = '';
  for (const name of path.replaceAll(']', '').split('[')) {
    if (value === undefined) return undefined;
    if (typeof value === 'string') {
      throw new ApiError(
        'parameter_invalid',
        `Invalid hash: ${walked} takes named values.`,
        walked,
      );
    }
    value = value.get(name);
    walked += walked === '' ? name : `[${name}]`;
  }
  return value;
}
