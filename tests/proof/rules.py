"""The proofs can fail: with one rule of the engine left out (core/model/rules.h) crash or chance must go
red, rule by rule. First the same commands with none left out, which must be green.

    rules.py [--quick] [RULE...]     WESS_BUILD names the build; --quick is for a few rules only
    rules.py --absent PROGRAM...     nothing of the switch is in these programs
"""
import os
import re
import subprocess
import sys
import time

BUILD = os.environ.get("WESS_BUILD", "build/release")
LIMIT = 9  # rules that must be caught
SAMPLE, HISTORIES = 1000, 600  # how far both proofs are gone through for a rule

# Where a rule shows first: scenarios to begin with, before the sample and the histories.
FIRST = {
    "unknown_preset": "late-create-soon",
    "journal_first": "late-create-soon",
    "cursor_with_page": "mail-added",
    "before_compared": "same-edit-under-write",
    "settle_first": "late-create-soon",
    "again_flagged": "created-edited-unseen",
    "again_merges": "created-edited-unseen",
    "own_write": "lost-edited-again",
    "culprits_found": "rejected-one",
    "bad_field_parked": "bad-field",
    "whole_snapshot": "many-listed",
    "deletion_proved": "move-untagged",
    "back_held": "back-listed",
    "survivor_followed": "merged-crm",
    "copies_known": "copy-turned",
    "copies_cleared": "cleared",
    "edit_beats_delete": "edit-beats-delete-box",
    "shared_kept": "shared-delete",
    "doubt_waits": "moved-never-made",
    "doubt_looks": "typed-in-doubt",
    "restore_looks": "typed-anew-asked",
    "claims_first": "two-tag-late",
    "untag_outranks": "untag-sticks",
    "ended_stays": "untag-sticks",
    "private_ends": "private-both-chosen",
    "unseen_kept": "rewritten",
    "foreign_seen": "written-then-edited",
    "todo_stays": "edit-under-look-up",
}


def proof(kind, *args):
    """Status, cuts or histories done, and the first complaint."""
    path = os.path.join(BUILD, "bin", f"proof_{kind}_rules")
    done = subprocess.run([path, *args], text=True, capture_output=True,
                          env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))
    if done.returncode not in (0, 1):
        sys.exit(f"{path} {' '.join(args)}: status {done.returncode}: {done.stderr}")
    word = "crash_points" if kind == "crash" else "chance_histories"
    count = re.search(rf"^figure {word} (\d+)", done.stdout, re.M)
    complaint = re.search(r"^FAIL (.*)", done.stdout, re.M)
    failed = re.search(rf"^figure {kind}_failed (\d+)", done.stdout, re.M)
    red = bool(failed and int(failed[1])) or (done.returncode == 1 and not failed)
    return red, int(count[1]) if count else 0, complaint[1] if complaint else ""


def ways(rule):
    first = FIRST.get(rule)
    if first:
        yield "crash", (first, "--sample", "4000")
    yield "crash", ("--sample", str(SAMPLE))
    yield "chance", ("--histories", str(HISTORIES))


def catch(rule):
    for kind, args in ways(rule):
        red, n, complaint = proof(kind, "--without", rule, "--stop", *args)
        if red:
            return f"{kind}, after {n} {'cuts' if kind == 'crash' else 'histories'}: {complaint}"
    return None


def is_green(rules, quick):
    commands = {("crash", (FIRST[r], "--sample", "4000")) for r in rules if r in FIRST}
    if not quick:
        commands |= {("crash", ("--sample", str(SAMPLE))), ("chance", ("--histories", str(HISTORIES)))}
    good = True
    for kind, args in sorted(commands):
        red, n, complaint = proof(kind, "--without", "none", "--stop", *args)
        good &= not red
        print(f"{'RED ' if red else 'ok  '} none left out: {kind} {' '.join(args)}: {n} {complaint}", flush=True)
    return good


def all_rules():
    path = os.path.join(BUILD, "bin", "proof_crash_rules")
    listed = subprocess.run([path, "--rules"], text=True, capture_output=True, check=True).stdout
    return dict(line.split(None, 1) for line in listed.splitlines())


def main(args):
    quick = "--quick" in args
    known = all_rules()
    rules = [a for a in args if not a.startswith("-")] or list(known)
    assert known and set(FIRST) == set(known), "the table of this script is not that of the core"
    began = time.monotonic()
    green = is_green(rules, quick)
    caught = 0
    for rule in rules:
        by = catch(rule)
        caught += bool(by)
        print(f"{'ok  ' if by else 'MISS'} without \"{known[rule].strip()}\" [{rule}]: {by or 'nothing notices'}",
              flush=True)
    print(f"figure rules_seconds {time.monotonic() - began:.0f} s limit 300 "
          f"{'ok' if time.monotonic() - began <= 300 else 'short'}")
    wanted = min(LIMIT, len(rules))
    good = green and caught == len(rules) and caught >= wanted  # a mark that nothing notices is a gap
    print(f"figure rules_caught {caught} rules limit {wanted} {'ok' if good else 'short'}")
    return 0 if good else 1


def absent(programs):
    """The switch is in the programs of the proof, which shows that it would be found, and in no other."""
    says = [text.strip().encode() for text in all_rules().values()]
    bad = 0
    for path in [os.path.join(BUILD, "bin", "proof_crash_rules"), *programs]:
        names = subprocess.run(["nm", path], text=True, capture_output=True, check=True).stdout.split()
        with open(path, "rb") as f:
            content = f.read()
        has = "sync_off" in names or any(text in content for text in says)
        wanted = path.endswith("_rules")
        bad += has != wanted
        print(f"{'ok  ' if has == wanted else 'FAIL'} {path}: the switch is {'in' if has else 'not in'} it")
    return 1 if bad else 0


if __name__ == "__main__":
    if "--absent" in sys.argv:
        sys.exit(absent([a for a in sys.argv[1:] if a != "--absent"]))
    sys.exit(main(sys.argv[1:]))
