/**
 * Alerts as rows, the active ones in memory too: with each step of the watch all of them are asked for. No other process
 * makes alerts. Memory is changed after the commit, so that it never runs ahead of the disk.
 */
import { ALERTS_ABOUT_ONE_MAX, ALERTS_MAX, type Alert, type Trigger } from '../../domain/alert.ts';
import { AlertsOfMeters } from '../../domain/alerts-of-meters.ts';
import { ApiError } from '../../domain/errors.ts';
import { modeOf, type Namespace } from '../../domain/namespace.ts';
import type { Alerts, Fired, Remember } from '../catalog.ts';
import { answerSaver } from './answers.ts';
import type { Outbox } from './outbox.ts';
import { type CursorParam, readPage, type Sides } from './page.ts';
import type { Sql, Writer } from './writer.ts';

/** A quantity has more digits than SQLite's numbers. */
type Row = Omit<Alert, 'gte'> & { readonly gte: string };

export function sqliteAlerts(db: Sql, writer: Writer, outbox: Pick<Outbox, 'record'>): Alerts {
  const sql = prepareStatements(db);
  const changes = changesOf(db, writer, sql, outbox);
  const active = new AlertsOfMeters();
  const counts = new Map(sql.counts.all().map(({ namespace, count }) => [namespace, count]));
  let seenSequence = sql.seenSequence.get()?.seenSequence ?? 0;

  for (const row of sql.active.all()) active.put(fromRow(row));

  return {
    active,
    async create(alert, remember) {
      const { namespace } = alert;
      const count = counts.get(namespace) ?? 0;
      if (count >= ALERTS_MAX) throw tooMany(namespace);
      refuseTooMany(active, alert);
      changes.create(alert, remember);
      counts.set(namespace, count + 1);
      active.put(alert);
    },
    async change(namespace, id, apply, remember) {
      const changed = changes.change(
        namespace,
        id,
        (before) => {
          const after = apply(before);
          const becomesActive = before.status !== 'active' && after.status === 'active';
          if (becomesActive) refuseTooMany(active, after);
          return after;
        },
        remember,
      );
      if (changed === undefined) return undefined;
      const { before, after } = changed;
      if (before.status !== 'archived' && after.status === 'archived') {
        counts.set(namespace, (counts.get(namespace) ?? 0) - 1);
      }
      active.put(after);
      return after;
    },
    async find(namespace, id) {
      const row = sql.find.get(namespace, id);
      return row && fromRow(row);
    },
    list: alertList(sql),
    async trigger(fired) {
      return changes.trigger(fired);
    },
    hasTriggered(alertId, customer, periodStartMs) {
      return sql.findTrigger.get(alertId, customer, periodStartMs) !== undefined;
    },
    get seenSequence() {
      return seenSequence;
    },
    async saveSeenSequence(sequence) {
      changes.saveSeenSequence(sequence);
      seenSequence = sequence;
    },
  };
}

function alertList(sql: Statements): Alerts['list'] {
  return async (namespace, page, meterId) => {
    const toOrdinal = (id: string, param: CursorParam): number => {
      const row = sql.ordinal.get(namespace, id);
      if (row !== undefined) return row.ordinal;
      throw new ApiError('resource_missing_in_body', `No such billing alert: '${id}'`, param);
    };
    const { data, hasMore } = readPage(page, toOrdinal, sidesOf(sql, namespace, meterId));
    return { data: data.map(fromRow), hasMore };
  };
}

function sidesOf(sql: Statements, namespace: Namespace, meterId: string | undefined): Sides<Row> {
  if (meterId === undefined) {
    return {
      older: (ordinal, limit) => sql.older.iterate(namespace, ordinal, limit),
      newer: (ordinal, limit) => sql.newer.iterate(namespace, ordinal, limit),
    };
  }
  return {
    older: (ordinal, limit) => sql.olderOfMeter.iterate(namespace, meterId, ordinal, limit),
    newer: (ordinal, limit) => sql.newerOfMeter.iterate(namespace, meterId, ordinal, limit),
  };
}

function tooMany(namespace: Namespace): ApiError {
  return new ApiError(
    'too_many_alerts',
    `You have reached the maximum of ${ALERTS_MAX.toLocaleString('en')} ${modeOf(namespace)} ` +
      'billing alerts. Archive some first.',
  );
}

function refuseTooMany(active: AlertsOfMeters, { meterId, customer }: Alert): void {
  if (active.count(meterId, customer) < ALERTS_ABOUT_ONE_MAX) return;
  const whom = customer === null ? 'all customers' : 'one customer';
  throw new ApiError(
    'too_many_alerts',
    `You have reached the maximum of ${ALERTS_ABOUT_ONE_MAX} active billing alerts about ${whom} ` +
      'for one meter. Deactivate or archive one first.',
  );
}

