/** For suites: a batch as a flush makes it. */
import { randomUUID } from 'node:crypto';
import type {
  Cancellation,
  MeterEvent,
  RejectedEvent,
} from '../../domain/meter-events/meter-event.ts';
import { toDecimal } from '../../domain/quantity.ts';
import { EventColumns } from '../event-columns.ts';
import { cancellationRow, rejectionRow } from '../rows.ts';
import type { UsageBatch } from '../usage-store.ts';

export type Facts = {
  readonly events?: readonly MeterEvent[];
  readonly cancellations?: readonly Cancellation[];
  readonly rejections?: readonly RejectedEvent[];
};

/** Under a token of its own. */
export function batchOf({ events = [], cancellations = [], rejections = [] }: Facts): UsageBatch {
  const columns = new EventColumns();
  for (const event of events) {
    columns.add({ ...event, value: toDecimal(event.value) }, event.sequence);
  }
  return {
    token: randomUUID(),
    eventsFormat: 'Native',
    events: columns.take(),
    cancellations: Buffer.from(cancellations.map(cancellationRow).join('')),
    rejections: Buffer.from(rejections.map(rejectionRow).join('')),
  };
}
