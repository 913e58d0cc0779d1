-- +goose Up
CREATE TABLE rule_books (
  id BIGINT NOT NULL PRIMARY KEY,
  region_id BIGINT NOT NULL, -- village or township
  asset TINYINT NOT NULL, -- 1 village points, 2 party score
  name VARCHAR(100) NOT NULL,
  source VARCHAR(200) NOT NULL,
  supplement TINYINT NOT NULL DEFAULT 0, -- 1: a village's own rules beside its township's book
  created_at BIGINT NOT NULL,
  UNIQUE KEY rule_books_name (region_id, asset, name)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE rule_versions (
  id BIGINT NOT NULL PRIMARY KEY,
  book_id BIGINT NOT NULL,
  number INT NOT NULL,
  state TINYINT NOT NULL, -- 1 draft, 2 adopted
  from_day INT NOT NULL DEFAULT 0,
  to_day INT NOT NULL DEFAULT 0, -- last day in force; 0 open
  meeting VARCHAR(200) NOT NULL,
  adopted_on INT NOT NULL DEFAULT 0,
  votes_for INT NOT NULL DEFAULT 0,
  votes_against INT NOT NULL DEFAULT 0,
  terms TEXT NOT NULL, -- rule.Terms as JSON: what the rules may give together
  created_by BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  UNIQUE KEY rule_versions_number (book_id, number)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE rules (
  id BIGINT NOT NULL PRIMARY KEY,
  version_id BIGINT NOT NULL,
  lineage BIGINT NOT NULL, -- the same rule in every version of the book; caps count by it
  code VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  category VARCHAR(64) NOT NULL,
  item VARCHAR(300) NOT NULL,
  pinyin VARCHAR(600) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  initials VARCHAR(300) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  subject TINYINT NOT NULL, -- 1 household, 2 person, 3 party member
  spec MEDIUMTEXT NOT NULL, -- rule.Spec as JSON
  sort INT NOT NULL,
  UNIQUE KEY rules_code (version_id, code)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4;

-- One application of one rule to one subject; the key is the ledger transaction that booked it.
CREATE TABLE awards (
  village_id BIGINT NOT NULL,
  number BIGINT NOT NULL,
  asset TINYINT NOT NULL,
  rule_id BIGINT NOT NULL,
  lineage BIGINT NOT NULL,
  version_id BIGINT NOT NULL,
  subject_id BIGINT NOT NULL, -- whom the caps count for: household, person or member
  household_id BIGINT NOT NULL DEFAULT 0,
  person_id BIGINT NOT NULL DEFAULT 0,
  member_id BIGINT NOT NULL DEFAULT 0,
  day INT NOT NULL,
  month INT NOT NULL,
  points BIGINT NOT NULL, -- what the rule gave; the score
  booked BIGINT NOT NULL, -- what the wallet moved; differs when a deduction met an empty wallet
  quantity BIGINT NOT NULL DEFAULT 0,
  level VARCHAR(50) NOT NULL DEFAULT '', -- the degree picked, of rules that have degrees
  spots INT NOT NULL DEFAULT 0, -- places found, of rules that count them
  act VARCHAR(64) NOT NULL DEFAULT '', -- names the act; awards for one act count the highest only
  act_group VARCHAR(50) NOT NULL DEFAULT '', -- rule.Result.Group
  explanation VARCHAR(300) NOT NULL,
  note VARCHAR(300) NOT NULL DEFAULT '',
  evidence VARCHAR(1000) NOT NULL DEFAULT '', -- JSON list of references; empty where there are none
  state TINYINT NOT NULL, -- 1 standing, 2 reversed
  reversed_by BIGINT NOT NULL DEFAULT 0,
  actor_id BIGINT NOT NULL,
  actor_name VARCHAR(64) NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (village_id, number),
  KEY awards_subject (subject_id, lineage, day, state, points, quantity), -- caps are counted from the index alone
  KEY awards_household (household_id, number),
  KEY awards_day (village_id, day)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4;

-- A clearing of a village's expired points: one ledger transaction of kind expiry a household, from number on without a gap.
CREATE TABLE clearings (
  village_id BIGINT NOT NULL,
  number BIGINT NOT NULL, -- of its first ledger transaction
  last_day INT NOT NULL, -- points good until this day or earlier were cleared
  households INT NOT NULL,
  points BIGINT NOT NULL,
  actor_id BIGINT NOT NULL,
  actor_name VARCHAR(64) NOT NULL,
  at BIGINT NOT NULL,
  returned_at BIGINT NOT NULL, -- 0: it stands
  returned_by BIGINT NOT NULL,
  returned_name VARCHAR(64) NOT NULL,
  reason VARCHAR(200) NOT NULL, -- of giving the points back
  good_until INT NOT NULL, -- new last day of the points given back
  PRIMARY KEY (village_id, number)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4;

-- +goose Down
DROP TABLE clearings;
DROP TABLE awards;
DROP TABLE rules;
DROP TABLE rule_versions;
DROP TABLE rule_books;
