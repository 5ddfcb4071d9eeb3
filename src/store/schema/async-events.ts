/**
 * Asynchronous events (store/async-events.ts). Ready ones are picked by function and age, waiting ones by the time they
 * are due: each has its index, so that neither looks at the other's. AUTOINCREMENT: a number is never used again, as
 * whoever picks them remembers how far it came. The bytes come last: reading the rest of a row does not touch them.
 */
export const asyncEvents = `
  CREATE TABLE async_events (
    seq              INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id       TEXT NOT NULL,
    function_name    TEXT NOT NULL,
    qualifier        TEXT NOT NULL,
    request_id       TEXT NOT NULL,
    accepted_at      INTEGER NOT NULL,
    hops             INTEGER NOT NULL,
    -- NULL: ready.
    due_at           INTEGER,
    attempts         INTEGER NOT NULL,
    backoffs         INTEGER NOT NULL,
    executed_version TEXT,
    outcome          TEXT,
    client_context   TEXT,
    payload          BLOB NOT NULL,
    response         BLOB
  ) STRICT;
  CREATE INDEX async_events_ready ON async_events (account_id, function_name, seq) WHERE due_at IS NULL;
  CREATE INDEX async_events_waiting ON async_events (due_at, account_id, function_name) WHERE due_at IS NOT NULL;
`
