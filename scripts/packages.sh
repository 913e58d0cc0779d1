# Sourced by the scripts that start servers: what is missing is installed by apt (as root, or through sudo).
# The caller defines say.

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"
	elif command -v sudo >/dev/null; then sudo "$@"
	else
		say "cannot run as root: $*"
		say "please install ${missing[*]} yourself, then try again"
		return 1
	fi
}

# Packages may start their servers when installed; a policy file keeps them from it.
install() {
	say "installing $*"
	local policy=/usr/sbin/policy-rc.d made=
	if [ ! -e $policy ]; then
		printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
		as_root chmod 755 $policy
		made=1
	fi
	local ok=0
	{ as_root apt-get -o DPkg::Lock::Timeout=300 -qq update &&
		as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq -y --no-install-recommends install "$@"; } >&2 || ok=$?
	[ -z "$made" ] || as_root rm -f $policy
	return $ok
}

export PATH="$PATH:/usr/sbin:/sbin"
missing=()
command -v mariadbd >/dev/null && command -v mariadb-install-db >/dev/null || missing+=(mariadb-server)
command -v redis-server >/dev/null || missing+=(redis-server)
