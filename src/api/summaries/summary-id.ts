/**
 * The id of a summary says which one it is: meter, customer, window. So it is the same every time it is
 * asked for, works as a cursor, and outlives a restart, without being stored anywhere.
 */
import { isLive, type Namespace } from '../../domain/namespace.ts';

export type SummaryName = {
  readonly meterId: string;
  readonly customer: string;
  readonly startTimeS: number;
  readonly endTimeS: number;
};

export function toSummaryId(namespace: Namespace, name: SummaryName): string {
  const { meterId, customer, startTimeS, endTimeS } = name;
  const text = JSON.stringify([meterId, customer, startTimeS, endTimeS]);
  return prefix(namespace) + Buffer.from(text).toString('base64url');
}

/** Undefined for what `toSummaryId` never made in this mode. */
export function parseSummaryId(namespace: Namespace, id: string): SummaryName | undefined {
  if (!id.startsWith(prefix(namespace))) return undefined;
  const text = Buffer.from(id.slice(prefix(namespace).length), 'base64url').toString();
  try {
    const parts: unknown = JSON.parse(text);
    if (!Array.isArray(parts)) return undefined;
    const [meterId, customer, startTimeS, endTimeS] = parts as unknown[];
    if (typeof meterId !== 'string' || typeof customer !== 'string') return undefined;
    if (!Number.isSafeInteger(startTimeS) || !Number.isSafeInteger(endTimeS)) return undefined;
    const name = { meterId, customer, startTimeS: Number(startTimeS), endTimeS: Number(endTimeS) };
    return toSummaryId(namespace, name) === id ? name : undefined;
  } catch {
    return undefined; // Not JSON: not an id of ours.
  }
}

function prefix(namespace: Namespace): string {
  return isLive(namespace) ? 'mtrusg_' : 'mtrusg_test_';
}
