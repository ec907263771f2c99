import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import type { Namespace } from '../../domain/namespace.ts';
import type { Answers, SavedAnswer } from '../catalog.ts';
import type { Sql, Writer } from './writer.ts';

/** Rows that one step of a walk or of pruning takes: a few ms of work, then others have their turn. */
export const ANSWERS_STEP_MAX = 1000;

type RememberedKey = {
  readonly ordinal: number;
  readonly namespace: Namespace;
  readonly idempotencyKey: string;
  readonly createdMs: number;
};

/**
 * Saves an answer as part of the transaction that is open. One that the key had before is replaced:
 * the caller saves a second one only when the first has expired.
 */
export function answerSaver(db: Sql): (answer: SavedAnswer) => void {
  // REPLACE rather than an update: the new answer takes a new ordinal and stands last.
  const insert = db.prepare<[SavedAnswer]>(`
    INSERT OR REPLACE INTO answers
      (namespace, idempotency_key, key_id, fingerprint, status, body, request_id, created_ms)
    VALUES
      (@namespace, @idempotencyKey, @keyId, @fingerprint, @status, @body, @requestId, @createdMs)`);
  return (answer) => {
    assert(db.inTransaction, 'an answer is saved with the change that it reports');
    insert.run(answer);
  };
}

/** The first answers to keyed requests, as rows of `answers`. */
export function sqliteAnswers(db: Sql, writer: Writer): Answers {
  const find = db.prepare<[Namespace, string], SavedAnswer>(`
    SELECT namespace, idempotency_key AS idempotencyKey, key_id AS keyId, fingerprint, status,
      body, request_id AS requestId, created_ms AS createdMs
    FROM answers WHERE namespace = ? AND idempotency_key = ?`);
  const keysAfter = db.prepare<[number, number], RememberedKey>(`
    SELECT ordinal, namespace, idempotency_key AS idempotencyKey, created_ms AS createdMs
    FROM answers WHERE ordinal > ? ORDER BY ordinal LIMIT ?`);
  const pruneSome = db.prepare<[number, number]>(`
    DELETE FROM answers WHERE ordinal IN
      (SELECT ordinal FROM answers WHERE created_ms < ? ORDER BY created_ms LIMIT ?)`);

  const prune = writer.transaction((beforeMs: number) => pruneSome.run(beforeMs, ANSWERS_STEP_MAX));

  return {
    async find(namespace, idempotencyKey) {
      return find.get(namespace, idempotencyKey);
    },

    // Step by step, since an open cursor would block every other statement until the walk's end.
    *keys() {
      let rows = keysAfter.all(0, ANSWERS_STEP_MAX);
      while (rows.length > 0) {
        for (const { namespace, idempotencyKey, createdMs } of rows) {
          yield { namespace, idempotencyKey, createdMs };
        }
        rows = keysAfter.all(rows.at(-1)?.ordinal ?? 0, ANSWERS_STEP_MAX);
      }
    },

    async prune(beforeMs) {
      while (db.open && prune(beforeMs).changes === ANSWERS_STEP_MAX) {
        await setImmediate();
      }
    },
  };
}
