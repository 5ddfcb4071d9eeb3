#!/bin/sh
# handler.c to component.wasm: build.sh [OUTPUT]. On Debian: apt-get install clang lld wasi-libc libclang-rt-dev-wasm32
set -eu
cd "$(dirname "$0")"
core=$(mktemp)
trap 'rm -f "$core"' EXIT
clang --target=wasm32-wasi -mexec-model=reactor -O2 -Wall -Wextra -s -o "$core" handler.c
../../node_modules/.bin/node component.mjs "$core" "${1:-component.wasm}"
