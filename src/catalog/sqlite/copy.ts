import Database from 'better-sqlite3';

/** What the catalog at `file` holds at the moment of the call, in a new file. A few pages at a time: others go on. */
export async function copyTo(file: string, copy: string): Promise<void> {
  const reader = new Database(file, { readonly: true });
  try {
    // A read that is not ended: until then, this connection sees nothing of what others commit.
    reader.exec('BEGIN; SELECT count(*) FROM sqlite_schema');
    await reader.backup(copy);
  } finally {
    reader.close();
  }
}
