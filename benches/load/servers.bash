# What the scripts that run Tandem and its peers in turns have in common; sourced. They set `me` (their name), `server_core` and `keep`.

need() { # program, package or how to get it
    command -v "$1" >/dev/null || { echo "$me: $1 is missing: $2" >&2; exit 2; }
}

run=$(mktemp -d)
servers=()
clean_up() {
    trap '' INT TERM
    stop_servers
    if [ "$keep" = 1 ]; then echo "reports: $run" >&2; else rm -rf "$run"; fi
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

stop_servers() {
    local pid
    for pid in "${servers[@]}"; do kill "$pid" 2>/dev/null; done
    for pid in "${servers[@]}"; do
        for _ in {1..50}; do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
        kill -9 "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    servers=()
}

listening() { # port
    grep -qi ":$(printf '%04x' "$1") " /proc/net/udp
}

start() { # name, port, command…: in the background on the server's core; its id in $pid
    local name=$1 port=$2
    shift 2
    for _ in {1..50}; do listening "$port" || break; sleep 0.1; done
    ! listening "$port" || { echo "$me: port $port is in use" >&2; exit 1; }
    mkdir -p "$run/$name"
    (cd "$run/$name" && exec taskset -c "$server_core" "$@") >"$run/$name.log" 2>&1 &
    pid=$!
    servers+=("$pid")
    for _ in {1..600}; do
        listening "$port" && return 0
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    echo "$me: $name does not listen on port $port; its log:" >&2
    tail -20 "$run/$name.log" >&2
    exit 1
}
