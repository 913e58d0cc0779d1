-- The database and its two users, once: as an administrator, with passwords of your own (openssl rand -hex 24) put in.
-- The first makes and changes tables and is used by "jishan migrate" alone; the second is the server's. What the second may do comes
-- from mariadb-grants.sql, read in after the tables are there.
CREATE DATABASE jishan CHARACTER SET utf8mb4;
CREATE USER jishan_migrator@'127.0.0.1' IDENTIFIED BY 'MIGRATOR_PASSWORD';
GRANT ALL ON jishan.* TO jishan_migrator@'127.0.0.1';
CREATE USER jishan@'127.0.0.1' IDENTIFIED BY 'SERVER_PASSWORD';
CREATE ROLE IF NOT EXISTS jishan_server;
GRANT jishan_server TO jishan@'127.0.0.1';
SET DEFAULT ROLE jishan_server FOR jishan@'127.0.0.1';
