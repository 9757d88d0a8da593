# shellcheck shell=sh disable=SC2086 # (process ids need no quotes)
# common.sh: what the proofs have in common. Each sources it, begins with `claim`, ends with
# `finish`. They run in the project's folder; BUILD and FAST (yes: shorter) come from `make proof`.
#
# All that a proof starts is its own child, and its files are in a folder of its own: both are gone
# when it ends, however it ends.

set -u
build=${BUILD:-build}
ferry=$build/bin/ferry
tools=$build/proof
work=$(mktemp -d "${TMPDIR:-/tmp}/ferry_proof_XXXXXX") || exit 2
control=$work/control
live=
children=
is_met=yes

clean_up() {
    exec 3>&-
    for child in $children $live; do
        kill "$child" 2>/dev/null
    done
    for child in $children $live; do
        wait "$child" 2>/dev/null
    done
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

die() {
    echo "$(basename "$0"): $*" >&2
    [ -s "$work/live" ] && { echo "what ferry live said last:"; tail -5 "$work/live"; } >&2
    exit 1
}

# A child that nobody has waited for yet has ended too.
has_ended() {
    ! grep -qs ') [^Z]' "/proc/$1/stat"
}

# ---- What is said ----

claim() {
    printf '\n%s: %s\n' "$(basename "$0")" "$*"
}

say() {
    printf '    %s\n' "$*"
}

# judge WHAT VALUE UNIT at-most|at-least BOUND: a line, and whether it is met. No value: it is not.
judge() {
    awk -v what="$1" -v value="$2" -v unit="$3" -v sense="$4" -v bound="$5" 'BEGIN {
        is_number = value ~ /^-?[0-9.]+$/
        is_met = is_number && (sense == "at-most" ? value + 0 <= bound + 0 : value + 0 >= bound + 0)
        sub(/-/, " ", sense)
        printf "    %-58s %9s %-6s %s %s: %s\n", what, is_number ? value : "none", unit, sense, bound,
            is_met ? "met" : "NOT MET"
        exit !is_met
    }' || is_met=no
}

# judge_equal WHAT VALUE EXPECTED
judge_equal() {
    if [ "$2" = "$3" ]; then
        printf '    %-58s %9s as it must be: met\n' "$1" "$2"
    else
        printf '    %-58s %9s instead of %s: NOT MET\n' "$1" "${2:-none}" "$3"
        is_met=no
    fi
}

finish() {
    [ $is_met = yes ]
    exit
}

# ---- Numbers ----

# The value behind each NAME in "NAME value" words on standard input; a reason's words are none.
values_of() {
    awk -v name="$1" '{ for (i = 1; i < NF && $i != "reason"; i++) if ($i == name) print $(i + 1) }'
}

# Of numbers, one a line; what is none is left out.
median() {
    grep -E '^[0-9.]+$' | sort -n | awk '{ v[NR] = $1 } END { if (NR > 0) print v[int((NR + 1) / 2)] }'
}

most() {
    grep -E '^[0-9.]+$' | sort -n | tail -1
}

# calc EXPRESSION: with three decimals at most.
calc() {
    awk "BEGIN { v = sprintf(\"%.3f\", $*); sub(/\\.?0+\$/, \"\", v); print v }"
}

in_ms() {
    [ -n "$1" ] && calc "$1 / 1000000"
}

# ---- What is run ----

# start GUEST MEMORY [OPTIONS ...] [-- ARGUMENTS ...]: gateway, two hosts and the guest. Sets
# `address`, where its clients are to call.
start() {
    guest=$1 memory=$2
    shift 2
    "$ferry" live --guest "$guest" --memory "$memory" --listen 127.0.0.1:0 --control "$control" --plain "$@" \
        >"$work/live" 2>&1 </dev/null &
    live=$!
    address=
    for _ in $(seq 600); do
        has_ended $live && die "ferry live ended at once"
        if "$ferry" status --control "$control" --json - >"$work/status" 2>/dev/null; then
            address=$("$tools/field" gateway.address "$work/status")
            hosts=$("$tools/field" hosts.count "$work/status")
            guests=$("$tools/field" hosts.0.guests.count "$work/status")$("$tools/field" hosts.1.guests.count "$work/status")
            [ "$hosts" = 2 ] && [ "$guests" != 00 ] && return
        fi
        sleep 0.1
    done
    die "ferry live has no two hosts and a guest after a minute"
}

stop() {
    kill "$live" 2>/dev/null
    wait "$live" 2>/dev/null
    live=
}

host_part() {
    echo "${address%:*}"
}

port_part() {
    echo "${address##*:}"
}

# Listens to metronome's ticks from now on. `mark NAME` ends an interval; its line is added to
# $work/gaps. While a large memory is filled nobody answers, and a gateway sends callers away.
listen() {
    for _ in $(seq 12); do
        start_listener
        for _ in $(seq 100); do
            sleep 0.1
            put_mark begin || break
            tail -1 "$work/gaps" | grep -q ' ticks [1-9]' && return
        done
        exec 3>&-
        wait $listener
    done
    die 'metronome is not heard within two minutes'
}

start_listener() {
    rm -f "$work/marks"
    : >"$work/gaps"
    mkfifo "$work/marks"
    "$tools/tick_gap" "$address" <"$work/marks" >"$work/gaps" 2>"$work/problem" &
    listener=$!
    children="$children $listener"
    exec 3>"$work/marks"
}

# False when the listener has ended; it says why in $work/problem.
put_mark() {
    lines=$(wc -l <"$work/gaps")
    (
        trap '' PIPE
        echo "$1" >&3
    ) 2>/dev/null
    while [ "$(wc -l <"$work/gaps")" = "$lines" ]; do
        has_ended $listener && return 1
        sleep 0.01
    done
}

mark() {
    put_mark "$1" || die "$(cat "$work/problem")"
}

stop_listening() {
    exec 3>&-
    wait $listener || die "$(cat "$work/problem")"
}

# move MODE [NAME=VALUE ...]: one move to the other host; its line is added to $work/moves.
move() {
    mode=$1
    shift
    "$tools/mover" "$control" 1 "$mode" "$@" >"$work/move" 2>&1
    grep '^move ' "$work/move" >>"$work/moves" || die "$mode: $(cat "$work/move")"
}
