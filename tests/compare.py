"""Runs the same tests on Tine and on Linux and says where they differ.

A line is a case of a suite and how it ended. A difference that docs/differences.md explains is reported as
explained; any other, and any case that fails on Linux, is an error. The format of that file's table is in
tests/README.md.
"""

import fnmatch
import os
import re

import machine
import tap

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DIFFERENCES = os.path.join(ROOT, "docs", "differences.md")
WORDS = {"pass": "ok", "fail": "not ok", "skip": "skipped", None: "absent"}


def read_explanations(path):
    """The (suite pattern, case pattern) rows of every table that begins with `| Test | Case |`."""
    rows, in_table = [], False
    if not os.path.exists(path):
        return rows
    with open(path, encoding="utf-8") as file:
        for line in file:
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if not line.lstrip().startswith("|"):
                in_table = False
            elif [cell.lower() for cell in cells[:2]] == ["test", "case"]:
                in_table = True
            elif in_table and len(cells) >= 2 and not re.fullmatch(r"[-: ]+", cells[0]):
                rows.append((cells[0].strip("`"), cells[1].strip("`")))
    return rows


def results_of(boot):
    """{(suite, case): status} of a boot of the tests, how each suite ended among them."""
    results = {}
    for suite in tap.parse(boot.text).suites:
        for case in suite.cases:
            results[suite.name, case.text] = case.status
        results[suite.name, "(ends well)"] = "fail" if list(suite.problems()) else "pass"
    return results


def boot_of(plan, kernel, label, smp, patterns):
    words = " ".join(["quiet -- test", *patterns])
    log = os.path.join(ROOT, "build", "logs", f"compare-{label}-{smp}.log")
    boot = machine.run(plan.machine(kernel=kernel, command_line=words, smp=smp), log, **plan.limits)
    print(f"{label} on {smp} CPUs: {boot.ended} after {boot.seconds:.1f} s", flush=True)
    return boot


def main(plan, linux, _processors):
    suites = plan.suites()
    wanted = [name for name in suites if plan.wants(name)]
    patterns = [] if wanted == suites else wanted
    explanations = read_explanations(DIFFERENCES)
    used = set()
    same = explained = unexplained = 0

    for smp in plan.options.smp or (2,):
        on_tine = boot_of(plan, plan.kernel, "Tine", smp, patterns)
        on_linux = boot_of(plan, linux, "Linux", smp, patterns)
        for label, boot in (("Tine", on_tine), ("Linux", on_linux)):
            if boot.ended != "exit":
                print(f"  {label} did not come to its end ({boot.ended}):")
                print("    | " + boot.tail().replace("\n", "\n    | "))
                unexplained += 1
        tine, real = results_of(on_tine), results_of(on_linux)
        for key in sorted(tine.keys() | real.keys()):
            ours, theirs = tine.get(key), real.get(key)
            if ours == theirs and theirs != "fail":
                same += 1
                continue
            suite, case = key
            row = next(
                (r for r in explanations if fnmatch.fnmatchcase(suite, r[0]) and fnmatch.fnmatchcase(case, r[1])),
                None,
            )
            if row:
                explained += 1
                used.add(row)
            else:
                unexplained += 1
            mark = "explained" if row else "DIFFERS" if ours != theirs else "FAILS ON LINUX TOO"
            print(f"  {mark}: {suite}: {case}")
            print(f"      Tine: {WORDS[ours]}   Linux: {WORDS[theirs]}")

    if not patterns:
        for row in explanations:
            if row not in used:
                print(f"  docs/differences.md explains what does not differ: {row[0]} | {row[1]}")
    print(f"{same} the same, {unexplained} differ, {explained} explained")
    return 0 if same and not unexplained else 1
