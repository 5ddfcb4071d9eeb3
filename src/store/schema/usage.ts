/** Metering (store/usage.ts). Of no function's row: what was used is owed, whether or not the function is still there. */
export const usage = `
  CREATE TABLE usage (
    account_id    TEXT NOT NULL,
    function_name TEXT NOT NULL,
    month         TEXT NOT NULL,
    invocations   INTEGER NOT NULL,
    errors        INTEGER NOT NULL,
    throttles     INTEGER NOT NULL,
    duration_ms   REAL NOT NULL,
    cpu_ms        REAL NOT NULL,
    gb_seconds    REAL NOT NULL,
    PRIMARY KEY (account_id, function_name, month)
  ) STRICT, WITHOUT ROWID;
`
