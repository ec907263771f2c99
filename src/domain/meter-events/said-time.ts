import { parseJson } from '../parse-json.ts';
import { parseTime } from '../rfc3339.ts';
import type { RejectedEvent } from './meter-event.ts';

/**
 * When the usage of a rejected event happened, as it says, in ms; the time of its arrival when it says none, as for every
 * event. Undefined when what it says is no time, and when it cannot be read: it is no object, or was cut. What is shown of
 * an event and what finds it go by this; sql/said-time.ts says the same in SQL.
 */
export function saidTimeMs({
  sent,
  receivedAtMs,
}: Pick<RejectedEvent, 'sent' | 'receivedAtMs'>): number | undefined {
  const { timestamp } = readSent(sent) ?? { timestamp: NaN };
  if (timestamp === undefined || timestamp === null) return receivedAtMs;
  const isTime = typeof timestamp === 'string' || typeof timestamp === 'number';
  return isTime ? parseTime(timestamp) : undefined;
}

/** The fields of a rejected event; undefined when it has none that could be read: then it is no object, or was cut. */
export function readSent(
  sent: string,
): { readonly payload?: unknown; readonly timestamp?: unknown } | undefined {
  try {
    const event: unknown = parseJson(sent);
    const isHash = typeof event === 'object' && event !== null && !Array.isArray(event);
    return isHash ? event : undefined;
  } catch {
    return undefined;
  }
}
