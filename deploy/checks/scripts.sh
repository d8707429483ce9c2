#!/usr/bin/env bash
# Every committed shell script passes shellcheck.
set -euo pipefail
cd "$(dirname "$0")/../.."
PATH=$PWD/var/tools/bin:$PATH
mapfile -t scripts < <(git grep -lE '^#!.*\b(ba)?sh\b' -- ':!*.md')
shellcheck --external-sources --check-sourced "${scripts[@]}" # also what they source
echo "scripts: ${#scripts[@]} pass shellcheck"
