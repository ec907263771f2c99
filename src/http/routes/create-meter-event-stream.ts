import type { Route } from '../api.ts';

/** 100 events of 100 keys and texts of 100 characters are 2 MB; a body of more events may be longer. */
const BYTES_PER_100_EVENTS = 4 * 1024 * 1024;
/** 10,000 usual events are 2 MB: this is a bound for memory (promise P10). */
const BODY_BYTES_MAX = 64 * 1024 * 1024;

/** POST /v2/billing/meter_event_stream: authenticates and reads; what it reads is not recorded yet. */
export function createMeterEventStream({ streamEventsMax }: { streamEventsMax: number }): Route {
  return {
    method: 'POST',
    path: '/v2/billing/meter_event_stream',
    opensWith: 'session',
    body: 'raw_json',
    bodyBytesMax: Math.min(BODY_BYTES_MAX, BYTES_PER_100_EVENTS * Math.ceil(streamEventsMax / 100)),
    handle: () => ({}),
    replay: () => ({}),
  };
}
