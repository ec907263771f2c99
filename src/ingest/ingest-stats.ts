/** What an operator may see of ingest: plain numbers that go up, for whoever scrapes them to read. */
import { newBytes, newRows, newSeconds } from '../lib/histogram.ts';

export class IngestStats {
  /** Events that were found to be new. They are on disk once their commit has returned. */
  accepted = 0;
  duplicates = 0;
  /** Events that were not counted, by code: those of a stream, and single ones that were refused. */
  readonly rejected = new Map<string, number>();

  readonly commitSeconds = newSeconds();
  readonly commitRows = newRows();
  readonly commitBytes = newBytes();

  /** From the insert into the usage store to when the journal has dropped its blocks. */
  readonly flushSeconds = newSeconds();
  readonly flushRows = newRows();
  readonly flushBytes = newBytes();
  flushFailures = 0;

  /** How long readers waited until all that was acknowledged was in the usage store. */
  readonly barrierSeconds = newSeconds();

  countRejected(code: string): void {
    this.rejected.set(code, (this.rejected.get(code) ?? 0) + 1);
  }
}
