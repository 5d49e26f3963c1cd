#!/bin/sh
# Holds the include lines against the table in ARCHITECTURE.md: who may know whom. Usage: layers.sh SOURCE_ROOT
cd "$1" || exit 1
find base traces configs mm sim reports -name '*.[ch]' | sort | xargs awk '
	BEGIN { # the headers of libraries, each seen in one room only
		home["zlib.h"] = home["libdeflate.h"] = home["jansson.h"] = home["trace-cmd.h"] = home["event-parse.h"] = "traces"
		home["yaml.h"] = home["lzma.h"] = "configs"
		home["sqlite3.h"] = "reports"
		home["nettle/sha2.h"] = "base"
		home["argp.h"] = "cli"
	}
	function room(path) {
		if (path ~ /^sim\/cli\//) return "cli"
		sub(/\/.*/, "", path)
		return path
	}
	function allowed(from, to, path) {
		if (from == to || to == "base" || from == "cli") return 1
		if (from == "sim") return to == "mm" || to == "traces" || to == "configs"
		if (from == "mm") return path == "configs/machine.h" || path == "configs/state.h"
		if (from == "reports") return path == "sim/recorder.h" || to == "configs"
		return 0
	}
	/^[ \t]*#[ \t]*include[ \t]*"/ {
		split($0, part, "\"")
		seen++
		if (part[2] ~ /^\.\./ || (part[2] !~ /\// && part[2] !~ /^(version_info|schema_sql|queries_sql)\.h$/)) {
			printf "%s: \"%s\" is not named from the root\n", FILENAME, part[2]
			bad = 1
		} else if (part[2] ~ /\// && !allowed(room(FILENAME), room(part[2]), part[2])) {
			printf "%s may not include %s\n", FILENAME, part[2]
			bad = 1
		} else if (part[2] ~ /_priv\.h$/ && room(FILENAME) != room(part[2])) {
			printf "%s includes %s, which is private to its room\n", FILENAME, part[2]
			bad = 1
		}
	}
	/^[ \t]*#[ \t]*include[ \t]*</ {
		split($0, part, "[<>]")
		if (part[2] in home && home[part[2]] != room(FILENAME)) {
			printf "%s: <%s> belongs to %s\n", FILENAME, part[2], home[part[2]]
			bad = 1
		}
	}
	END {
		printf "%d include lines read\n", seen
		if (!seen) bad = 1
		exit bad
	}'
