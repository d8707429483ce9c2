#!/usr/bin/env bash
# Everything under deploy/ that some other program reads is read here by that program, or by its published schema.
set -euo pipefail
cd "$(dirname "$0")/../.."
PATH=$PWD/var/tools/bin:$PATH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

yamllint --strict -c deploy/checks/yamllint.yaml deploy

while IFS= read -r kustomization; do
  folder=$(dirname "$kustomization")
  built=$work/$(tr / - <<<"$folder").yaml
  kubectl kustomize "$folder" >"$built"
  kubernetes-validate --strict --quiet "$built"
  var/tools/py/bin/python deploy/checks/kubernetes_rules.py "$folder" "$built"
done < <(find deploy/kubernetes -name kustomization.yaml | sort)

var/tools/py/bin/python deploy/checks/names.py

# Passwords come from the environment; any will do to read the file.
mapfile -t passwords < <(grep -o 'NTB_NATS_[A-Z_]*' deploy/nats/nats.conf.example | sed 's/$/=any/')
env "${passwords[@]}" nats-server -t -c deploy/nats/nats.conf.example
promtool check rules deploy/observability/prometheus/*.rules.yaml
promtool test rules deploy/observability/prometheus/*.rules.test.yaml
