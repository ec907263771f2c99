/** For the suites of this folder: the store that they run against. */
import { after, before } from 'node:test';
import type { UsageStore } from '../usage-store.ts';

export type OpenedUsageStore = {
  readonly store: UsageStore;
  /** Closes it and opens the same data again. */
  readonly reopen: () => Promise<UsageStore>;
  /** Where a snapshot may be made. */
  readonly snapshotFolder: string;
  /** Closes it and opens the snapshot in its place. */
  readonly openSnapshot: () => Promise<UsageStore>;
  readonly destroy: () => Promise<void>;
};

export type OpenUsageStore = () => Promise<OpenedUsageStore>;

/** Within `describe`: opens a new one before its tests, tells of it, and takes it away after them. */
export function withStore(open: OpenUsageStore, tell: (opened: OpenedUsageStore) => void): void {
  let opened: OpenedUsageStore;
  before(async () => {
    opened = await open();
    tell(opened);
  });
  after(async () => {
    await opened.destroy();
  });
}
