/**
 * Queues and their messages (store/queues.ts).
 *
 * `contents` names what is in a queue: messages belong to it and not to the queue, so that purging or deleting a queue
 * of any size is one small write. Contents nobody refers to any more are listed in `discarded_contents` and reaped.
 */
export const queues = `
  CREATE TABLE queues (
    queue_id      INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id    TEXT NOT NULL,
    queue_name    TEXT NOT NULL,
    revision      INTEGER NOT NULL,
    contents      INTEGER NOT NULL UNIQUE,
    -- Of the attributes, for the sweep.
    retention_s   INTEGER NOT NULL,
    attributes    TEXT NOT NULL,
    tags          TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    modified_at   INTEGER NOT NULL,
    purged_at     INTEGER,
    UNIQUE (account_id, queue_name)
  ) STRICT;
  INSERT INTO counters (name, value) VALUES ('queue_contents', 0);

  CREATE TABLE discarded_contents (contents INTEGER PRIMARY KEY) STRICT;

  CREATE TABLE messages (
    -- Never used twice (AUTOINCREMENT): receipt handles name messages by it, and FIFO queues show it.
    sequence           INTEGER PRIMARY KEY AUTOINCREMENT,
    contents           INTEGER NOT NULL,
    -- ms since the epoch: when it can be received (again).
    visible_at         INTEGER NOT NULL,
    -- In this queue, and in those whose dead-letter queue this is.
    receive_count      INTEGER NOT NULL DEFAULT 0,
    received_elsewhere INTEGER NOT NULL DEFAULT 0,
    sent_at            INTEGER NOT NULL,
    first_received_at  INTEGER,
    received_at        INTEGER,
    hops               INTEGER NOT NULL,
    message_id         TEXT NOT NULL,
    group_id           TEXT,
    deduplication_id   TEXT,
    trace_header       TEXT,
    dead_letter_source TEXT,
    attributes         TEXT,
    body               TEXT NOT NULL
  ) STRICT;
  -- Holds all that counting, expiring and finding the next one need.
  CREATE INDEX messages_due ON messages (contents, visible_at, receive_count, sent_at);
  CREATE INDEX messages_in_order ON messages (contents, group_id, sequence) WHERE group_id IS NOT NULL;

  -- FIFO queues: a row for each group that has messages.
  CREATE TABLE message_groups (
    contents     INTEGER NOT NULL,
    group_id     TEXT NOT NULL,
    -- When its first message can be received: none of it is in flight then.
    available_at INTEGER NOT NULL,
    PRIMARY KEY (contents, group_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX message_groups_available ON message_groups (contents, available_at);

  CREATE TABLE deduplications (
    queue_id         INTEGER NOT NULL,
    -- The group where that is the scope, otherwise ''.
    scope            TEXT NOT NULL,
    deduplication_id TEXT NOT NULL,
    expires_at       INTEGER NOT NULL,
    message_id       TEXT NOT NULL,
    sequence         INTEGER NOT NULL,
    PRIMARY KEY (queue_id, scope, deduplication_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX deduplications_expired ON deduplications (expires_at);
`
