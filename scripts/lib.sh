# Shared by the scripts beside it: strict shell, where things are, how to speak and how to stop.
set -euo pipefail
export LC_ALL=C.UTF-8

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bafa_cache=${XDG_CACHE_HOME:-$HOME/.cache}/bafa
cd "$top"

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
fail() {
  say "$*"
  exit 1
}

# version NAME: the value that scripts/versions pins for NAME.
version() {
  local value
  value=$(sed -n "s/^$1=//p" "$top/scripts/versions")
  [ -n "$value" ] || fail "scripts/versions has no line $1=…; add it"
  printf '%s\n' "$value"
}

# quietly LOG COMMAND…: its output goes to LOG; when it fails, the end of it is shown and the script stops.
quietly() {
  local log=$1
  shift
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 </dev/null && return
  tail -n 25 "$log" >&2
  fail "this failed, its output is above and in $log: $*"
}

# build PRESET [TARGET]: configures and builds.
build() {
  local preset=$1 target=${2:-}
  [ -e "build/$preset/build.ninja" ] || say "building build/$preset; the first time takes minutes"
  quietly "build/$preset/configure.log" cmake --preset "$preset"
  cmake --build --preset "$preset" ${target:+--target "$target"} >&2
}
