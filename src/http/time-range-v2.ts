import type { Form } from './form.ts';
import { hash, requiredInteger, time, TIME_S_BOUNDS, valueAt } from './params.ts';

type Span = { readonly fromMs: number; readonly toMs: number };

/** As `timeRange`, of the v2 API: bounds alone, each a time or whole seconds (the SDK's types say numbers). */
export function timeRangeV2(form: Form, path: string): Span | undefined {
  if (hash(form, path) === undefined) return undefined;
  const bound = (name: string): Span | undefined => timeOrSecond(form, `${path}[${name}]`);
  return {
    fromMs: Math.max(bound('gte')?.fromMs ?? -Infinity, bound('gt')?.toMs ?? -Infinity),
    toMs: Math.min(bound('lt')?.fromMs ?? Infinity, bound('lte')?.toMs ?? Infinity),
  };
}

/** The millisecond or the second that was sent. */
function timeOrSecond(form: Form, path: string): Span | undefined {
  const sent = valueAt(form, path);
  if (typeof sent === 'string' && /^\d+$/u.test(sent)) {
    const fromMs = 1000 * requiredInteger(form, path, TIME_S_BOUNDS);
    return { fromMs, toMs: fromMs + 1000 };
  }
  const fromMs = time(form, path);
  return fromMs === undefined ? undefined : { fromMs, toMs: fromMs + 1 };
}
