import type { Meter } from '../../domain/meter.ts';
import type { Namespace } from '../../domain/namespace.ts';

/** The meters of each event name, in memory: the active one first, then the inactive ones, newest first. */
export type EventNames = {
  /** Empty when no meter ever had the name. The array never changes: the next `put` brings another. */
  readonly metersOf: (namespace: Namespace, eventName: string) => readonly Meter[];
  /** Of every event name, in no order. */
  readonly metersIn: (namespace: Namespace) => readonly Meter[];
  readonly countIn: (namespace: Namespace) => number;
  /** From now on these are all the meters of the event name that they share. */
  readonly put: (sameName: readonly Meter[]) => void;
};

const NO_METERS: readonly Meter[] = Object.freeze([]);

/** From all meters, each event name's in the order in which it shall give them back. */
export function toEventNames(meters: Iterable<Meter>): EventNames {
  const namespaces = new Map<Namespace, Map<string, readonly Meter[]>>();

  const metersOf = (namespace: Namespace, eventName: string): readonly Meter[] =>
    namespaces.get(namespace)?.get(eventName) ?? NO_METERS;

  const metersIn = (namespace: Namespace): readonly Meter[] =>
    [...(namespaces.get(namespace)?.values() ?? [])].flat();

  const counts = new Map<Namespace, number>();
  const countIn = (namespace: Namespace): number => counts.get(namespace) ?? 0;

  const put = (sameName: readonly Meter[]): void => {
    const [first] = sameName;
    if (first === undefined) return;
    const names = namespaces.get(first.namespace) ?? new Map<string, readonly Meter[]>();
    const before = names.get(first.eventName)?.length ?? 0;
    counts.set(first.namespace, countIn(first.namespace) - before + sameName.length);
    namespaces.set(first.namespace, names.set(first.eventName, sameName));
  };

  for (const sameNamespace of Map.groupBy(meters, (meter) => meter.namespace).values()) {
    Map.groupBy(sameNamespace, (meter) => meter.eventName).forEach(put);
  }
  return { metersOf, metersIn, countIn, put };
}