/** Each in one transaction. */
function changesOf(db: Sql, writer: Writer, sql: Statements, outbox: Pick<Outbox, 'record'>) {
  const saveAnswer = answerSaver(db);

  const create = writer.transaction((alert: Alert, remember: Remember<Alert>) => {
    sql.insert.run(toRow(alert));
    if (remember !== undefined) saveAnswer(remember(alert));
  });

  const change = writer.transaction(
    (
      namespace: Namespace,
      id: string,
      apply: (alert: Alert) => Alert,
      remember: Remember<Alert>,
    ) => {
      const row = sql.find.get(namespace, id);
      if (row === undefined) return undefined;
      const before = fromRow(row);
      const after = apply(before);
      if (after !== before) sql.update.run(toRow(after));
      if (remember !== undefined) saveAnswer(remember(after));
      return { before, after };
    },
  );

  const triggerOne = ({ trigger: one, events }: Fired): boolean => {
    const { id, namespace } = one.alert;
    if (sql.find.get(namespace, id)?.status !== 'active') return false;
    const row = { ...one, alert: id, value: String(one.value) };
    if (sql.insertTrigger.run(row).changes === 0) return false;
    outbox.record(events);
    return true;
  };
  const trigger = writer.transaction(
    (fired: readonly Fired[]) => fired.filter((one) => triggerOne(one)).length,
  );

  // What is lost of it is looked at again.
  const saveSeenSequence = writer.unsynced((sequence: number) =>
    sql.saveSeenSequence.run(sequence),
  );

  return { create, change, trigger, saveSeenSequence };
}

function toRow(alert: Alert): Row {
  return { ...alert, gte: String(alert.gte) };
}

function fromRow(row: Row): Alert {
  return { ...row, gte: BigInt(row.gte) };
}

const COLUMNS = `namespace, id, title, meter AS meterId, customer, gte, recurrence, status, created_s AS createdS,
  since_sequence AS sinceSequence`;

type TriggerRow = Omit<Trigger, 'alert' | 'value'> & {
  readonly alert: string;
  readonly value: string;
};

type Statements = ReturnType<typeof prepareStatements>;

function prepareStatements(db: Sql) {
  type Walk = [Namespace, number, number];
  type WalkOfMeter = [Namespace, string, number, number];
  return {
    insert: db.prepare<[Row]>(`
      INSERT INTO alerts
        (namespace, id, title, meter, customer, gte, recurrence, status, created_s, since_sequence)
      VALUES
        (@namespace, @id, @title, @meterId, @customer, @gte, @recurrence, @status, @createdS,
         @sinceSequence)`),
    update: db.prepare<[Row]>(`
      UPDATE alerts SET status = @status, since_sequence = @sinceSequence
      WHERE namespace = @namespace AND id = @id`),
    find: db.prepare<[Namespace, string], Row>(`
      SELECT ${COLUMNS} FROM alerts WHERE namespace = ? AND id = ?`),
    active: db.prepare<[], Row>(
      `SELECT ${COLUMNS} FROM alerts WHERE status = 'active' ORDER BY ordinal`,
    ),
    counts: db.prepare<[], { namespace: Namespace; count: number }>(`
      SELECT namespace, count(*) AS count FROM alerts WHERE status <> 'archived' GROUP BY namespace`),
    ordinal: db.prepare<[Namespace, string], { ordinal: number }>(`
      SELECT ordinal FROM alerts WHERE namespace = ? AND id = ?`),
    older: db.prepare<Walk, Row>(`
      SELECT ${COLUMNS} FROM alerts WHERE namespace = ? AND ordinal < ? AND status <> 'archived'
      ORDER BY ordinal DESC LIMIT ?`),
    newer: db.prepare<Walk, Row>(`
      SELECT ${COLUMNS} FROM alerts WHERE namespace = ? AND ordinal > ? AND status <> 'archived'
      ORDER BY ordinal LIMIT ?`),
    olderOfMeter: db.prepare<WalkOfMeter, Row>(`
      SELECT ${COLUMNS} FROM alerts
      WHERE namespace = ? AND meter = ? AND ordinal < ? AND status <> 'archived'
      ORDER BY ordinal DESC LIMIT ?`),
    newerOfMeter: db.prepare<WalkOfMeter, Row>(`
      SELECT ${COLUMNS} FROM alerts
      WHERE namespace = ? AND meter = ? AND ordinal > ? AND status <> 'archived'
      ORDER BY ordinal LIMIT ?`),
    insertTrigger: db.prepare<[TriggerRow]>(`
      INSERT OR IGNORE INTO alert_triggers (alert, customer, period_start_ms, value, created_ms)
      VALUES (@alert, @customer, @periodStartMs, @value, @createdMs)`),
    findTrigger: db.prepare<[string, string, number], unknown>(`
      SELECT 1 FROM alert_triggers WHERE alert = ? AND customer = ? AND period_start_ms = ?`),
    seenSequence: db.prepare<[], { seenSequence: number }>(`
      SELECT seen_sequence AS seenSequence FROM alert_progress`),
    saveSeenSequence: db.prepare<[number]>('UPDATE alert_progress SET seen_sequence = ?'),
  };
}
