import type { RouteCounts } from '../../http/operator/request-counts.ts';
import type { ApiServer } from '../../http/server.ts';
import type { Labels, Metrics } from './metrics.ts';

export function exposeRequests(metrics: Metrics, server: ApiServer): void {
  const { requests } = server;
  metrics.counter(
    'taximeter_http_requests_total',
    'Answered requests of the API. code: what was wrong, as the error says it or by its name in errors.ts; empty for a success.',
    () => Array.from(requests.routes, toCounts).flat(),
  );
  metrics.histogram(
    'taximeter_http_request_duration_seconds',
    "From a request's headers to its answer.",
    () => Array.from(requests.routes, (route) => [labelsOf(route), route.seconds] as const),
  );
  metrics.gauge(
    'taximeter_http_requests_in_flight',
    'Requests that were read and are being answered.',
    () => server.inFlight,
  );
  metrics.gauge('taximeter_ready', '1 when /readyz says so, else 0.', () =>
    server.isReady ? 1 : 0,
  );
}

function labelsOf({ method, path }: RouteCounts): Labels {
  return { method, route: path };
}

function toCounts(route: RouteCounts): (readonly [Labels, number])[] {
  const labels = labelsOf(route);
  return [
    ...(route.path === ''
      ? []
      : [[{ ...labels, status: 200, code: '' }, route.succeeded] as const]),
    ...Array.from(
      route.refused,
      ([code, { status, count }]) => [{ ...labels, status, code }, count] as const,
    ),
  ];
}
