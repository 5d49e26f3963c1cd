# Shared by the scripts beside it: installs what is missing, builds. Sourced, not run.
# shellcheck shell=bash

packages=(gcc libc6-dev meson ninja-build pkg-config zlib1g-dev libdeflate-dev libjansson-dev libyaml-dev
	liblzma-dev libsqlite3-dev nettle-dev libtracecmd-dev libtracefs-dev libtraceevent-dev libcriterion-dev
	sqlite3 procps xz-utils)

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

# Installs those of the packages named that are not there yet; silent and quick when all are.
install_missing() {
	local missing=() name
	for name in "$@"; do
		if [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" != installed ]; then
			missing+=("$name")
		fi
	done
	[ "${#missing[@]}" = 0 ] && return 0
	echo "Installing: ${missing[*]}"
	as_root apt-get update -qq
	DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# build DIR [MESON OPTION...]: configures DIR if it is new, and compiles. What install_missing() brings is used: a library that
# is not found is said here, not by the tests that lack it.
build() {
	local dir=$1
	shift
	if [ ! -f "$dir/build.ninja" ]; then
		meson setup "$dir" --auto-features=enabled "$@" >"$dir.log" 2>&1 || { cat "$dir.log"; return 1; }
		rm -f "$dir.log"
	fi
	ninja -C "$dir" --quiet
}
