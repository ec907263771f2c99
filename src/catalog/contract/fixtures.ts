/** What the contract feeds to a catalog: rows with all fields set, and the model that lists are held against. */
import { createHash } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import type { Alert } from '../../domain/alert.ts';
import { NO_BILLING, type Customer } from '../../domain/customers/customer.ts';
import type { Key } from '../../domain/key.ts';
import type { Meter } from '../../domain/meter.ts';
import type { Namespace } from '../../domain/namespace.ts';
import type { Page, PageQuery, SavedAnswer, Session } from '../catalog.ts';

export const NAMESPACE: Namespace = 'acct_one/test';
/** The same account in its other mode, and another account: nothing may be seen from either. */
export const OTHERS: readonly Namespace[] = ['acct_one/live', 'acct_two/test'];

/** Time that stands still until it is told to go on, or back. */
export class ManualClock implements Clock {
  #nowMs = 1_760_000_000_000;

  nowMs(): number {
    return this.#nowMs;
  }

  advance(byMs: number): void {
    this.#nowMs += byMs;
  }
}

/** An active meter, whose names follow from its id unless given. */
export function aMeter(id: string, fields: Partial<Meter> = {}): Meter {
  return {
    id,
    namespace: NAMESPACE,
    displayName: `Meter ${id}`,
    eventName: `event of ${id}`,
    formula: 'sum',
    eventTimeWindow: null,
    customerKey: 'stripe_customer_id',
    valueKey: 'value',
    status: 'active',
    createdS: 1_760_000_000,
    updatedS: 1_760_000_000,
    deactivatedAtS: null,
    ...fields,
  };
}

export function aCustomer(id: string, fields: Partial<Customer> = {}): Customer {
  return {
    id,
    namespace: NAMESPACE,
    createdS: 1_760_000_000,
    name: null,
    email: null,
    description: null,
    phone: null,
    metadata: new Map(),
    testClock: null,
    billing: NO_BILLING,
    deleted: false,
    ...fields,
  };
}

export function anAlert(id: string, fields: Partial<Alert> = {}): Alert {
  return {
    id,
    namespace: NAMESPACE,
    title: `Alert ${id}`,
    meterId: 'mtr_1',
    customer: null,
    gte: 10n ** 12n,
    recurrence: 'one_time',
    status: 'active',
    createdS: 1_760_000_000,
    sinceSequence: 0,
    ...fields,
  };
}

export function aKey(id: string, fields: Partial<Key> = {}): Key {
  return {
    id,
    namespace: NAMESPACE,
    scopes: 'all',
    name: null,
    hint: `sk_test_****${id.slice(-4)}`,
    createdMs: 1_760_000_000_000,
    expiresAtMs: null,
    lastUsedMs: null,
    revokedAtMs: null,
    ...fields,
  };
}

export function aSession(id: string, fields: Partial<Session> = {}): Session {
  return {
    id,
    namespace: NAMESPACE,
    keyId: 'key_1',
    createdMs: 1_760_000_000_000,
    expiresAtMs: 1_760_000_900_000,
    ...fields,
  };
}

export function anAnswer(idempotencyKey: string, fields: Partial<SavedAnswer> = {}): SavedAnswer {
  return {
    namespace: NAMESPACE,
    idempotencyKey,
    keyId: 'key_1',
    fingerprint: 'f1',
    status: 200,
    body: `{"for":"${idempotencyKey}"}`,
    requestId: 'req_1',
    createdMs: 1_760_000_000_000,
    ...fields,
  };
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** What `list` shall answer, told from the rows in order of creation and which of them are listed. */
export function toPage<T extends { readonly id: string }>(
  created: readonly T[],
  isListed: (row: T) => boolean,
  { limit, startingAfter, endingBefore }: PageQuery,
): Page<T> {
  const newestFirst = created.toReversed();
  const placeOf = (id: string): number => newestFirst.findIndex((row) => row.id === id);
  if (endingBefore !== undefined) {
    const rows = newestFirst.slice(0, placeOf(endingBefore)).filter(isListed);
    return { data: rows.slice(-limit), hasMore: rows.length > limit };
  }
  const from = startingAfter === undefined ? 0 : placeOf(startingAfter) + 1;
  const rows = newestFirst.slice(from).filter(isListed);
  return { data: rows.slice(0, limit), hasMore: rows.length > limit };
}
