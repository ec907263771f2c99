import { availableParallelism } from 'node:os';
import { Session } from 'chdb';
import { SessionPool } from './session-pool.ts';

/**
 * Reads have sessions by what they take, so that none waits for another kind (a session takes some 80 KB, so this is not
 * about memory): summaries and look-ups of single events take milliseconds, a search as long as the account is large, and
 * what the server asks by itself (alerts, reports, comparisons of duplicates) has time.
 */
export type Pools = {
  readonly readers: SessionPool;
  readonly searchers: SessionPool;
  readonly background: SessionPool;
};

/** Two cores' worth: more only wait inside the engine. */
const READERS = 2;
/** Half of the cores, one thread each: the others are for what takes milliseconds. */
const SEARCHERS = Math.max(1, Math.floor(availableParallelism() / 2));
/**
 * Some 20 million events, and some seconds. Not `max_rows_to_read`: the engine counts before it reads, and would refuse a list
 * of the latest ten events of which it reads some thousand.
 */
const SEARCH_BYTES_MAX = 4 * 1024 ** 3;

/** `folder`: the store's. */
export function openPools(folder: string): Pools {
  const open = (): Session => new Session(folder);
  return {
    readers: new SessionPool(open, { width: READERS }),
    searchers: new SessionPool(open, {
      width: SEARCHERS,
      ofOneAccount: 1,
      threads: 1,
      bytesMax: SEARCH_BYTES_MAX,
    }),
    background: new SessionPool(open, { width: 1, threads: 1 }),
  };
}
