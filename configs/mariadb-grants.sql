-- What the server may do to the database: nothing beyond the statements that are in the program, table by table. So neither a
-- mistake in it nor a stranger who has its password can change or delete a row of the ledger.
-- Written by "make grants" from the program's own statements; a test compares. docs/operations.md explains its use:
--
--   mariadb jishan < mariadb-grants.sql      as an administrator, after every "jishan migrate"
--
-- The rights belong to a role; the server's user has nothing but the role.
CREATE ROLE IF NOT EXISTS jishan_server;
GRANT SELECT ON goose_db_version TO jishan_server;

GRANT SELECT, INSERT, UPDATE ON accounts TO jishan_server;
GRANT SELECT, INSERT ON audit_log TO jishan_server;
GRANT SELECT, INSERT, UPDATE ON awards TO jishan_server;
GRANT SELECT, INSERT ON board_snapshots TO jishan_server;
GRANT SELECT, INSERT, UPDATE ON clearings TO jishan_server;
GRANT SELECT, INSERT, DELETE ON grid_households TO jishan_server;
GRANT SELECT, INSERT, UPDATE, DELETE ON grids TO jishan_server;
GRANT SELECT, INSERT, UPDATE ON house_cards TO jishan_server;
GRANT SELECT, INSERT, UPDATE ON household_changes TO jishan_server;
GRANT SELECT, INSERT, UPDATE ON households TO jishan_server;
GRANT SELECT, INSERT ON idempotency_keys TO jishan_server;
GRANT SELECT, INSERT, UPDATE ON leases TO jishan_server;
GRANT SELECT, INSERT ON ledger_checkpoints TO jishan_server;
GRANT SELECT, INSERT ON ledger_entries TO jishan_server;
GRANT SELECT, INSERT, UPDATE ON ledger_heads TO jishan_server;
GRANT SELECT, INSERT ON ledger_persons TO jishan_server;
GRANT SELECT, INSERT ON ledger_reversals TO jishan_server;
GRANT SELECT, INSERT ON ledger_seals TO jishan_server;
GRANT SELECT, INSERT ON ledger_txs TO jishan_server;
GRANT SELECT, INSERT, UPDATE, DELETE ON login_attempts TO jishan_server;
GRANT SELECT, INSERT, UPDATE ON lots TO jishan_server;
GRANT SELECT, INSERT, UPDATE ON merchant_villages TO jishan_server;
GRANT SELECT, INSERT, UPDATE ON merchants TO jishan_server;
GRANT SELECT, INSERT, UPDATE ON notices TO jishan_server;
GRANT SELECT, INSERT, DELETE ON outbox TO jishan_server;
GRANT SELECT, INSERT, UPDATE, DELETE ON party_branches TO jishan_server;
GRANT SELECT, INSERT, UPDATE ON party_classes TO jishan_server;
GRANT SELECT, INSERT, UPDATE ON party_evaluations TO jishan_server;
GRANT SELECT, INSERT, UPDATE ON party_exemptions TO jishan_server;
GRANT SELECT, INSERT, UPDATE ON party_members TO jishan_server;
GRANT SELECT, INSERT ON party_objections TO jishan_server;
GRANT SELECT, INSERT, DELETE ON party_results TO jishan_server;
GRANT SELECT, INSERT, UPDATE ON party_reviews TO jishan_server;
GRANT SELECT, INSERT, UPDATE ON party_standards TO jishan_server;
GRANT SELECT, INSERT, DELETE ON pictures TO jishan_server;
GRANT SELECT, INSERT, UPDATE ON products TO jishan_server;
GRANT SELECT, INSERT ON redemption_lines TO jishan_server;
GRANT SELECT, INSERT, UPDATE ON redemptions TO jishan_server;
GRANT SELECT, INSERT, UPDATE ON regions TO jishan_server;
GRANT SELECT, INSERT, UPDATE, DELETE ON roster_imports TO jishan_server;
GRANT SELECT, INSERT, DELETE ON rule_books TO jishan_server;
GRANT SELECT, INSERT, UPDATE, DELETE ON rule_versions TO jishan_server;
GRANT SELECT, INSERT, UPDATE, DELETE ON rules TO jishan_server;
GRANT SELECT, INSERT, UPDATE ON scores TO jishan_server;
GRANT SELECT, INSERT, UPDATE, DELETE ON sessions TO jishan_server;
GRANT SELECT, INSERT, UPDATE ON stamps TO jishan_server;
GRANT SELECT, INSERT ON stock_moves TO jishan_server;
GRANT SELECT, INSERT, DELETE ON used_codes TO jishan_server;
GRANT SELECT, INSERT, UPDATE, DELETE ON user_households TO jishan_server;
GRANT SELECT, INSERT, DELETE ON user_roles TO jishan_server;
GRANT SELECT, INSERT, UPDATE ON users TO jishan_server;
GRANT SELECT, INSERT, UPDATE ON village_settings TO jishan_server;
GRANT SELECT, INSERT, UPDATE ON villagers TO jishan_server;
