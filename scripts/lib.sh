# What scripts/setup, scripts/debian-julia and the Dockerfile share: progress, apt, and finding languages.
# Sourced, never run. Works in bash 3.2, which is what macOS has.
# shellcheck shell=bash

say() { printf '==> %s\n' "$*"; }
note() { printf '    %s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }

# step TITLE COMMAND…: run into $SETUP_LOG, show a sign of life every 10 s, and the log's end if it fails.
step() {
    local title=$1 start=$SECONDS pid waited=0
    shift
    say "$title"
    printf '\n### %s\n' "$title" >>"$SETUP_LOG"
    "$@" >>"$SETUP_LOG" 2>&1 </dev/null &
    pid=$!
    # shellcheck disable=SC2064  # a background command ignores Ctrl-C: end this one by its number
    trap "kill $pid 2>/dev/null; exit 130" INT TERM
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.2
        waited=$((waited + 1))
        [ $((waited % 50)) -ne 0 ] ||
            note "… $((SECONDS - start)) s: $(tail -n 1 "$SETUP_LOG" | tr '\r' '\n' | tail -n 1 | cut -c 1-90)"
    done
    trap - INT TERM
    if wait "$pid"; then
        note "done in $((SECONDS - start)) s"
    else
        note "FAILED. The end of $SETUP_LOG:"
        tail -n 12 "$SETUP_LOG" | sed 's/^/    | /'
        return 1
    fi
}

# --- apt ---------------------------------------------------------------------------------------

have_apt() { have apt-get && have dpkg-query; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
can_be_root() { [ "$(id -u)" = 0 ] || have sudo; }

missing_packages() {
    local package
    for package; do
        dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || printf '%s ' "$package"
    done
}

# A package that apt does not know means lists that were never fetched, as in a fresh container.
apt_knows() { apt-cache policy "$1" 2>/dev/null | grep -q 'Candidate: [0-9]'; }

apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 \
        apt-get -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"
}

# apt_install PACKAGE…: fetch lists only when they are absent or proved stale by a failure.
apt_install() {
    local packages package try
    packages=$(missing_packages "$@")
    [ -n "$packages" ] || return 0
    for package in $packages; do
        # A broken third-party source fails an update although Debian's own lists arrived: go on.
        apt_knows "$package" || { apt_get update || true; break; }
    done
    for try in 1 2 3; do
        # shellcheck disable=SC2086  # one word a package
        apt_get install --no-install-recommends $packages && return 0
        [ "$try" = 3 ] || { sleep $((try * 3)); apt_get update || true; }
    done
    return 1
}

# --- languages ---------------------------------------------------------------------------------

# The user's own Julia, in the order in which the adapter looks; not the one that we put into .venv.
find_own_julia() {
    local candidate
    for candidate in "${JULIA_EXE:-}" "$(type -aP julia 2>/dev/null | grep -v '/\.venv/bin/' | head -n 1)" \
        "$HOME/.juliaup/bin/julia"; do
        if [ -n "$candidate" ] && [ -x "$candidate" ]; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    return 1
}

r_version() { R --version 2>/dev/null | sed -n 's/^R version \([0-9.]*\).*/\1/p'; }

# rpy2_requirements R_VERSION: rpy2-rinterface 3.6.6 and later call R_getVar, which R has from 4.5 on.
rpy2_requirements() {
    local major=${1%%.*} minor
    minor=${1#*.}
    minor=${minor%%.*}
    if [ "$major" -lt 4 ] || { [ "$major" = 4 ] && [ "$minor" -lt 5 ]; }; then
        echo "rpy2==3.6.5 rpy2-rinterface==3.6.5"
    else
        echo "rpy2>=3.6.6 rpy2-rinterface>=3.6.6"
    fi
}
