-- +goose Up
-- county → township → village → group, with the ancestors spelled out.
CREATE TABLE regions (
  id BIGINT NOT NULL PRIMARY KEY,
  parent_id BIGINT NOT NULL DEFAULT 0,
  kind TINYINT NOT NULL, -- people.RegionKind: 1 county, 2 township, 3 village, 4 group
  code VARCHAR(24) NOT NULL, -- official 12-digit code, groups append two digits
  name VARCHAR(64) NOT NULL,
  initials VARCHAR(64) NOT NULL,
  county_id BIGINT NOT NULL DEFAULT 0,
  township_id BIGINT NOT NULL DEFAULT 0,
  village_id BIGINT NOT NULL DEFAULT 0,
  sort INT NOT NULL DEFAULT 0,
  closed_at BIGINT NOT NULL DEFAULT 0, -- of a group that is no more; UTC milliseconds, 0 open
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX regions_code ON regions (code);
CREATE INDEX regions_parent ON regions (parent_id);

-- What a village has decided for itself; a village without a row uses the defaults of people.DefaultSettings.
CREATE TABLE village_settings (
  village_id BIGINT NOT NULL PRIMARY KEY,
  scheme_start TINYINT NOT NULL, -- month 1-12 in which the scheme year begins
  close_day TINYINT NOT NULL, -- day of the following month until which a month takes back-dated awards
  expiry_months INT NOT NULL, -- points are good for so many months after the month earned; 0 for ever
  expiry_auto TINYINT NOT NULL, -- points past their last day are cleared without an officer confirming
  shortfall TINYINT NOT NULL, -- a deduction over the balance: 1 take what is there, 2 refuse, 3 owe down to owing_limit
  owing_limit BIGINT NOT NULL,
  mask_names TINYINT NOT NULL, -- boards show 张*三
  publish TINYINT NOT NULL, -- whether boards, seals and transactions, with masked names, are open to anyone
  redeem_min BIGINT NOT NULL,
  redeem_step BIGINT NOT NULL,
  redeem_month_cap BIGINT NOT NULL, -- per household; 0 none
  redeem_days VARCHAR(100) NOT NULL, -- "" any day, "1,15" days of the month, "w6,w7" weekdays
  card_day_cap BIGINT NOT NULL, -- points per household and day by card and PIN; 0 none
  updated_at BIGINT NOT NULL
);

CREATE TABLE grids (
  id BIGINT NOT NULL PRIMARY KEY,
  village_id BIGINT NOT NULL,
  name VARCHAR(64) NOT NULL,
  officer VARCHAR(64) NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX grids_name ON grids (village_id, name);

CREATE TABLE grid_households (
  grid_id BIGINT NOT NULL,
  household_id BIGINT NOT NULL,
  PRIMARY KEY (grid_id, household_id)
) WITHOUT ROWID;
CREATE INDEX grid_households_household ON grid_households (household_id);

CREATE TABLE households (
  id BIGINT NOT NULL PRIMARY KEY,
  village_id BIGINT NOT NULL,
  group_id BIGINT NOT NULL DEFAULT 0,
  code VARCHAR(16) NOT NULL, -- with check character, people.HouseCode
  head_id BIGINT NOT NULL DEFAULT 0,
  head_name VARCHAR(64) NOT NULL,
  pinyin VARCHAR(128) NOT NULL,
  initials VARCHAR(32) NOT NULL,
  address VARCHAR(128) NOT NULL,
  state TINYINT NOT NULL, -- 1 living here, 2 moved away, 3 merged
  merged_into BIGINT NOT NULL DEFAULT 0, -- the household its people and points have gone to; 0 none
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX households_code ON households (code);
CREATE INDEX households_village ON households (village_id, group_id, code);
CREATE INDEX households_list ON households (village_id, code, state); -- households are counted from the index alone

CREATE TABLE villagers (
  id BIGINT NOT NULL PRIMARY KEY,
  village_id BIGINT NOT NULL,
  household_id BIGINT NOT NULL,
  name VARCHAR(64) NOT NULL,
  pinyin VARCHAR(128) NOT NULL,
  initials VARCHAR(32) NOT NULL,
  relation VARCHAR(16) NOT NULL, -- 户主, 配偶, 子 …
  gender TINYINT NOT NULL DEFAULT 0, -- 0 unknown, 1 male, 2 female
  birth INT NOT NULL DEFAULT 0,
  phone_sealed BLOB, -- encrypted
  phone_hash BLOB, -- keyed hash, for finding
  phone_tail VARCHAR(4) NOT NULL,
  idno_hash BLOB, -- keyed hash; the number itself is not kept
  state TINYINT NOT NULL, -- 1 here, 2 moved away, 3 died
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX villagers_household ON villagers (household_id);
CREATE INDEX villagers_initials ON villagers (village_id, initials);
CREATE INDEX villagers_pinyin ON villagers (village_id, pinyin);
CREATE INDEX villagers_name ON villagers (village_id, name);
CREATE INDEX villagers_tail ON villagers (village_id, phone_tail);
CREATE INDEX villagers_phone ON villagers (phone_hash);
CREATE UNIQUE INDEX villagers_idno ON villagers (idno_hash);

CREATE TABLE party_branches (
  id BIGINT NOT NULL PRIMARY KEY,
  village_id BIGINT NOT NULL,
  name VARCHAR(64) NOT NULL,
  secretary VARCHAR(64) NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX party_branches_name ON party_branches (village_id, name);

-- Base points and yearly goal of a class of members, per township.
CREATE TABLE party_classes (
  township_id BIGINT NOT NULL,
  class TINYINT NOT NULL, -- party.Class
  base BIGINT NOT NULL,
  goal BIGINT NOT NULL,
  PRIMARY KEY (township_id, class)
) WITHOUT ROWID;

CREATE TABLE party_members (
  id BIGINT NOT NULL PRIMARY KEY,
  villager_id BIGINT NOT NULL,
  village_id BIGINT NOT NULL,
  branch_id BIGINT NOT NULL,
  name VARCHAR(64) NOT NULL,
  initials VARCHAR(32) NOT NULL,
  class TINYINT NOT NULL,
  joined INT NOT NULL DEFAULT 0,
  state TINYINT NOT NULL, -- 1 member, 2 left the branch
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX party_members_villager ON party_members (villager_id);
CREATE INDEX party_members_branch ON party_members (branch_id);
CREATE INDEX party_members_village ON party_members (village_id);

CREATE TABLE party_exemptions (
  id BIGINT NOT NULL PRIMARY KEY,
  member_id BIGINT NOT NULL,
  reason TINYINT NOT NULL, -- 1 long illness, 2 old age, 3 other
  note VARCHAR(200) NOT NULL,
  evidence VARCHAR(500) NOT NULL,
  from_day INT NOT NULL,
  to_day INT NOT NULL,
  approved_by BIGINT NOT NULL,
  approved_name VARCHAR(64) NOT NULL,
  created_at BIGINT NOT NULL,
  revoked_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX party_exemptions_member ON party_exemptions (member_id);

-- How a township evaluates its party members. A township without a row knows no grade but "below 60".
CREATE TABLE party_standards (
  township_id BIGINT NOT NULL PRIMARY KEY,
  excellent BIGINT NOT NULL, -- the total from which a grade is given, in hundredths; 0 where the grade is not used
  qualified BIGINT NOT NULL,
  basic BIGINT NOT NULL,
  score_percent INT NOT NULL, -- how much of the score, and of the democratic review, goes into the total
  review_percent INT NOT NULL,
  review_full BIGINT NOT NULL, -- full marks of the democratic review
  publicity_days INT NOT NULL,
  updated_at BIGINT NOT NULL
);

-- The evaluation of a branch for a quarter. What follows closed_name is written when the result is published.
CREATE TABLE party_evaluations (
  id BIGINT NOT NULL PRIMARY KEY,
  branch_id BIGINT NOT NULL,
  village_id BIGINT NOT NULL,
  township_id BIGINT NOT NULL,
  quarter INT NOT NULL,
  state TINYINT NOT NULL, -- party.State: 1 self-report, 2 review, 3 publicity, 4 closed
  meeting VARCHAR(200) NOT NULL DEFAULT '', -- of the democratic review
  met_on INT NOT NULL DEFAULT 0,
  opened_at BIGINT NOT NULL,
  opened_name VARCHAR(64) NOT NULL,
  published_at BIGINT NOT NULL DEFAULT 0,
  public_until INT NOT NULL DEFAULT 0, -- last day of publicity
  closed_at BIGINT NOT NULL DEFAULT 0,
  closed_name VARCHAR(64) NOT NULL DEFAULT '',
  branch_name VARCHAR(64) NOT NULL DEFAULT '',
  secretary VARCHAR(64) NOT NULL DEFAULT '',
  village_name VARCHAR(64) NOT NULL DEFAULT '',
  township_name VARCHAR(64) NOT NULL DEFAULT '',
  scheme_year INT NOT NULL DEFAULT 0,
  from_month INT NOT NULL DEFAULT 0,
  to_month INT NOT NULL DEFAULT 0,
  average BIGINT NOT NULL DEFAULT 0,
  reached INT NOT NULL DEFAULT 0,
  excellent BIGINT NOT NULL DEFAULT 0,
  qualified BIGINT NOT NULL DEFAULT 0,
  basic BIGINT NOT NULL DEFAULT 0,
  score_percent INT NOT NULL DEFAULT 0,
  review_percent INT NOT NULL DEFAULT 0,
  review_full BIGINT NOT NULL DEFAULT 0,
  publicity_days INT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX party_evaluations_branch ON party_evaluations (branch_id, quarter);
CREATE INDEX party_evaluations_village ON party_evaluations (village_id, quarter);
CREATE INDEX party_evaluations_township ON party_evaluations (township_id, quarter);

-- What a member reports of the quarter, and what the branch says of the member.
CREATE TABLE party_reviews (
  evaluation_id BIGINT NOT NULL,
  member_id BIGINT NOT NULL,
  report VARCHAR(500) NOT NULL DEFAULT '',
  self_score BIGINT NOT NULL DEFAULT 0,
  reported_at BIGINT NOT NULL DEFAULT 0, -- 0 not yet
  reported_name VARCHAR(64) NOT NULL DEFAULT '',
  score BIGINT NOT NULL DEFAULT 0,
  note VARCHAR(200) NOT NULL DEFAULT '',
  reviewed_at BIGINT NOT NULL DEFAULT 0, -- 0 not yet
  reviewed_name VARCHAR(64) NOT NULL DEFAULT '',
  PRIMARY KEY (evaluation_id, member_id)
) WITHOUT ROWID;

-- The published result, a row a member; taken back when the evaluation returns to review, for ever when it is closed.
CREATE TABLE party_results (
  evaluation_id BIGINT NOT NULL,
  member_id BIGINT NOT NULL,
  quarter INT NOT NULL,
  sort INT NOT NULL,
  place INT NOT NULL, -- 1, 2, 2, 4; 0 for the exempt
  villager_id BIGINT NOT NULL,
  name VARCHAR(64) NOT NULL,
  initials VARCHAR(32) NOT NULL,
  class TINYINT NOT NULL,
  joined INT NOT NULL,
  base BIGINT NOT NULL,
  earned BIGINT NOT NULL,
  awarded BIGINT NOT NULL,
  goal BIGINT NOT NULL,
  due BIGINT NOT NULL,
  total BIGINT NOT NULL,
  grade TINYINT NOT NULL, -- party.Grade, 0 none
  veto VARCHAR(400) NOT NULL, -- what decided the grade directly
  exempt_id BIGINT NOT NULL, -- 0 not exempt
  exempt_reason TINYINT NOT NULL,
  exempt_note VARCHAR(200) NOT NULL,
  exempt_evidence VARCHAR(500) NOT NULL,
  exempt_from INT NOT NULL,
  exempt_to INT NOT NULL,
  exempt_by VARCHAR(64) NOT NULL,
  PRIMARY KEY (evaluation_id, member_id)
) WITHOUT ROWID;
CREATE INDEX party_results_member ON party_results (member_id, quarter);

-- Objections to a published result; those after the closing amend it without altering it.
CREATE TABLE party_objections (
  evaluation_id BIGINT NOT NULL,
  number INT NOT NULL,
  quarter INT NOT NULL,
  late TINYINT NOT NULL, -- 1 after the closing: an amendment
  member_id BIGINT NOT NULL, -- 0 the table as a whole
  raised_by VARCHAR(64) NOT NULL,
  text VARCHAR(500) NOT NULL,
  upheld TINYINT NOT NULL,
  finding VARCHAR(500) NOT NULL,
  grade TINYINT NOT NULL, -- of an amendment: the grade as it should have been, 0 the same
  points BIGINT NOT NULL, -- of an amendment: what the total should have been more or less
  actor_id BIGINT NOT NULL,
  actor_name VARCHAR(64) NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (evaluation_id, number)
) WITHOUT ROWID;

-- A household that split or merged: people and points went from one to another, by one ledger transaction. Undone once at most.
CREATE TABLE household_changes (
  id BIGINT NOT NULL PRIMARY KEY,
  village_id BIGINT NOT NULL,
  kind TINYINT NOT NULL, -- people.ChangeKind: 1 split, 2 merge
  from_id BIGINT NOT NULL, -- the household that people left
  to_id BIGINT NOT NULL, -- the household that they are in now
  number BIGINT NOT NULL, -- of the ledger transaction
  points BIGINT NOT NULL, -- that went along; negative: a debt
  people TEXT NOT NULL, -- how it was before, as JSON (people.before)
  reason VARCHAR(200) NOT NULL,
  actor_id BIGINT NOT NULL,
  actor_name VARCHAR(64) NOT NULL,
  at BIGINT NOT NULL,
  undone_at BIGINT NOT NULL DEFAULT 0, -- 0: it stands
  undone_by BIGINT NOT NULL DEFAULT 0,
  undone_name VARCHAR(64) NOT NULL,
  undone_reason VARCHAR(200) NOT NULL,
  undone_number BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX household_changes_from ON household_changes (from_id);
CREATE INDEX household_changes_to ON household_changes (to_id);

-- An import of a roster in the background; kept for thirty days. The sheet itself is never stored.
CREATE TABLE roster_imports (
  id BIGINT NOT NULL PRIMARY KEY,
  village_id BIGINT NOT NULL,
  actor_id BIGINT NOT NULL,
  actor_name VARCHAR(64) NOT NULL,
  state TINYINT NOT NULL, -- 1 running, 2 done, 3 failed
  percent INT NOT NULL,
  sheet_rows INT NOT NULL, -- read so far
  report TEXT NOT NULL, -- how it ended, as JSON; no telephone or identity numbers
  started_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL -- renewed by the process that does the work
);

-- SQLite has no grants, so that triggers keep what is append-only; on MariaDB the server's user has no right to do it.
-- +goose StatementBegin
CREATE TRIGGER party_objections_no_update BEFORE UPDATE ON party_objections BEGIN SELECT RAISE(ABORT, 'party_objections is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER party_objections_no_delete BEFORE DELETE ON party_objections BEGIN SELECT RAISE(ABORT, 'party_objections is append-only'); END;
-- +goose StatementEnd

-- +goose Down
DROP TABLE roster_imports;
DROP TABLE household_changes;
DROP TABLE party_objections;
DROP TABLE party_results;
DROP TABLE party_reviews;
DROP TABLE party_evaluations;
DROP TABLE party_standards;
DROP TABLE party_exemptions;
DROP TABLE party_members;
DROP TABLE party_classes;
DROP TABLE party_branches;
DROP TABLE villagers;
DROP TABLE households;
DROP TABLE grid_households;
DROP TABLE grids;
DROP TABLE village_settings;
DROP TABLE regions;
