/** What each suite of the contract starts from, and the helpers that they share. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { ApiError, type ErrorCode } from '../../domain/errors.ts';
import type { Catalog, Page } from '../catalog.ts';
import type { ManualClock } from './fixtures.ts';

/** An empty catalog, and what the tests do to it from outside. */
export type CatalogUnderTest = {
  readonly catalog: Catalog;
  /** The clock that the catalog was opened with. */
  readonly clock: ManualClock;
  /** Closes the catalog and opens it again on the same data, as a restart does. */
  readonly reopen: () => Promise<Catalog>;
  /** Another one on the same data at the same time, as another process opens it to make keys. */
  readonly openBeside: () => Promise<Catalog>;
  /** Where a copy may be made, and what opens it. */
  readonly copyFile: string;
  readonly openCopy: () => Promise<Catalog>;
  /** Every byte that is stored. */
  readonly storedBytes: () => Promise<Buffer>;
  /** Closes all that was opened, and removes the data. */
  readonly dispose: () => Promise<void>;
};

/** A new subject, disposed of when the test ends. */
export type Start = (t: TestContext) => Promise<CatalogUnderTest>;

/** The catalog as it is, then as it is after a restart: what a test must find both times. */
export async function* restarts(subject: CatalogUnderTest): AsyncGenerator<Catalog> {
  yield subject.catalog;
  yield await subject.reopen();
}

export const NOTHING: Page<never> = { data: [], hasMore: false };
export const BROKEN = new Error('broken on purpose');

export function fail(): never {
  throw BROKEN;
}

export function unreachable(): never {
  throw new Error('called for a row that is not there');
}

export function same<T>(row: T): T {
  return row;
}

/** Accepts exactly one refusal: for `assert.rejects`. */
export function refusal(reason: ErrorCode, param: string, message: string | RegExp) {
  return (error: unknown): true => {
    assert.ok(error instanceof ApiError, String(error));
    assert.equal(error.reason, reason);
    assert.equal(error.param, param);
    if (typeof message === 'string') assert.equal(error.message, message);
    else assert.match(error.message, message);
    return true;
  };
}
