-- +goose Up
-- Everybody who can log in. Officers, merchants and villagers are different audiences and never share a row.
CREATE TABLE users (
  id BIGINT NOT NULL PRIMARY KEY,
  kind TINYINT NOT NULL, -- auth.Kind: 1 officer, 2 merchant, 3 villager
  login VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- officers and merchants: user name; villagers: "wx:" + openid or "hh:" + household code
  name VARCHAR(64) NOT NULL,
  password_hash VARCHAR(160) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  must_change TINYINT NOT NULL DEFAULT 0,
  disabled_at BIGINT NOT NULL DEFAULT 0,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  UNIQUE KEY users_login (kind, login)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE user_roles (
  user_id BIGINT NOT NULL,
  role VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  region_id BIGINT NOT NULL DEFAULT 0, -- officers: the region looked after
  merchant_id BIGINT NOT NULL DEFAULT 0, -- merchants
  branch_id BIGINT NOT NULL DEFAULT 0, -- party secretaries
  created_at BIGINT NOT NULL,
  PRIMARY KEY (user_id, role, region_id, merchant_id, branch_id),
  KEY user_roles_region (region_id),
  KEY user_roles_merchant (merchant_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4;

-- The households a villager's log-in has been bound to.
CREATE TABLE user_households (
  user_id BIGINT NOT NULL,
  household_id BIGINT NOT NULL,
  villager_id BIGINT NOT NULL DEFAULT 0,
  bound_at BIGINT NOT NULL,
  PRIMARY KEY (user_id, household_id),
  KEY user_households_household (household_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE sessions (
  id BIGINT NOT NULL PRIMARY KEY,
  user_id BIGINT NOT NULL,
  refresh_hash BINARY(32) NOT NULL, -- of the one refresh token that is good now
  generation INT NOT NULL,
  device VARCHAR(100) NOT NULL,
  address VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  created_at BIGINT NOT NULL,
  used_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  revoked_at BIGINT NOT NULL DEFAULT 0,
  KEY sessions_user (user_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4;

-- Failed log-ins by account and by address in a window of fifteen minutes.
CREATE TABLE login_attempts (
  bucket BINARY(32) NOT NULL,
  slot BIGINT NOT NULL,
  failures INT NOT NULL,
  PRIMARY KEY (bucket, slot)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4;

-- +goose Down
DROP TABLE login_attempts;
DROP TABLE sessions;
DROP TABLE user_households;
DROP TABLE user_roles;
DROP TABLE users;
