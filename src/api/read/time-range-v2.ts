import { ApiError } from '../../domain/errors.ts';
import { isUnixSeconds, LAST_SECOND, unitHint } from '../../domain/rfc3339.ts';
import type { Form } from './form.ts';
import { hash, time, valueAt } from './params.ts';

type Span = { readonly fromMs: number; readonly toMs: number };

/** As `timeRange`, of the v2 API: bounds alone, each a time or whole seconds. */
export function timeRangeV2(form: Form, path: string): Span | undefined {
  if (hash(form, path) === undefined) return undefined;
  const bound = (name: string): Span | undefined => timeOrSecond(form, `${path}[${name}]`);
  return {
    fromMs: Math.max(bound('gte')?.fromMs ?? -Infinity, bound('gt')?.toMs ?? -Infinity),
    toMs: Math.min(bound('lt')?.fromMs ?? Infinity, bound('lte')?.toMs ?? Infinity),
  };
}

/** The millisecond or the second that was sent: a second counts whole. */
function timeOrSecond(form: Form, path: string): Span | undefined {
  const fromMs = time(form, path);
  if (fromMs === undefined) return undefined;
  const sent = valueAt(form, path);
  if (typeof sent !== 'string' || !isUnixSeconds(sent)) return { fromMs, toMs: fromMs + 1 };
  const seconds = fromMs / 1000;
  if (seconds <= LAST_SECOND) return { fromMs, toMs: fromMs + 1000 };
  throw new ApiError(
    'parameter_invalid',
    `Invalid ${path}: must be at most ${LAST_SECOND} in seconds, and is ${sent}.${unitHint(seconds)}`,
    path,
  );
}
