#!/bin/sh
# Lay the image's model where the store is to be, unless a store is there; then be the runner.
# The store itself is written to (which server serves what), so it cannot stay in a read-only image.
set -eu
file=${RUNNER_STORE#sqlite:///}
if [ "$file" != "$RUNNER_STORE" ] && [ ! -e "$file" ]; then
    umask 077
    mkdir -p "$(dirname "$file")"
    cp /app/.runner/runner.db "$file.new"
    mv "$file.new" "$file"
fi
exec runner "$@"
