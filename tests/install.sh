#!/usr/bin/env bash
# Installs a build into a folder of its own; builds a connector against what was installed, with
# CMake and with pkg-config; loads it; looks at what the connectors export.
set -euo pipefail
build=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { printf 'FAIL %s\n' "$*"; exit 1; }

DESTDIR="$work/root" cmake --install "$build" >"$work/log" || { cat "$work/log"; fail install; }
pc=$(find "$work/root" -name wess-sdk.pc)
config=$(find "$work/root" -name wess-sdk-config.cmake)
[ -n "$pc" ] && [ -n "$config" ] || fail "the SDK's package files are not installed"
export PKG_CONFIG_PATH=${pc%/*}
plugins=$(pkg-config --variable=connectordir wess-sdk)
for name in ews workbooks vdir imap-tags; do
    [ -f "$plugins/$name.so" ] || fail "connector $name is not in $plugins"
done
echo "ok   installed"

exports() { nm -D --defined-only "$1" | awk '$2 ~ /[TDBRVW]/ && $3 !~ /^(__|_init|_fini)/ {print $3}'; }
for so in "$plugins"/*.so; do
    [ "$(exports "$so" | grep -v san_)" = wess_connector_v1 ] ||
        fail "$so exports more than its one function: $(exports "$so" | tr '\n' ' ')"
done
echo "ok   each connector exports one function"

header=$(pkg-config --cflags wess-sdk)
for compiler in "gcc -std=c11 -x c" "clang -std=c11 -x c" "g++ -std=c++11 -x c++" "clang++ -std=c++11 -x c++"; do
    # shellcheck disable=SC2086
    echo '#include <wess/connector.h>' | ${compiler%% *} ${compiler#* } $header -Wall -Wextra \
        -pedantic -Werror -fsyntax-only - || fail "the header alone: $compiler"
done
echo "ok   the header alone, as C11 and C++11"

# shellcheck disable=SC2086
cc -std=c11 -Wall -Wextra -Werror -fPIC -shared -fvisibility=hidden $header \
    -o "$work/pkgconfig.so" "$here/sdk/connector.c"
cmake -S "$here/sdk" -B "$work/cmake" -Dwess-sdk_DIR="${config%/*}" >"$work/log" &&
    cmake --build "$work/cmake" >>"$work/log" || { cat "$work/log"; fail "CMake package"; }
mkdir "$work/plugins"
cp "$work/cmake/nowhere.so" "$work/plugins/"
shown=$(WESS_CONNECTOR_PATH="$work/plugins" "$work/root"/*/*/bin/wess connectors nowhere 2>&1 ||
    WESS_CONNECTOR_PATH="$work/plugins" "$build/bin/wess" connectors nowhere)
grep -q nowhere <<<"$shown" || fail "the connector was not loaded: $shown"
echo "ok   a connector built against the installed SDK loads"

conform=$(find "$work/root" -name wess-conform -type f)
example=$(find "$work/root" -type d -path '*/doc/*/example')
[ -n "$conform" ] && [ -n "$example" ] || fail "wess-conform or the example is not installed"
cmake -S "$example" -B "$work/example" -Dwess-sdk_DIR="${config%/*}" >"$work/log" &&
    cmake --build "$work/example" >>"$work/log" || { cat "$work/log"; fail "the example"; }
"$conform" "$work/example/memory.so" --config "$example/memory.conf" >"$work/log" ||
    { cat "$work/log"; fail "the example does not conform"; }
echo "ok   the installed example, built by itself, conforms: $(tail -n 1 "$work/log")"
status=0
"$conform" "$work/plugins/nowhere.so" --config /dev/null >/dev/null 2>&1 || status=$?
[ "$status" -eq 2 ] || fail "wess-conform without a configuration: status $status"
