import type { Metrics } from './metrics.ts';

/** What an AlertWatch tells of itself. */
type Watch = { readonly fired: number; readonly behind: number };

export function exposeAlerts(metrics: Metrics, watch: Watch): void {
  metrics.counter(
    'taximeter_alerts_fired_total',
    'Alerts that fired, once for each customer and period.',
    () => watch.fired,
  );
  metrics.gauge(
    'taximeter_alerts_behind_events',
    'Events in the usage store that alerts have not been held against yet.',
    () => watch.behind,
  );
}
