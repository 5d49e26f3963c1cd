#!/usr/bin/env bash
# The sweep of configs/cluster/slurm on a real one-node Slurm (munge, slurmctld, slurmd) that this sets up in a temporary
# folder, on loopback, and stops again; its merged results must equal those of the same sweep without Slurm.
# Needs root (slurmd does) and Debian's packages, which it installs. Usage: tests/slurm.sh [KMEMSIM]
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

KMEMSIM=$(realpath "${1:-build/sim/cli/kmemsim}")
export KMEMSIM
SHARDS=3
DEADLINE=300 # seconds for all jobs together

[ "$(id -u)" -eq 0 ] || { echo "tests/slurm.sh: slurmd needs root" >&2 && exit 2; }
[ -x "$KMEMSIM" ] || { echo "tests/slurm.sh: $KMEMSIM: build it first (scripts/test)" >&2 && exit 2; }
install_missing munge slurmctld slurmd slurm-client sqlite3

dir=$(mktemp -d)
daemons=()
stop() {
	local pid

	# Never on another Slurm that this machine may belong to.
	[ "${SLURM_CONF:-}" != "$dir/slurm.conf" ] || scancel --quiet --user="$(id -un)" 2>/dev/null || true
	for pid in "${daemons[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	for pid in "${daemons[@]}"; do
		wait "$pid" 2>/dev/null || true
	done
	rm -rf "$dir"
}
trap stop EXIT

# Calls its arguments until they succeed, for at most $1 seconds.
wait_for() {
	local end=$((SECONDS + $1))

	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || { echo "tests/slurm.sh: gave up waiting for: $*" >&2 && return 1; }
		sleep .2
	done
}

start_munge() {
	mkdir -p "$dir/munge" && chmod 755 "$dir" && chmod 700 "$dir/munge"
	dd if=/dev/urandom of="$dir/munge/key" bs=1024 count=1 status=none
	chmod 600 "$dir/munge/key"
	munged --force --foreground --key-file="$dir/munge/key" --socket="$dir/munge.sock" --pid-file="$dir/munge/pid" \
		--log-file="$dir/munge/log" --seed-file="$dir/munge/seed" >/dev/null 2>&1 &
	daemons+=($!)
	wait_for 10 test -S "$dir/munge.sock"
}

# Both of NoCtldInAddrAny and NoInAddrAny: with the second alone slurmctld listens on every address.
write_conf() {
	local host=$1

	mkdir -p "$dir/state" "$dir/spool" "$dir/log"
	cat >"$dir/slurm.conf" <<-END
		ClusterName=kmemsim
		SlurmctldHost=$host(127.0.0.1)
		SlurmctldPort=16817
		SlurmdPort=16818
		AuthType=auth/munge
		AuthInfo=socket=$dir/munge.sock
		CredType=cred/munge
		SlurmUser=root
		SlurmdUser=root
		StateSaveLocation=$dir/state
		SlurmdSpoolDir=$dir/spool
		SlurmctldPidFile=$dir/slurmctld.pid
		SlurmdPidFile=$dir/slurmd.pid
		SlurmctldLogFile=$dir/log/slurmctld
		SlurmdLogFile=$dir/log/slurmd
		ProctrackType=proctrack/linuxproc
		TaskPlugin=task/none
		JobAcctGatherType=jobacct_gather/none
		AccountingStorageType=accounting_storage/none
		SelectType=select/cons_tres
		SelectTypeParameters=CR_Core
		CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
		SwitchType=switch/none
		MpiDefault=none
		ReturnToService=2
		NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=500 State=UNKNOWN
		PartitionName=sweep Nodes=$host Default=YES MaxTime=INFINITE State=UP
	END
	export SLURM_CONF="$dir/slurm.conf"
}

node_is_idle() {
	[ "$(sinfo -h -o %t 2>/dev/null)" = idle ]
}

queue_is_empty() {
	[ -z "$(squeue -h 2>/dev/null)" ]
}

start_slurm() {
	local host

	host=$(hostname -s)
	write_conf "$host"
	slurmctld -D -i >/dev/null 2>&1 &
	daemons+=($!)
	slurmd -D -N "$host" >/dev/null 2>&1 &
	daemons+=($!)
	wait_for 30 node_is_idle
}

write_sweep() {
	cp traces/samples/boot-pc-256m.kmt "$dir/boot.kmt"
	cat >"$dir/sweep.yaml" <<-END
		kmemsim: 1
		name: slurm
		machine: $PWD/configs/machines/pc-512m.yaml
		trace: boot.kmt
		vary:
		  grid:
		    memory: [256 MiB, 512 MiB, 1 GiB]
		    slab.min_order: [0, 1, 2]
	END
}

# What a run said, but for its number, times and host.
contents() {
	sqlite3 "$1" "SELECT config_hash, seed, status, events, fingerprint, (SELECT group_concat(key || '=' || value) FROM
		(SELECT key, value FROM run_params p WHERE p.run_id = r.run_id ORDER BY key)),
		(SELECT group_concat(free_bytes || ' ' || slab_bytes) FROM samples s WHERE s.run_id = r.run_id),
		(SELECT group_concat(op || ' ' || count || ' ' || lat_p99_ns) FROM op_stats o WHERE o.run_id = r.run_id)
		FROM runs r ORDER BY 1, 2, 6"
}

# A program that is killed the first time that it runs shard 2.
write_flaky() {
	cat >"$dir/flaky" <<-END
		#!/bin/sh
		case "\$*" in
		*"--shard 2/"*) [ -e "$dir/killed" ] || { touch "$dir/killed" && kill -KILL \$\$; } ;;
		esac
		exec "$KMEMSIM" "\$@"
	END
	chmod +x "$dir/flaky"
}

submit_and_wait() {
	KMEMSIM="$dir/flaky" configs/cluster/slurm/sweep-array -n $SHARDS -o "$dir/cluster.db" -d "$dir/parts" "$dir/sweep.yaml"
	wait_for $DEADLINE queue_is_empty
}

start_munge
start_slurm
write_sweep

echo "== the sweep here"
"$KMEMSIM" sweep "$dir/sweep.yaml" -o "$dir/local.db" --quiet
contents "$dir/local.db" >"$dir/local.txt"

echo "== the sweep as a job array of $SHARDS, one of which is killed once"
write_flaky
submit_and_wait
cat "$dir"/parts/*.log
grep -q "shard 2 of $SHARDS, try 1: exit status 137" "$dir/parts/shard-1.log"
grep -q "shard 2 of $SHARDS, try 2: exit status 0" "$dir/parts/shard-1.log"
contents "$dir/cluster.db" | diff "$dir/local.txt" -

echo "== the same again after a lost shard"
rm "$dir/parts/part-2.db" "$dir/cluster.db"
submit_and_wait
contents "$dir/cluster.db" | diff "$dir/local.txt" -

echo "tests/slurm.sh: $(wc -l <"$dir/local.txt") runs, equal contents"
