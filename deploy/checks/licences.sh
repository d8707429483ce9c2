#!/usr/bin/env bash
# Licences, banned crates and sources of all dependencies, by deny.toml. Only the fetch needs the network.
set -euo pipefail
cd "$(dirname "$0")/../.."
PATH=$PWD/var/tools/bin:$PATH
cargo fetch --quiet --locked
cargo deny --offline --log-level warn check licenses bans sources
