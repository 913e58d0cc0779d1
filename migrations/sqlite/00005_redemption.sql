-- +goose Up
CREATE TABLE merchants (
  id BIGINT NOT NULL PRIMARY KEY,
  code VARCHAR(16) NOT NULL,
  name VARCHAR(64) NOT NULL,
  initials VARCHAR(32) NOT NULL,
  region_id BIGINT NOT NULL, -- county or township where it stands
  address VARCHAR(128) NOT NULL,
  phone VARCHAR(20) NOT NULL,
  free_amount TINYINT NOT NULL, -- may take any number of points without naming goods
  state TINYINT NOT NULL, -- 1 open, 2 closed
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX merchants_code ON merchants (code);

-- Which villages a merchant serves, and what a point is worth there: rate_fen for rate_points.
CREATE TABLE merchant_villages (
  merchant_id BIGINT NOT NULL,
  village_id BIGINT NOT NULL,
  rate_points BIGINT NOT NULL,
  rate_fen BIGINT NOT NULL,
  state TINYINT NOT NULL, -- 1 serving, 2 ended
  created_at BIGINT NOT NULL,
  PRIMARY KEY (merchant_id, village_id)
) WITHOUT ROWID;
CREATE INDEX merchant_villages_village ON merchant_villages (village_id);

CREATE TABLE products (
  id BIGINT NOT NULL PRIMARY KEY,
  merchant_id BIGINT NOT NULL,
  name VARCHAR(64) NOT NULL,
  initials VARCHAR(32) NOT NULL,
  unit VARCHAR(16) NOT NULL,
  price BIGINT NOT NULL, -- points
  stock BIGINT NOT NULL, -- pieces
  low_stock BIGINT NOT NULL DEFAULT 0,
  photo VARCHAR(32) NOT NULL, -- hash of its picture; empty: none
  state TINYINT NOT NULL, -- 1 on sale, 2 off
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  CONSTRAINT products_stock CHECK (stock >= 0)
);
CREATE UNIQUE INDEX products_name ON products (merchant_id, name);

-- Append-only: stock equals the sum of its moves.
CREATE TABLE stock_moves (
  id BIGINT NOT NULL PRIMARY KEY,
  product_id BIGINT NOT NULL,
  delta BIGINT NOT NULL,
  stock BIGINT NOT NULL, -- after
  kind TINYINT NOT NULL, -- shop.MoveKind: 1 in, 2 count, 3 sold, 4 refunded, 5 out
  village_id BIGINT NOT NULL DEFAULT 0,
  number BIGINT NOT NULL DEFAULT 0, -- redemption
  note VARCHAR(100) NOT NULL,
  actor_id BIGINT NOT NULL,
  at BIGINT NOT NULL
);
CREATE INDEX stock_moves_product ON stock_moves (product_id, at);

-- The picture of a thing (a product), as two JPEGs without metadata.
CREATE TABLE pictures (
  thing_id BIGINT NOT NULL PRIMARY KEY,
  hash CHAR(32) NOT NULL, -- of large, hexadecimal
  large BLOB NOT NULL,
  small BLOB NOT NULL,
  at BIGINT NOT NULL
);

-- The printed card of a household; PIN kept as a hash.
CREATE TABLE house_cards (
  id BIGINT NOT NULL PRIMARY KEY,
  household_id BIGINT NOT NULL,
  village_id BIGINT NOT NULL,
  serial INT NOT NULL, -- a reprint with a higher serial makes the older card useless
  pin_hash VARCHAR(160) NOT NULL,
  failures INT NOT NULL DEFAULT 0,
  locked_at BIGINT NOT NULL DEFAULT 0,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX house_cards_household ON house_cards (household_id);
CREATE INDEX house_cards_village ON house_cards (village_id, locked_at);

-- Dynamic codes and tickets that have been spent; single use holds on every process.
CREATE TABLE used_codes (
  nonce BLOB NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (nonce)
) WITHOUT ROWID;
CREATE INDEX used_codes_expiry ON used_codes (expires_at);

-- Points for goods; the key is the ledger transaction that took the points.
CREATE TABLE redemptions (
  village_id BIGINT NOT NULL,
  number BIGINT NOT NULL,
  household_id BIGINT NOT NULL,
  merchant_id BIGINT NOT NULL,
  way TINYINT NOT NULL, -- 1 dynamic code, 2 card and PIN, 3 officer for the household
  nonce BLOB NOT NULL, -- the one-time number of the code or ticket it was confirmed with
  points BIGINT NOT NULL,
  fen BIGINT NOT NULL, -- what the village owes the merchant for it, at the rate of the day
  day INT NOT NULL,
  month INT NOT NULL,
  state TINYINT NOT NULL, -- 1 confirmed, 2 refunded
  refunded_by BIGINT NOT NULL DEFAULT 0,
  refunded_at BIGINT NOT NULL DEFAULT 0,
  refund_number BIGINT NOT NULL DEFAULT 0, -- the ledger transaction that gave the points back
  reason VARCHAR(300) NOT NULL,
  actor_id BIGINT NOT NULL,
  actor_name VARCHAR(64) NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (village_id, number)
) WITHOUT ROWID;
CREATE INDEX redemptions_household ON redemptions (household_id, month);
CREATE INDEX redemptions_village ON redemptions (village_id, month);
CREATE INDEX redemptions_merchant ON redemptions (merchant_id, month, at);

CREATE TABLE redemption_lines (
  village_id BIGINT NOT NULL,
  number BIGINT NOT NULL,
  line INT NOT NULL,
  product_id BIGINT NOT NULL DEFAULT 0, -- 0: a free amount of points
  name VARCHAR(64) NOT NULL,
  price BIGINT NOT NULL,
  quantity BIGINT NOT NULL,
  points BIGINT NOT NULL,
  PRIMARY KEY (village_id, number, line)
) WITHOUT ROWID;

-- Short messages to a household.
CREATE TABLE notices (
  id BIGINT NOT NULL PRIMARY KEY,
  village_id BIGINT NOT NULL,
  household_id BIGINT NOT NULL,
  kind VARCHAR(32) NOT NULL,
  title VARCHAR(100) NOT NULL,
  body VARCHAR(500) NOT NULL,
  created_at BIGINT NOT NULL,
  read_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX notices_household ON notices (household_id, created_at);

-- SQLite has no grants, so that triggers keep what is append-only; on MariaDB the server's user has no right to do it.
-- +goose StatementBegin
CREATE TRIGGER stock_moves_no_update BEFORE UPDATE ON stock_moves BEGIN SELECT RAISE(ABORT, 'stock_moves is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER stock_moves_no_delete BEFORE DELETE ON stock_moves BEGIN SELECT RAISE(ABORT, 'stock_moves is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER redemption_lines_no_update BEFORE UPDATE ON redemption_lines BEGIN SELECT RAISE(ABORT, 'redemption_lines is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER redemption_lines_no_delete BEFORE DELETE ON redemption_lines BEGIN SELECT RAISE(ABORT, 'redemption_lines is append-only'); END;
-- +goose StatementEnd

-- +goose Down
DROP TABLE notices;
DROP TABLE redemption_lines;
DROP TABLE redemptions;
DROP TABLE used_codes;
DROP TABLE house_cards;
DROP TABLE pictures;
DROP TABLE stock_moves;
DROP TABLE products;
DROP TABLE merchant_villages;
DROP TABLE merchants;
