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

# name in forkbench.c, what it is
MEASUREMENTS = (
    ("boot", "from boot to this program's start"),
    ("null-syscall", "a system call that does nothing"),
    ("fork-exit-wait", "fork, _exit, wait"),
    ("vfork-exit-wait", "vfork, _exit, wait"),
    ("fork-exec-wait", "fork, exec, exit, wait"),
    ("thread-create-join", "a thread: clone, exit, wait for it"),
    ("pthread-create-join", "musl's pthread_create, pthread_join"),
    ("write-after-fork", "first write to a page after fork"),
    ("fork-1-MiB", "fork alone, 1 MiB touched"),
    ("fork-256-MiB", "fork alone, 256 MiB touched"),
    ("pipe-round-trip", "a byte through a pipe and back"),
    ("sched-yield", "sched_yield with nobody else"),
    ("first-touch", "first touch of an anonymous page"),
)


def measure(kernel, label):
    """{name: nanoseconds} on one kernel, what reading the clock costs already taken off."""
    log = os.path.join(BUILD, "logs", f"bench-{label}.log")
    os.makedirs(os.path.dirname(log), exist_ok=True)
    boot = machine.run(
        machine.Machine(
            kernel=kernel,
            initrd=os.path.join(BUILD, "initramfs.cpio.gz"),
            command_line="quiet -- run /bench/forkbench",
            smp=1,
            memory="1G",
            cpu="max,-erms,-fsrm",
            accelerator="tcg",
            extra=("-icount", "shift=0,sleep=off"),
        ),
        log,
    )
    results = {name: int(value) for name, value in re.findall(r"^#### bench (\S+) (\d+)$", boot.text, re.M)}
    clock = results.get("clock", 0)
    results = {name: value - clock for name, value in results.items()}
    if boot.ended != "exit" or any(name not in results for name, _ in MEASUREMENTS):
        print(f"{label}: the benchmark did not come to its end ({boot.ended}):")
        print("    | " + boot.tail().replace("\n", "\n    | "))
        return None
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tine", default=os.path.join(BUILD, "tine.elf"))
    parser.add_argument("--linux", help="a Linux kernel image to compare with")
    options = parser.parse_args()

    columns = {"Tine": measure(options.tine, "Tine")}
    if options.linux:
        columns["Linux"] = measure(options.linux, "Linux")
    print(f"{'guest instructions':<36}" + "".join(f"{label:>14}" for label in columns))
    for name, what in MEASUREMENTS:
        cells = [f"{r[name]:>14,}" if r else f"{'-':>14}" for r in columns.values()]
        print(f"{what:<36}" + "".join(cells))
    return 0 if all(columns.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
