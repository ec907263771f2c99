-- A destination of snapshots always has a version: before, none stood for this one.
UPDATE destinations SET api_version = '2026-10-28.endive'
WHERE payload = 'snapshot' AND api_version IS NULL;

-- The integers of a triggered alert are whole, as far as 64 bits go, and its decimals stand beside them (formatInt64,
-- formatQuantity). All of them are above 0, in plain digits.
WITH
  told AS (
    SELECT
      ordinal,
      snapshot -> '$.value' AS value,
      snapshot -> '$.alert.usage_threshold.gte' AS gte
    FROM core_events
    WHERE snapshot_type = 'billing.alert.triggered'
  ),
  whole AS (
    SELECT
      *,
      substr(value, 1, instr(value || '.', '.') - 1) AS value_digits,
      substr(gte, 1, instr(gte || '.', '.') - 1) AS gte_digits
    FROM told
  )
UPDATE core_events
SET snapshot = json_set(
  snapshot,
  '$.value', json(
    CASE
      WHEN length(value_digits) > 19 OR (length(value_digits) = 19 AND value_digits > '9223372036854775807')
      THEN '9223372036854775807'
      ELSE value_digits
    END
  ),
  '$.value_decimal', value,
  '$.alert.usage_threshold.gte', json(gte_digits),
  '$.alert.usage_threshold.gte_decimal', gte
)
FROM whole
WHERE core_events.ordinal = whole.ordinal;
