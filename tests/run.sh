#!/bin/sh
# All tests of vpim-milter, with everything they need: installs the tools (Postfix, ffmpeg, ...), then
# checks format, lints, documentation, licences, and runs every test against the real programs.
set -eu
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

step "tools"
sh tests/install-tools.sh
rustup component add rustfmt clippy >/dev/null 2>&1 || true

step "format"
cargo fmt --check

step "lints"
cargo clippy --locked --all-targets -- -D warnings

step "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --quiet

step "licences and sources"
command -v cargo-deny >/dev/null 2>&1 || cargo install --quiet --locked cargo-deny
cargo deny --locked --offline check --hide-inclusion-graph licenses bans sources || cargo deny --locked check --hide-inclusion-graph licenses bans sources

step "tests"
# Everything was installed above: a test that skips for want of a tool must fail here. A private Postfix
# wants root.
if [ "$(id -u)" = 0 ]; then
    export VPIM_REQUIRE_MTA=1
else
    echo "not root: the tests with a real Postfix are skipped; run this as root for all of them"
fi
VPIM_REQUIRE_TOOLS=1 cargo test --locked
