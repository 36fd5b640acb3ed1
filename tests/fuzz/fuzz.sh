#!/usr/bin/env bash
# tests/fuzz/fuzz.sh BUILD SECONDS [TARGET...]: runs each libFuzzer target for so many seconds, from
# the committed seeds and what earlier runs found (BUILD/corpus). A crash, a leak, a broken property
# or an input that takes over ten seconds: exit status 1, and the file that shows it again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
seconds=$2
shift 2
captures=${WESS_SHARED:-$here/../../../shared}/captures
[ -d "$captures" ] || echo "not there, left out: $captures"
[ $# -gt 0 ] || set -- $(cd "$build/bin" && ls | sed -n 's/^fuzz_//p')

export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1
failed=0 all=0
for target; do
    found=$build/corpus/$target
    log=$build/$target.log
    mkdir -p "$found" "$build/crashes"
    seeds=("$here/corpus/$target")
    case $target in
    xml | ews) [ ! -d "$captures/ews" ] || seeds+=("$captures/ews") ;;
    sandbox_ews) [ ! -d "$captures/ews" ] || seeds+=("$captures/ews") ;;
    esac
    more=()
    [ ! -f "$here/dict/$target.dict" ] || more+=("-dict=$here/dict/$target.dict")
    status=ok
    "$build/bin/fuzz_$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
        -max_len=8192 -print_final_stats=1 -artifact_prefix="$build/crashes/$target-" \
        ${more[@]+"${more[@]}"} "$found" "${seeds[@]}" >"$log" 2>&1 </dev/null || status=FAILED
    execs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -1)
    execs=${execs:-0}
    [ "$execs" -gt 0 ] || status=FAILED
    all=$((all + execs))
    echo "figure fuzz_${target}_execs $execs execs limit 1 $status"
    if [ "$status" != ok ]; then
        failed=$((failed + 1))
        grep -aE 'does not hold|ERROR:|runtime error|SUMMARY|run interrupted' "$log" | head -3 || true
        file=$(sed -n 's/.*Test unit written to *//p' "$log" | tail -1)
        echo "again: $build/bin/fuzz_$target ${file:-(see $log)}"
        echo "kept by a copy in tests/fuzz/corpus/$target/, which the tests run"
    fi
done
echo "fuzz: $# targets, $all inputs, $failed failed"
[ "$failed" -eq 0 ]
