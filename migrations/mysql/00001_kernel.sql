-- +goose Up
-- Money-like accounts of a village's book (book_id = the village's region). Wallets and party accounts keep a running balance
-- (tracked = 1); counterparts do not, or every award would have to lock one row: their balance is the sum of their entries.
CREATE TABLE accounts (
  id BIGINT NOT NULL PRIMARY KEY,
  book_id BIGINT NOT NULL,
  asset TINYINT NOT NULL, -- 1 village points, 2 party score, 3 fen
  kind TINYINT NOT NULL, -- ledger.AccountKind
  owner_id BIGINT NOT NULL, -- household, member, merchant; 0 for the village itself
  tracked TINYINT NOT NULL,
  balance BIGINT NOT NULL DEFAULT 0, -- hundredths; 0 and meaningless when tracked = 0
  floor BIGINT NOT NULL DEFAULT 0,
  heir_id BIGINT NOT NULL DEFAULT 0, -- whose account has taken this one over, which holds nothing from then on; 0: it is open
  version BIGINT NOT NULL DEFAULT 0, -- counts the commits that booked on it: while it is the same, so is what stands on the account
  created_at BIGINT NOT NULL,
  CONSTRAINT accounts_floor CHECK (balance >= floor),
  UNIQUE KEY accounts_owner (owner_id, book_id, asset, kind),
  KEY accounts_book (book_id, asset, kind)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4;

-- Points that expire, by the last day they are good; the rest of a wallet (balance less all lots) never expires.
CREATE TABLE lots (
  account_id BIGINT NOT NULL,
  expiry_day INT NOT NULL,
  amount BIGINT NOT NULL,
  PRIMARY KEY (account_id, expiry_day),
  CONSTRAINT lots_amount CHECK (amount >= 0)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4;

-- The end of each village's chain; locked last, held until commit.
CREATE TABLE ledger_heads (
  book_id BIGINT NOT NULL PRIMARY KEY,
  number BIGINT NOT NULL,
  hash BINARY(32) NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4;

-- Append-only. One balanced movement, numbered without gaps within the book and chained to the one before.
CREATE TABLE ledger_txs (
  book_id BIGINT NOT NULL,
  number BIGINT NOT NULL,
  asset TINYINT NOT NULL,
  kind TINYINT NOT NULL, -- ledger.Kind
  day INT NOT NULL, -- when it happened
  month INT NOT NULL, -- in which it is scored
  at BIGINT NOT NULL, -- when it was booked, UTC milliseconds
  actor_id BIGINT NOT NULL,
  household_id BIGINT NOT NULL DEFAULT 0,
  person_id BIGINT NOT NULL DEFAULT 0,
  member_id BIGINT NOT NULL DEFAULT 0,
  branch_id BIGINT NOT NULL DEFAULT 0,
  score BIGINT NOT NULL DEFAULT 0, -- what the boards see; redemption never changes it
  rule_version_id BIGINT NOT NULL DEFAULT 0,
  reverses BIGINT, -- number of the transaction undone, as in ledger_reversals
  reason VARCHAR(500) NOT NULL,
  prev_hash BINARY(32) NOT NULL,
  hash BINARY(32) NOT NULL,
  PRIMARY KEY (book_id, number),
  KEY ledger_txs_person (person_id, number)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4;

-- Append-only. Which transaction undoes which; the key lets each be undone once. A unique key on ledger_txs would do that, too, but costs
-- every transaction a twentieth of its writing, and hardly any undoes one.
CREATE TABLE ledger_reversals (
  book_id BIGINT NOT NULL,
  reverses BIGINT NOT NULL, -- number of the transaction undone
  number BIGINT NOT NULL, -- of the one that undoes it
  PRIMARY KEY (book_id, reverses)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4;

-- Append-only. The entries of a transaction sum to zero.
CREATE TABLE ledger_entries (
  book_id BIGINT NOT NULL,
  number BIGINT NOT NULL,
  line INT NOT NULL,
  account_id BIGINT NOT NULL,
  amount BIGINT NOT NULL,
  lot INT NOT NULL DEFAULT 0, -- expiry day of the points moved; 0 never expires
  balance BIGINT, -- running balance after, for tracked accounts
  PRIMARY KEY (book_id, number, line),
  KEY ledger_entries_account (account_id, number)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4;

-- Append-only. What a day's transactions of a book were, over the seal of the day before: written once the day is over.
CREATE TABLE ledger_seals (
  book_id BIGINT NOT NULL,
  day INT NOT NULL,
  first_number BIGINT NOT NULL,
  number BIGINT NOT NULL, -- the last one, of which head is the hash
  head BINARY(32) NOT NULL,
  root BINARY(32) NOT NULL, -- of the Merkle tree over the hashes
  awarded BIGINT NOT NULL, -- hundredths of village points moved, by kind
  deducted BIGINT NOT NULL,
  redeemed BIGINT NOT NULL,
  refunded BIGINT NOT NULL,
  expired BIGINT NOT NULL,
  settled BIGINT NOT NULL,
  reversed BIGINT NOT NULL,
  opening BIGINT NOT NULL,
  score BIGINT NOT NULL, -- change of the scores in village points
  party BIGINT NOT NULL, -- change of the party scores
  at BIGINT NOT NULL,
  prev_hash BINARY(32) NOT NULL,
  hash BINARY(32) NOT NULL,
  PRIMARY KEY (book_id, day),
  UNIQUE KEY ledger_seals_number (book_id, number)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4;

-- Derived: awards less deductions by month; every longer period is a sum of months.
CREATE TABLE scores (
  owner_id BIGINT NOT NULL,
  asset TINYINT NOT NULL,
  month INT NOT NULL,
  village_id BIGINT NOT NULL,
  kind TINYINT NOT NULL, -- ledger.ScoreKind: household, person, member, branch, village
  points BIGINT NOT NULL,
  PRIMARY KEY (owner_id, asset, month, village_id),
  KEY scores_village (village_id, kind, month)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4;

-- Balance of an untracked account up to and including a number, so that its sum does not grow for ever.
CREATE TABLE ledger_checkpoints (
  account_id BIGINT NOT NULL,
  number BIGINT NOT NULL,
  balance BIGINT NOT NULL,
  PRIMARY KEY (account_id, number)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4;

-- One row per request that moved points or stock, kept for ever. The rows lie in the order of time: by their keys, which are random,
-- each new one would go into another page of a table of gigabytes.
CREATE TABLE idempotency_keys (
  scope BIGINT NOT NULL, -- the user
  key_hash BINARY(32) NOT NULL,
  input_hash BINARY(32) NOT NULL,
  operation VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  response MEDIUMBLOB NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (at, scope, key_hash),
  UNIQUE KEY idempotency_keys_key (scope, key_hash)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4;

-- What changed, written in the same transaction; the relay deletes what it has handled.
CREATE TABLE outbox (
  id BIGINT NOT NULL PRIMARY KEY,
  topic VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  payload MEDIUMTEXT NOT NULL,
  at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4;

-- How often what is read often and changes rarely has changed.
CREATE TABLE stamps (
  name VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  n BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4;

-- Who may run a job now.
CREATE TABLE leases (
  name VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  holder VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  until_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4;

-- Append-only: every officer's and merchant's action.
CREATE TABLE audit_log (
  id BIGINT NOT NULL,
  at BIGINT NOT NULL,
  actor_id BIGINT NOT NULL,
  actor_name VARCHAR(64) NOT NULL,
  action VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  village_id BIGINT NOT NULL DEFAULT 0,
  target VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  summary VARCHAR(500) NOT NULL,
  request_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  address VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  PRIMARY KEY (at, id),
  KEY audit_log_village (village_id, at),
  KEY audit_log_actor (actor_id, at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4;

-- +goose Down
DROP TABLE audit_log;
DROP TABLE leases;
DROP TABLE stamps;
DROP TABLE outbox;
DROP TABLE idempotency_keys;
DROP TABLE ledger_checkpoints;
DROP TABLE scores;
DROP TABLE ledger_seals;
DROP TABLE ledger_entries;
DROP TABLE ledger_reversals;
DROP TABLE ledger_txs;
DROP TABLE ledger_heads;
DROP TABLE lots;
DROP TABLE accounts;
