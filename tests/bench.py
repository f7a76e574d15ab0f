#!/usr/bin/env python3
"""Measures user/bench/forkbench.c on Tine and on Linux, and prints the two side by side.

QEMU counts instructions instead of time (-icount shift=0), so a nanosecond is an instruction of the guest, and
the numbers are the same on every machine and every run. The processor is one without fast string instructions,
since those count as one instruction whatever they move.
"""

import argparse
import os
import re
import sys

import machine

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build")

# What `--rows` is without it: what takes little time and little memory.
QUICK = (
    "boot null-syscall sched-yield pipe-round-trip fork-exit-wait vfork-exit-wait fork-exec-wait vfork-exec-wait "
    "thread-create-join pthread-create-join first-touch write-after-fork fork-1-MiB fork-16-MiB fork-64-MiB fork-256-MiB "
    "fork-exit-wait-256-MiB fork-200-mappings fork-2000-mappings fork-20000-mappings fork-500-children fork-beside-1000 "
    "fork-1000-files fork-exit-wait-1000-files"
).split()


def measure(kernel, label, rows, memory):
    """{row: result} on one kernel."""
    log = os.path.join(BUILD, "logs", f"bench-{label}.log")
    os.makedirs(os.path.dirname(log), exist_ok=True)
    boot = machine.run(
        machine.Machine(
            kernel=kernel,
            initrd=os.path.join(BUILD, "initramfs.cpio.gz"),
            command_line=f"quiet -- run /bench/forkbench {','.join(rows)}",
            smp=1,
            memory=memory,
            cpu="max,-erms,-fsrm",
            accelerator="tcg",
            # One seed and one date: what the kernel draws by lot is the same each time.
            extra=("-icount", "shift=0,sleep=off", "-seed", "1", "-rtc", "base=2026-01-01,clock=vm"),
        ),
        log,
    )
    results = {name: int(value) for name, value in re.findall(r"^#### bench (\S+) (\d+)$", boot.text, re.M)}
    if boot.ended != "exit" or any(name not in results for name in rows):
        print(f"{label}: the benchmark did not come to its end ({boot.ended}):")
        print("    | " + boot.tail().replace("\n", "\n    | "))
        return None
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tine", default=os.path.join(BUILD, "tine.elf"))
    parser.add_argument("--linux", help="a Linux kernel image to compare with")
    parser.add_argument("--rows", help="these rows of user/bench/forkbench.c, separated by commas")
    parser.add_argument("--memory", default="1G", help="of the machine; 6G is enough for all rows")
    options = parser.parse_args()

    rows = options.rows.split(",") if options.rows else QUICK
    columns = {"Tine": measure(options.tine, "Tine", rows, options.memory)}
    if options.linux:
        columns["Linux"] = measure(options.linux, "Linux", rows, options.memory)
    print(f"{'guest instructions':<36}" + "".join(f"{label:>14}" for label in columns))
    for name in rows:
        cells = [f"{r[name]:>14,}" if r else f"{'-':>14}" for r in columns.values()]
        print(f"{name:<36}" + "".join(cells))
    return 0 if all(columns.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
