/**
 * Judges which alerts are crossed by what customers have used, and writes down those that fire. Customers times alerts can
 * be many: so in slices, with many triggers in a transaction, and requests have their turn in between.
 */
import { isCrossed, type Alert, type Trigger } from '../domain/alert.ts';
import type { Alerts, Fired } from '../catalog/catalog.ts';
import type { Clock } from '../lib/clock.ts';
import type { CoreEvent } from '../domain/core-events/core-event.ts';
import type { Meter } from '../domain/meter.ts';
import { Turns } from '../lib/turns.ts';
import type { CustomerUsage } from '../usage/customer-usage.ts';
import type { Group, UpperBounds } from './usage-upper-bounds.ts';

export type AlertJudgeParts = {
  readonly alerts: Pick<Alerts, 'active' | 'hasTriggered' | 'trigger'>;
  readonly clock: Clock;
  /** The events that tell of a trigger. */
  readonly announce: (trigger: Trigger, meter: Meter) => readonly CoreEvent[];
};

/** A transaction of so many, with sixteen deliveries each, takes some 10 ms of the thread. */
const TRIGGERS_PER_COMMIT = 50;

/** What one customer has used, and which alerts about it are open: those that are crossed by that, and the others. */
type Verdict = {
  readonly used: CustomerUsage;
  readonly about: readonly Alert[];
  readonly crossed: readonly Alert[];
  readonly left: readonly Alert[];
};

export class AlertJudge {
  readonly #parts: AlertJudgeParts;
  readonly #bounds: UpperBounds;
  /** How many have fired since the start. */
  fired = 0;

  constructor(parts: AlertJudgeParts, bounds: UpperBounds) {
    this.#parts = parts;
    this.#bounds = bounds;
  }

  /** Throws the signal's reason between two transactions once it is aborted: what was not judged by then has to be again. */
  async judge(
    group: Group,
    meter: Meter,
    used: readonly CustomerUsage[],
    signal: AbortSignal,
  ): Promise<void> {
    const turns = new Turns();
    let verdicts: Verdict[] = [];
    let triggers = 0;
    for (const one of used) {
      const verdict = this.#judgeOne(group, one);
      verdicts.push(verdict);
      triggers += verdict.crossed.length;
      if (triggers >= TRIGGERS_PER_COMMIT) {
        await this.#write(group, meter, verdicts);
        [verdicts, triggers] = [[], 0];
      }
      await turns.next();
      signal.throwIfAborted();
    }
    await this.#write(group, meter, verdicts);
  }

  #judgeOne({ meterId, recurrence, period }: Group, used: CustomerUsage): Verdict {
    const { alerts } = this.#parts;
    const { customer } = used;
    const about = alerts.active.about(meterId, customer);
    const open = about.filter(
      (alert) =>
        alert.recurrence === recurrence && !alerts.hasTriggered(alert.id, customer, period.startMs),
    );
    const crossed = open.filter((alert) => isCrossed(alert, used));
    return { used, about, crossed, left: open.filter((alert) => !crossed.includes(alert)) };
  }

  /** Bounds come after the triggers that they take for granted. */
  async #write(group: Group, meter: Meter, verdicts: readonly Verdict[]): Promise<void> {
    const fired = verdicts.flatMap((verdict) => this.#firedOf(group, meter, verdict));
    if (fired.length > 0) this.fired += await this.#parts.alerts.trigger(fired);
    for (const { used, about, left } of verdicts) {
      this.#bounds.put(group, meter, { ...used, about, open: left });
    }
  }

  #firedOf({ period }: Group, meter: Meter, { used, crossed }: Verdict): Fired[] {
    const { clock, announce } = this.#parts;
    const { customer, value } = used;
    return crossed.map((alert) => {
      const periodStartMs = period.startMs;
      const trigger = { alert, customer, periodStartMs, value, createdMs: clock.nowMs() };
      return { trigger, events: announce(trigger, meter) };
    });
  }
}
