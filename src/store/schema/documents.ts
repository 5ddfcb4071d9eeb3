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

  ALTER TABLE functions ADD COLUMN last_version INTEGER NOT NULL DEFAULT 0;
`
