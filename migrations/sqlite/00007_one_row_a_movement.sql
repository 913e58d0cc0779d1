-- +goose Up
-- The entries of a transaction sum to zero. Those of untracked accounts have no row any more: the other side of a movement stands in
-- counterpart_id, the untracked account that gives what this one receives; 0 where the other side has rows of its own.
DROP TRIGGER ledger_entries_no_update;
DROP TRIGGER ledger_entries_no_delete;
ALTER TABLE ledger_entries ADD COLUMN counterpart_id BIGINT NOT NULL DEFAULT 0;
UPDATE ledger_entries SET counterpart_id = o.account_id FROM ledger_entries o
  WHERE o.book_id = ledger_entries.book_id AND o.number = ledger_entries.number AND o.balance IS NULL AND ledger_entries.balance IS NOT NULL;
DELETE FROM ledger_entries WHERE balance IS NULL;
-- +goose StatementBegin
CREATE TRIGGER ledger_entries_no_update BEFORE UPDATE ON ledger_entries BEGIN SELECT RAISE(ABORT, 'ledger_entries is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_entries_no_delete BEFORE DELETE ON ledger_entries BEGIN SELECT RAISE(ABORT, 'ledger_entries is append-only'); END;
-- +goose StatementEnd

-- Append-only. Which transactions name a person. An index of ledger_txs would do that, too, but most transactions name none, and every one
-- would pay for it.
CREATE TABLE ledger_persons (
  book_id BIGINT NOT NULL,
  person_id BIGINT NOT NULL,
  number BIGINT NOT NULL,
  PRIMARY KEY (book_id, person_id, number)
) WITHOUT ROWID;
INSERT INTO ledger_persons (book_id, person_id, number) SELECT book_id, person_id, number FROM ledger_txs WHERE person_id <> 0;
DROP INDEX ledger_txs_person;
-- +goose StatementBegin
CREATE TRIGGER ledger_persons_no_update BEFORE UPDATE ON ledger_persons BEGIN SELECT RAISE(ABORT, 'ledger_persons is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_persons_no_delete BEFORE DELETE ON ledger_persons BEGIN SELECT RAISE(ABORT, 'ledger_persons is append-only'); END;
-- +goose StatementEnd

-- Checkpoints are only added, too.
-- +goose StatementBegin
CREATE TRIGGER ledger_checkpoints_no_update BEFORE UPDATE ON ledger_checkpoints BEGIN SELECT RAISE(ABORT, 'ledger_checkpoints is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_checkpoints_no_delete BEFORE DELETE ON ledger_checkpoints BEGIN SELECT RAISE(ABORT, 'ledger_checkpoints is append-only'); END;
-- +goose StatementEnd

-- The awards of a household are found by the entries of its wallet.
DROP INDEX awards_household;

-- +goose Down
CREATE INDEX awards_household ON awards (household_id, number);
DROP TRIGGER ledger_checkpoints_no_update;
DROP TRIGGER ledger_checkpoints_no_delete;
CREATE INDEX ledger_txs_person ON ledger_txs (person_id, number);
DROP TABLE ledger_persons;
INSERT INTO ledger_entries (book_id, number, line, account_id, amount)
  SELECT book_id, number, MAX(line) + 1, counterpart_id, -SUM(amount) FROM ledger_entries WHERE counterpart_id <> 0 GROUP BY book_id, number, counterpart_id;
ALTER TABLE ledger_entries DROP COLUMN counterpart_id;
