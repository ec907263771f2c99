import type { Cancellation, MeterEvent } from '../events/event.ts';
import type { Block } from '../journal/journal.ts';
import { packReceipts, type Receipt } from '../journal/receipt.ts';
import { cancellationRow, eventRow } from '../usage/rows.ts';

/** Gathers what the next commit stores, already in the form that the usage store ingests. */
export class BlockBuilder {
  #events = '';
  #cancellations = '';
  #rows = 0;
  #receipts: Receipt[] = [];
  #lastReceivedAtMs = 0;

  /** Characters gathered so far: a measure of what the next commit writes. */
  get length(): number {
    return this.#events.length + this.#cancellations.length;
  }

  get isEmpty(): boolean {
    return this.#rows === 0 && this.#receipts.length === 0;
  }

  addEvent(event: MeterEvent): void {
    this.#events += eventRow(event);
    this.#rows += 1;
  }

  addCancellation(cancellation: Cancellation): void {
    this.#cancellations += cancellationRow(cancellation);
    this.#rows += 1;
  }

  addReceipt(receipt: Receipt): void {
    this.#receipts.push(receipt);
    this.#lastReceivedAtMs = Math.max(this.#lastReceivedAtMs, receipt.receivedAtMs);
  }

  build(lastSequence: number): Block {
    return {
      lastSequence,
      lastReceivedAtMs: this.#lastReceivedAtMs,
      rows: this.#rows,
      events: Buffer.from(this.#events),
      cancellations: Buffer.from(this.#cancellations),
      receipts: packReceipts(this.#receipts),
    };
  }
}
