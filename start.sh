#!/usr/bin/env bash
# Sets the machine up and starts ArmedMusic.
#
#   ./start.sh            the bot (needs the settings of config/env.example)
#   ./start.sh demo       hear it without any account: simulator and bot in one process
#   ./start.sh test       everything the project promises, as tests
#   -y                    install what is missing without asking
set -euo pipefail
cd "$(dirname "$0")"

assume_yes=${CI:+yes}
args=()
for arg in "$@"; do
  case "$arg" in
    -y | --yes) assume_yes=yes ;;
    *) args+=("$arg") ;;
  esac
done
command=${args[0]:-run}

say() { printf '%s\n' "$*" >&2; }

fail() {
  say "start.sh: $1"
  exit "${2:-1}"
}

# --- what the build needs ---

missing_tools() {
  command -v cc >/dev/null 2>&1 || command -v gcc >/dev/null 2>&1 || printf 'a C compiler\n'
  command -v c++ >/dev/null 2>&1 || command -v g++ >/dev/null 2>&1 || printf 'a C++ compiler\n'
  command -v make >/dev/null 2>&1 || printf 'make\n'
  command -v cmake >/dev/null 2>&1 || printf 'cmake\n'
}

install_tools() {
  local root=()
  [ "$(id -u)" -eq 0 ] || root=(sudo)
  if command -v apt-get >/dev/null 2>&1; then
    "${root[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -qq gcc g++ libc6-dev make cmake >&2
  elif command -v dnf >/dev/null 2>&1; then
    "${root[@]}" dnf install -y gcc gcc-c++ make cmake >&2
  elif command -v pacman >/dev/null 2>&1; then
    "${root[@]}" pacman -S --noconfirm --needed gcc make cmake >&2
  elif command -v apk >/dev/null 2>&1; then
    "${root[@]}" apk add --no-cache gcc g++ musl-dev make cmake >&2
  elif command -v zypper >/dev/null 2>&1; then
    "${root[@]}" zypper --non-interactive install gcc gcc-c++ make cmake >&2
  elif command -v brew >/dev/null 2>&1; then
    brew install cmake >&2
  else
    fail "no package manager that I know; install a C and C++ compiler, make and cmake, then start again"
  fi
}

set_up() {
  command -v cargo >/dev/null 2>&1 || fail "Rust is missing: see https://rustup.rs, then start again"
  local missing
  missing=$(missing_tools | paste -sd, - | sed 's/,/, /g')
  [ -n "$missing" ] || return 0
  say "Missing for the audio codec's build (libopus): $missing."
  if [ "${assume_yes:-}" != yes ]; then
    [ -t 0 ] || fail "run again with -y to let the package manager install it"
    printf 'Install it with the package manager now? [Y/n] ' >&2
    read -r answer
    case "$answer" in
      '' | y | Y | yes) ;;
      *) fail "nothing was installed" ;;
    esac
  fi
  install_tools
  missing=$(missing_tools | paste -sd, - | sed 's/,/, /g')
  [ -z "$missing" ] || fail "still missing after the installation: $missing"
}

# --- the bot's settings ---

load_env() {
  local file
  for file in .env config/.env; do
    if [ -f "$file" ]; then
      set -a
      # shellcheck disable=SC1090
      . "./$file"
      set +a
      say "Settings read from $file."
    fi
  done
}

check_settings() {
  local name missing=()
  for name in API_ID API_HASH BOT_TOKEN STRING_SESSION; do
    [ -n "${!name:-}" ] || missing+=("$name")
  done
  [ "${#missing[@]}" -eq 0 ] && return 0
  say "The bot needs settings that are not there:"
  for name in "${missing[@]}"; do
    say "  $name  $(sed -n "s/^# $name: //p" config/env.example)"
  done
  say "Copy config/env.example to .env, fill it in and start again."
  say "Without an account, ./start.sh demo lets you hear it now."
  exit 78
}

case "$command" in
  run)
    load_env
    check_settings
    set_up
    cargo build --release
    exec cargo run --release --quiet -- run
    ;;
  demo)
    set_up
    cargo build --release
    exec cargo run --release --quiet -- demo "${args[@]:1}"
    ;;
  test)
    set_up
    # most tests wait for a network or for music
    export RUST_TEST_THREADS=${RUST_TEST_THREADS:-$(($(nproc) * 3 / 2))}
    exec cargo test --workspace "${args[@]:1}"
    ;;
  *)
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 64
    ;;
esac
