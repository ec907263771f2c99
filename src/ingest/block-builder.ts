import type {
  Cancellation,
  IncomingEvent,
  RejectedEvent,
} from '../domain/meter-events/meter-event.ts';
import type { AnswerBody, Block } from '../journal/journal.ts';
import type { Namespace } from '../domain/namespace.ts';
import { packReceipts, type Receipt } from '../journal/receipt.ts';
import { EventColumns } from '../usage/event-columns.ts';
import { cancellationRow, rejectionRow } from '../usage/rows.ts';

/** Gathers what the next commit stores, already in the form that the usage store ingests. */
export class BlockBuilder {
  readonly #events = new EventColumns();
  #cancellations = '';
  #rejections = '';
  #cancelled = 0;
  #rejected = 0;
  #receipts: Receipt[] = [];
  #answerBodies: AnswerBody[] = [];
  #bodiesLength = 0;
  #lastReceivedAtMs = 0;
  readonly #namespaces = new Set<Namespace>();
  #lastNamespace: Namespace | undefined;

  /** Bytes and characters gathered so far: a measure of what the next commit writes. */
  get length(): number {
    return (
      this.#events.byteLength +
      this.#cancellations.length +
      this.#rejections.length +
      this.#bodiesLength
    );
  }

  get isEmpty(): boolean {
    return this.#rows === 0 && this.#receipts.length === 0;
  }

  get #rows(): number {
    return this.#events.rows + this.#cancelled + this.#rejected;
  }

  addEvent(event: IncomingEvent, sequence: number): void {
    this.#events.add(event, sequence);
    this.#isOf(event.namespace);
  }

  addCancellation(cancellation: Cancellation): void {
    this.#cancellations += cancellationRow(cancellation);
    this.#cancelled += 1;
    this.#isOf(cancellation.namespace);
  }

  addRejection(rejected: RejectedEvent): void {
    this.#rejections += rejectionRow(rejected);
    this.#rejected += 1;
    this.#isOf(rejected.namespace);
  }

  /** Mostly of the same namespace as the fact before. */
  #isOf(namespace: Namespace): void {
    if (namespace === this.#lastNamespace) return;
    this.#lastNamespace = namespace;
    this.#namespaces.add(namespace);
  }

  /** `body`: the answer, when it cannot be made again from request and receipt. */
  addReceipt(receipt: Receipt, body?: string): void {
    this.#receipts.push(receipt);
    this.#lastReceivedAtMs = Math.max(this.#lastReceivedAtMs, receipt.receivedAtMs);
    if (body === undefined) return;
    this.#answerBodies.push({ keyHash: receipt.keyHash, body });
    this.#bodiesLength += body.length;
  }

  /** Whose rows were gathered since the last call. */
  takeNamespaces(): readonly Namespace[] {
    const namespaces = [...this.#namespaces];
    this.#namespaces.clear();
    this.#lastNamespace = undefined;
    return namespaces;
  }

  /** What was gathered, and begins anew. */
  take(lastSequence: number): Block {
    const block = {
      lastSequence,
      lastReceivedAtMs: this.#lastReceivedAtMs,
      rows: this.#rows,
      totals: {
        ...this.#events.totals,
        cancellations: this.#cancelled,
        rejections: this.#rejected,
      },
      events: this.#events.take(),
      cancellations: Buffer.from(this.#cancellations),
      rejections: Buffer.from(this.#rejections),
      receipts: packReceipts(this.#receipts),
      answerBodies: this.#answerBodies,
    };
    this.#cancellations = '';
    this.#rejections = '';
    this.#cancelled = 0;
    this.#rejected = 0;
    this.#receipts = [];
    this.#answerBodies = [];
    this.#bodiesLength = 0;
    this.#lastReceivedAtMs = 0;
    return block;
  }
}
