import type { CoreEvent } from '../../domain/core-events/core-event.ts';
import type { ErrorReports } from '../catalog.ts';
import type { Outbox } from './outbox.ts';
import type { Sql, Writer } from './writer.ts';

export function sqliteErrorReports(
  db: Sql,
  writer: Writer,
  outbox: Pick<Outbox, 'record'>,
): ErrorReports {
  const save = db.prepare<[number]>('UPDATE error_report_progress SET seen_sequence = ?');
  const seen = db
    .prepare<[], number | null>('SELECT seen_sequence FROM error_report_progress')
    .pluck();
  let seenSequence = seen.get() ?? undefined;

  const record = writer.transaction((events: readonly CoreEvent[], upTo: number) => {
    outbox.record(events);
    save.run(upTo);
  });

  // Lost, it would be found again that there is nothing to tell of.
  const skip = writer.unsynced((upTo: number) => save.run(upTo));

  return {
    get seenSequence() {
      return seenSequence;
    },
    async record(events, upTo) {
      if (events.length > 0) record(events, upTo);
      else skip(upTo);
      seenSequence = upTo;
    },
  };
}
