-- One row, which every commit writes that is not waited for: by it such commits are known in a log of which a part is missing.
CREATE TABLE unsynced_commits (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  commits INTEGER NOT NULL
) STRICT;

INSERT INTO unsynced_commits VALUES (1, 0);
