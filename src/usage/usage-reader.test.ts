import assert from 'node:assert/strict';
import { test } from 'node:test';
import { within } from '../../test/support/wait.ts';
import { ApiError } from '../domain/errors.ts';
import { toNamespace, type Namespace } from '../domain/namespace.ts';
import { UsageReader } from './usage-reader.ts';
import { ReadLimitError, type SummaryQuery } from './usage-store.ts';

/** A reader of a store that answers when the gate opens. */
function gated(answer: () => Promise<never[]> = async () => []) {
  const gate = Promise.withResolvers<void>();
  const ask = async (): Promise<never[]> => {
    await gate.promise;
    return await answer();
  };
  const search = { findEvents: ask, findRejections: ask };
  const store = { summarize: ask, findEvent: async () => undefined, search };
  return { reader: new UsageReader(store, async () => 0, 600), open: gate.resolve };
}

function summarize(reader: UsageReader, account: string): Promise<unknown> {
  return reader.summarize({ namespace: namespaceOf(account) } as SummaryQuery);
}

function search(reader: UsageReader, account: string): Promise<unknown> {
  const query = { namespace: namespaceOf(account) } as never;
  return reader.search(namespaceOf(account), async (searcher) => await searcher.findEvents(query));
}

function namespaceOf(account: string): Namespace {
  return toNamespace(account, 'test');
}

function is(reason: ApiError['reason']) {
  return (error: unknown): boolean => error instanceof ApiError && error.reason === reason;
}

test('an account has a share of the reads that wait; its modes share it, and the others have theirs', async () => {
  const { reader, open } = gated();
  const waiting = Array.from({ length: 200 }, () => summarize(reader, 'acct_1'));
  await assert.rejects(summarize(reader, 'acct_1'), is('rate_limit'));
  await assert.rejects(search(reader, 'acct_1'), is('rate_limit'));
  const others = [2, 3, 4, 5].flatMap((account) =>
    Array.from({ length: 200 }, () => summarize(reader, `acct_${account}`)),
  );
  await assert.rejects(summarize(reader, 'acct_6'), is('unavailable'), 'a thousand in all');
  open();
  await within('all that waited', Promise.all([...waiting, ...others]));
  await summarize(reader, 'acct_1');
});

test('of searches a few wait, and the next one is told when to come again', async () => {
  const { reader, open } = gated();
  const waiting = Array.from({ length: 8 }, () => search(reader, 'acct_1'));
  await assert.rejects(search(reader, 'acct_1'), (error) => {
    assert.ok(is('rate_limit')(error) && error instanceof ApiError);
    assert.ok(error.retryAfterS > 1, 'searches take their time');
    return true;
  });
  const beside = [summarize(reader, 'acct_1'), search(reader, 'acct_2')];
  open();
  await within('all that waited', Promise.all([...waiting, ...beside]));
  await search(reader, 'acct_1');
});

test('a limit of the store is told of a search; any other read says that it took too long', async () => {
  const { reader, open } = gated(() => Promise.reject(new ReadLimitError('seconds', undefined)));
  open();
  await assert.rejects(search(reader, 'acct_1'), ReadLimitError);
  await assert.rejects(summarize(reader, 'acct_1'), is('unavailable'));
});
