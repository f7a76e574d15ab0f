#!/usr/bin/env python3
"""Runs forkstress (user/stress/) on a debug kernel of Tine, which checks the invariants of its memory each second.

Prints its progress, and last `passed` or `failed` with the seed; the exit status is 0 if all was well, and pages and
objects are as before. `make stress` builds what it needs.
"""

import argparse
import os
import re
import sys

import machine
import tap

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build")
LOG = os.path.join(BUILD, "logs", "stress.log")
PASSED = "#### stress passed"
SHOWN = r"forkstress: |#### (stress|counters)|.*Kernel panic|.*BUG|.*WARNING"


class Progress:
    """Prints what is of interest of the text that has come so far, each line once."""

    def __init__(self):
        self.printed = 0

    def __call__(self, text):
        end = text.rfind("\n") + 1
        for line in text[self.printed : end].splitlines():
            if re.match(SHOWN, line):
                print(line, flush=True)
        self.printed = max(end, self.printed)


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kernel", default=os.path.join(BUILD, "debug", "tine.elf"))
    parser.add_argument("--initrd", default=os.path.join(BUILD, "initramfs.cpio.gz"))
    parser.add_argument("--smp", type=int, default=4, help="number of CPUs (4)")
    parser.add_argument("--memory", default="256M")
    parser.add_argument("--seconds", type=int, default=600, help="for how long (600)")
    parser.add_argument("--processes", type=int, default=24, help="at most at a time (24)")
    parser.add_argument("--seed", type=int, help="what an earlier run printed")
    return parser.parse_args()


def problems(boot):
    """What was wrong, a line each."""
    transcript = tap.parse(boot.text)
    if boot.ended != "exit" or boot.status != 0:
        yield f"the machine ended by {boot.ended}"
    if PASSED not in boot.text:
        yield "forkstress did not pass"
    if transcript.counters == "differ":
        yield "something was left behind (name, before, after): " + "; ".join(transcript.counter_differences)
    yield from boot.complaints()


def main():
    options = parse_options()
    words = f"quiet -- run /stress/forkstress -t {options.seconds} -n {options.processes}"
    if options.seed is not None:
        words += f" -s {options.seed}"
    how = machine.Machine(
        kernel=options.kernel, initrd=options.initrd, command_line=words, smp=options.smp, memory=options.memory
    )
    os.makedirs(os.path.dirname(LOG), exist_ok=True)
    boot = machine.run(how, LOG, hear=Progress(), silence=180, deadline=options.seconds * 2 + 300)
    wrong = list(problems(boot))
    for line in wrong:
        print(line)
    print(f"{'failed' if wrong else 'passed'} (all of it: {os.path.relpath(LOG)})")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
