# Sourced by MariaDB's image when its volume is new: the database and its two users, with the passwords of the secrets. They
# come from other containers, so they may come from any address of the inner network.
sed "s/MIGRATOR_PASSWORD/$(cat /run/secrets/db_migrator_password)/
	s/SERVER_PASSWORD/$(cat /run/secrets/db_password)/
	s/@'127.0.0.1'/@'172.30.77.%'/" /mariadb-users.sql | docker_process_sql
