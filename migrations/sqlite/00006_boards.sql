-- +goose Up
-- The board of a closed period as it stood; list is JSON, compressed with gzip (board.snapshotLine).
CREATE TABLE board_snapshots (
  scope_id BIGINT NOT NULL,
  subject VARCHAR(16) NOT NULL,
  period_kind VARCHAR(1) NOT NULL,
  period INT NOT NULL,
  taken_at BIGINT NOT NULL,
  members INT NOT NULL,
  list BLOB NOT NULL,
  PRIMARY KEY (scope_id, subject, period_kind, period)
) WITHOUT ROWID;

-- SQLite has no grants, so that triggers keep what is append-only; on MariaDB the server's user has no right to do it.
-- +goose StatementBegin
CREATE TRIGGER board_snapshots_no_update BEFORE UPDATE ON board_snapshots BEGIN SELECT RAISE(ABORT, 'board_snapshots is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER board_snapshots_no_delete BEFORE DELETE ON board_snapshots BEGIN SELECT RAISE(ABORT, 'board_snapshots is append-only'); END;
-- +goose StatementEnd

-- +goose Down
DROP TABLE board_snapshots;
