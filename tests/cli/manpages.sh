#!/usr/bin/env bash
# Every verb has a man page, every option that its --help lists stands in it, and every key of a sweep file in that of sweep.
# Usage: tests/cli/manpages.sh KMEMSIM FOLDER-OF-PAGES
set -uo pipefail
kmemsim=$1
pages=$2
bad=0
checked=0

complain() {
	echo "$*" >&2
	bad=1
}

# The page as it is read, without its markup.
plain() {
	sed 's/\\-/-/g; s/^\.[A-Z]* //; s/[",]/ /g' "$1"
}

for verb in $("$kmemsim" --help | sed -n '/^Verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
	page=$pages/kmemsim-$verb.1
	[ -s "$page" ] || { complain "$verb: no man page $page"; continue; }
	for option in $("$kmemsim" "$verb" --help | grep -oE '^ +(-., )?--[a-z-]+' | grep -oE -e '--[a-z-]+'); do
		plain "$page" | grep -qE -e "(^|[ ,])$option([=[ ]|\$)" || complain "$verb: $option is not in its man page"
		checked=$((checked + 1))
	done
	grep -q '^kmemsim.-'"$verb"' .- [a-z]' "$page" || complain "$verb: its man page does not say what it is"
	if command -v groff >/dev/null; then
		said=$(groff -man -Tutf8 -ww -z "$page" 2>&1)
		[ -z "$said" ] || complain "$verb: groff: $said"
	fi
done
[ "$checked" -ge 60 ] || complain "only $checked options were found: what was read?"

keys=$(printf 'no-such-key: 1\n' >"$pages/keys.yaml" && "$kmemsim" sweep "$pages/keys.yaml" --parse-only 2>&1 |
	sed -n 's/.*unknown key: expected \(.*\)$/\1/p' | sed 's/,//g; s/ or / /')
rm -f "$pages/keys.yaml"
[ "$(wc -w <<<"$keys")" -ge 15 ] || complain "keys of a sweep file: only \"$keys\""
for key in $keys; do
	plain "$pages/kmemsim-sweep.1" | sed -n '/SWEEP FILE/,$p' | grep -qw -e "$key" || complain "sweep: the key $key is not in its man page"
done
exit $bad
