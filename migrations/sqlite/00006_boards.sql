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

-- +goose Down
DROP TABLE board_snapshots;
