# shellcheck shell=bash
# Debian packages, and the rights PostgreSQL's own user needs. Sourced by setup.sh.

# Runs a command as root: directly, or by sudo (which asks for a password only at a terminal).
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif have sudo && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then sudo "$@"
  else fail "root is needed for: $* — run it as root, then run this again"; fi
}

# Tells whether what a package is wanted for is there already, from wherever it came.
present() {
  case $1 in
    stdlib.h) [ -f /usr/include/stdlib.h ] ;;
    ca-certificates.crt) [ -s /etc/ssl/certs/ca-certificates.crt ] ;;
    ensurepip) have python3 && python3 -c 'import ensurepip, venv' 2>/dev/null ;;
    initdb) [ -x "$postgres_bin/initdb" ] ;;
    *.ttf) find /usr/share/fonts -name "$1" -print -quit 2>/dev/null | grep -q . ;;
    *) have "$1" ;;
  esac
}

# Takes `what:package` pairs and installs the packages whose `what` is missing.
ensure_debian_packages() {
  local pair missing=()
  for pair in "$@"; do present "${pair%%:*}" || missing+=("${pair#*:}"); done
  [ ${#missing[@]} -gt 0 ] || return 0
  have apt-get || fail "missing: ${missing[*]}. This set-up installs them on Debian only; install them by hand and run it again"
  say "installing Debian packages: ${missing[*]}"
  as_root apt-get update -qq || fail "the package lists cannot be fetched: is the network there?"
  # No system cluster: the project starts PostgreSQL itself, in var/. The setting lasts for this installation only.
  local no_cluster=/etc/postgresql-common/createcluster.d/ntbcare.conf
  as_root mkdir -p "${no_cluster%/*}"
  echo 'create_main_cluster = false' | as_root tee "$no_cluster" >/dev/null
  local rc=0
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold "${missing[@]}" >"$tools/apt.log" 2>&1 || rc=$?
  as_root rm -f "$no_cluster"
  if [ "$rc" != 0 ]; then
    tail -n 15 "$tools/apt.log" >&2
    fail "these packages did not install: ${missing[*]} (PostgreSQL 15 is what Debian 12 has)"
  fi
  for pair in "$@"; do present "${pair%%:*}" || fail "${pair#*:} is installed, but ${pair%%:*} is still missing"; done
}

# As root, PostgreSQL runs under the user `postgres`, who must be able to pass through every folder above var/.
# Grants just that (search, not list) to that user alone; a plain user's PostgreSQL runs as that user and needs nothing.
ensure_postgres_can_reach() {
  [ "$(id -u)" = 0 ] || return 0
  local part dir=
  local -a parts
  IFS=/ read -ra parts <<<"${1#/}"
  for part in "${parts[@]}"; do
    dir=$dir/$part
    setpriv --reuid=postgres --regid=postgres --init-groups test -x "$dir" && continue
    say "letting the user postgres pass through $dir"
    setfacl -m u:postgres:--x "$dir" 2>/dev/null || chmod o+x "$dir"
  done
}

# promtool tests the alert rules. Taken out of Debian's package without installing it, which would start a server.
ensure_promtool() {
  [ -x "$tools/bin/promtool" ] && return 0
  have promtool && return 0
  have apt-get || fail "promtool is missing; install Prometheus's tools by hand"
  say "fetching promtool"
  local work
  work=$(mktemp -d "$tools/promtool.XXXXXX")
  (cd "$work" && { apt-get download -qq prometheus || { as_root apt-get update -qq && apt-get download -qq prometheus; }; } \
    && dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool) >"$tools/promtool.log" 2>&1 \
    || { cat "$tools/promtool.log" >&2; fail "promtool cannot be fetched from Debian"; }
  mv "$work/usr/bin/promtool" "$tools/bin/promtool"
  rm -rf "$work"
}
