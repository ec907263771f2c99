import type { IncomingEvent } from '../domain/meter-events/meter-event.ts';
import type { Totals } from '../journal/totals.ts';
import { NativeBlocks } from './native/block.ts';
import { LowCardinalityColumn } from './native/low-cardinality-column.ts';
import { DecimalColumn, IntegerColumn } from './native/number-columns.ts';
import { TextColumn } from './native/text-column.ts';
import { TextMapColumn } from './native/text-map-column.ts';

/** What a row is made of, beside its sequence. */
export type RowEvent = Omit<IncomingEvent, 'timestampIsSent'>;

const TIME = "DateTime64(3, 'UTC')";

/** Rows of the table `events` in the making, in the form in which the journal keeps them and ClickHouse reads them. */
export class EventColumns {
  readonly #columns = {
    namespace: new LowCardinalityColumn(),
    meter: new LowCardinalityColumn(),
    customer: new TextColumn(),
    timestamp: new IntegerColumn(TIME),
    sequence: new IntegerColumn('UInt64'),
    received_at: new IntegerColumn(TIME),
    identifier: new TextColumn(),
    value: new DecimalColumn(),
    payload: new TextMapColumn(),
  };
  readonly #blocks = new NativeBlocks(this.#columns);
  #rows = 0;

  get rows(): number {
    return this.#rows;
  }

  /** About what the block will take; cheap enough to be asked for with every event. */
  get byteLength(): number {
    const { identifier, customer, payload } = this.#columns;
    return identifier.byteLength + customer.byteLength + payload.byteLength + 64 * this.#rows;
  }

  add(event: RowEvent, sequence: number): void {
    const columns = this.#columns;
    columns.namespace.add(event.namespace);
    columns.meter.add(event.meterId);
    columns.customer.add(event.customer);
    columns.timestamp.add(event.timestampMs);
    columns.sequence.add(sequence);
    columns.received_at.add(event.receivedAtMs);
    columns.identifier.add(event.identifier);
    columns.value.add(event.value);
    columns.payload.add(event.rest);
    this.#rows += 1;
  }

  /** Adds the rows of the blocks that `take` has given, one after the other. */
  addBlocks(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const { rows, end } = this.#blocks.add(bytes, at);
      this.#rows += rows;
      at = end;
    }
  }

  /** What the rows add up to. */
  get totals(): Pick<Totals, 'events' | 'sequenceSum' | 'valueSum'> {
    const { sequence, value } = this.#columns;
    return { events: this.#rows, sequenceSum: sequence.sum(), valueSum: value.sum() };
  }

  /** The rows as one `Native` block, and empties the columns; no bytes when there are no rows. */
  take(): Uint8Array<ArrayBuffer> {
    if (this.#rows === 0) return new Uint8Array();
    const block = this.#blocks.write(this.#rows);
    for (const column of Object.values(this.#columns)) column.clear();
    this.#rows = 0;
    return block;
  }
}
