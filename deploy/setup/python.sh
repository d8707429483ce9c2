# shellcheck shell=bash
# Virtual environments under var/tools from hash-pinned requirement files. Sourced by setup.sh.

# ensure_venv NAME REQUIREMENTS COMMAND… makes var/tools/NAME hold exactly what REQUIREMENTS pins and links the
# commands into var/tools/bin. It is rebuilt when the file or the Python changes, or when it was left half done.
ensure_venv() {
  local name=$1 file=$here/$2 dir=$tools/$1 wanted command
  shift 2
  wanted="$(sha256sum <"$file" | cut -c1-64) $(python3 -c 'import sys; print(sys.version.split()[0], sys.prefix)') $dir"
  if [ "$(cat "$dir/.installed" 2>/dev/null)" != "$wanted" ]; then
    say "installing ${file##*/} to var/tools/$name"
    rm -rf "$dir"
    python3 -m venv "$dir" || fail "python3 cannot make virtual environments: python3-venv is missing"
    "$dir/bin/pip" install -q --disable-pip-version-check --no-input --require-hashes --only-binary :all: -r "$file" \
      || fail "pip could not install ${file##*/}; its own message is above"
    echo "$wanted" >"$dir/.installed"
  fi
  for command in "$@"; do ln -sfn "../$name/bin/$command" "$tools/bin/$command"; done
}
