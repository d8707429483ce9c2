#!/usr/bin/env bash
# Builds every service as one static binary and lays each into an image of its own, in target/images/<service>.oci.tar.
# No container engine and no registry: an image is a tar file (see oci.py). Bring one where it is needed with
# `podman load -i FILE`, `docker load -i FILE` or `skopeo copy oci-archive:FILE docker://…`.
set -euo pipefail
cd "$(dirname "$0")/../.."

services=(intake classification routing opd-notification escalation portal)
[ $# -eq 0 ] || services=("$@")
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
triple=$(rustc -vV | sed -n 's/^host: //p')
target=${CARGO_TARGET_DIR:-target}
out=target/images

# Static glibc needs RUSTFLAGS of its own, hence a target folder of its own: nothing else is rebuilt by it. The triple is
# given, so that the flag reaches the services only and not the build scripts.
packages=()
for service in "${services[@]}"; do packages+=(-p "$service"); done
RUSTFLAGS='-C target-feature=+crt-static' \
  cargo build --locked --release --target "$triple" --target-dir "$target/static" "${packages[@]}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unshared=(unshare)
[ "$(id -u)" = 0 ] || unshared+=(--map-root-user)
mkdir -p "$out"
for service in "${services[@]}"; do
  python3 deploy/images/oci.py build --name "ntbcare/$service" --version "$version" --revision "$revision" \
    --binary "$target/static/$triple/release/$service" --output "$out/$service.oci.tar"
  # What is in the image starts with nothing else around it.
  python3 deploy/images/oci.py unpack "$out/$service.oci.tar" "$work/$service"
  "${unshared[@]}" --root="$work/$service" "/$service" --version >/dev/null \
    || { echo "$service does not start from its image" >&2; exit 1; }
  printf 'images: %-45s %4d MiB\n' "$out/$service.oci.tar" "$(($(stat -c %s "$out/$service.oci.tar") / 1048576))"
done
