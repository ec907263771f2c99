import type { Alert } from './alert.ts';

/** The active alerts, by meter and by who they are about. */
export class AlertsOfMeters {
  readonly #meters = new Map<string, OfMeter>();

  get meterIds(): readonly string[] {
    return [...this.#meters.keys()];
  }

  /** The alerts of a meter that are about this customer. */
  about(meterId: string, customer: string): readonly Alert[] {
    const of = this.#meters.get(meterId);
    if (of === undefined) return [];
    const own = of.ofCustomer.get(customer);
    return own === undefined ? of.ofAll : [...of.ofAll, ...own];
  }

  /** From now on the alert is as it is here; one that is not active is left out. */
  put(alert: Alert): void {
    const of: OfMeter = this.#meters.get(alert.meterId) ?? { ofAll: [], ofCustomer: new Map() };
    const { customer } = alert;
    const before = customer === null ? of.ofAll : (of.ofCustomer.get(customer) ?? []);
    const others = before.filter(({ id }) => id !== alert.id);
    const now = alert.status === 'active' ? [...others, alert] : others;
    if (customer === null) of.ofAll = now;
    else if (now.length > 0) of.ofCustomer.set(customer, now);
    else of.ofCustomer.delete(customer);
    if (of.ofAll.length > 0 || of.ofCustomer.size > 0) this.#meters.set(alert.meterId, of);
    else this.#meters.delete(alert.meterId);
  }
}

type OfMeter = { ofAll: readonly Alert[]; readonly ofCustomer: Map<string, readonly Alert[]> };
