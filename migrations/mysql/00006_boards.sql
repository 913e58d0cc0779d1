-- +goose Up
-- The board of a closed period as it stood; list is JSON, compressed with gzip (board.snapshotLine).
CREATE TABLE board_snapshots (
  scope_id BIGINT NOT NULL,
  subject VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  period_kind VARCHAR(1) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  period INT NOT NULL,
  taken_at BIGINT NOT NULL,
  members INT NOT NULL,
  list MEDIUMBLOB NOT NULL,
  PRIMARY KEY (scope_id, subject, period_kind, period)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4;

-- +goose Down
DROP TABLE board_snapshots;
