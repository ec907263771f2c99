import type { Alert } from './alert.ts';

/** The active alerts, by meter and by who they are about. */
export class AlertsOfMeters {
  readonly #meters = new Map<string, OfMeter>();

  get meterIds(): readonly string[] {
    return [...this.#meters.keys()];
  }

  hasMeter(meterId: string): boolean {
    return this.#meters.has(meterId);
  }

  /** The alerts of a meter that are about this customer: the same list as long as it has the same alerts. */
  about(meterId: string, customer: string): readonly Alert[] {
    const of = this.#meters.get(meterId);
    if (of === undefined) return NONE;
    const { ofAll, ofCustomer } = of;
    const found = ofCustomer.get(customer);
    if (found === undefined) return ofAll;
    if (found.together?.ofAll !== ofAll) found.together = { ofAll, list: [...ofAll, ...found.own] };
    return found.together.list;
  }

  /** How many there are of a meter about this customer alone; null: about all. */
  count(meterId: string, customer: string | null): number {
    const of = this.#meters.get(meterId);
    const list = customer === null ? of?.ofAll : of?.ofCustomer.get(customer)?.own;
    return list?.length ?? 0;
  }

  /** From now on the alert is as it is here; one that is not active is left out. */
  put(alert: Alert): void {
    const of: OfMeter = this.#meters.get(alert.meterId) ?? { ofAll: NONE, ofCustomer: new Map() };
    const { customer } = alert;
    const before = customer === null ? of.ofAll : (of.ofCustomer.get(customer)?.own ?? NONE);
    const others = before.filter(({ id }) => id !== alert.id);
    const now = alert.status === 'active' ? [...others, alert] : others;
    if (customer === null) of.ofAll = now;
    else if (now.length > 0) of.ofCustomer.set(customer, { own: now, together: undefined });
    else of.ofCustomer.delete(customer);
    if (of.ofAll.length > 0 || of.ofCustomer.size > 0) this.#meters.set(alert.meterId, of);
    else this.#meters.delete(alert.meterId);
  }
}

type OfCustomer = {
  readonly own: readonly Alert[];
  /** With those about all, of whom there were these when it was asked for. */
  together: { readonly ofAll: readonly Alert[]; readonly list: readonly Alert[] } | undefined;
};
type OfMeter = { ofAll: readonly Alert[]; readonly ofCustomer: Map<string, OfCustomer> };

const NONE: readonly Alert[] = [];
