/** Documents (store/documents.ts), and what published versions need. */
export const documents = `
  CREATE TABLE documents (
    kind       TEXT NOT NULL,
    account_id TEXT NOT NULL,
    scope      TEXT NOT NULL,
    key        TEXT NOT NULL,
    revision   INTEGER NOT NULL,
    value      TEXT NOT NULL,
    PRIMARY KEY (kind, account_id, scope, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX documents_of_scope ON documents (account_id, scope);
  INSERT INTO counters (name, value) VALUES ('document', 0);

  -- The highest number a version of the function ever had: numbers are not used twice.
  ALTER TABLE functions ADD COLUMN last_version INTEGER NOT NULL DEFAULT 0;
  -- What $LATEST was when the version was published (sourceDigest): the same again is the same version.
  ALTER TABLE function_versions ADD COLUMN published_from TEXT;
`
