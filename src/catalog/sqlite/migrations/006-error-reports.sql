-- One row: up to which event all rejections were reported; null until the first report.
CREATE TABLE error_report_progress (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  seen_sequence INTEGER
) STRICT;

INSERT INTO error_report_progress VALUES (1, NULL);
