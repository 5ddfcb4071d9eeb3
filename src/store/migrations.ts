import { asyncEvents } from './schema/async-events.ts'
import { documents } from './schema/documents.ts'
import { queues } from './schema/queues.ts'
import { usage } from './schema/usage.ts'

/**
 * The schema, one step a version; `PRAGMA user_version` says how many have been applied. Never edit a step that has
 * been released: add one.
 *
 * `functions` is what all versions share (aliases, policy and the like: `documents`); `function_versions` has one row a
 * version. JSON columns are parsed with the schemas of records.ts; what queries need are columns of their own.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  INSERT INTO counters (name, value) VALUES ('deployment', 0);

  CREATE TABLE functions (
    account_id    TEXT NOT NULL,
    function_name TEXT NOT NULL,
    tags          TEXT NOT NULL,
    PRIMARY KEY (account_id, function_name)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE function_versions (
    account_id    TEXT NOT NULL,
    function_name TEXT NOT NULL,
    -- 0 is $LATEST, so that it sorts first.
    version       INTEGER NOT NULL,
    revision_id   TEXT NOT NULL,
    deployment    INTEGER NOT NULL UNIQUE,
    last_modified INTEGER NOT NULL,
    configuration TEXT NOT NULL,
    code_sha256   TEXT NOT NULL,
    code_bytes    INTEGER NOT NULL,
    state         TEXT NOT NULL,
    last_update   TEXT NOT NULL,
    live          TEXT,
    settled       INTEGER GENERATED ALWAYS AS (
      json_extract(state, '$.name') <> 'Pending' AND json_extract(last_update, '$.status') <> 'InProgress'
    ) STORED,
    PRIMARY KEY (account_id, function_name, version),
    FOREIGN KEY (account_id, function_name) REFERENCES functions (account_id, function_name) ON DELETE CASCADE
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX function_versions_unsettled ON function_versions (deployment) WHERE settled = 0;
  `,
  documents,
  queues,
  asyncEvents,
  usage,
]
