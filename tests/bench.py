#!/usr/bin/env python3
"""Measures user/bench/forkbench.c, on Tine and on Linux.

    bench.py [--rows a,b]       instructions on Tine (on Linux too with --linux): seconds
    bench.py --record           the same, into tests/instructions.txt, which `make test` compares with
    bench.py --report --linux K everything that bench_rows.py has, by count and by time, on both: tables, plots in
                                build/bench/, docs/benchmarks.md and README's table

How it is measured is in bench_measure.py.
"""

import argparse
import os
import statistics
import sys
import time

import bench_report
import bench_rows
import instructions
from bench_measure import (
    BUILD,
    SEEDS,
    Failed,
    Kernel,
    image_bytes,
    measure,
    middle,
    seconds_to_init,
)

TIMED_BOOTS = 5
TIMED_MS = 30  # at least, for each row of each such boot
RATE_BOOTS = 3  # for each number of CPUs
PROCESSORS = (1, 2, 3, 4)


class Progress:
    """One line for each boot, or few of them."""

    def __init__(self):
        self.started = time.monotonic()

    def __call__(self, kernel, what, work):
        print(f"{time.monotonic() - self.started:6.0f} s  {kernel.label:<6} {what:<44}", end="", flush=True)
        before = time.monotonic()
        try:
            return work()
        finally:
            print(f"{time.monotonic() - before:7.1f} s", flush=True)


def measure_counts(kernels, results, progress):
    for kernel in kernels:
        boots = [
            progress(
                kernel,
                f"instructions, seed {seed} of {len(SEEDS)}",
                lambda s=seed, k=kernel: measure(k, bench_rows.QUICK, k.log(f"count-{s}"), seed=s),
            )
            for seed in SEEDS
        ]
        results.counts[kernel.label] = middle(boots)
    for kernel in kernels:
        seeds = SEEDS if kernel.label == "Tine" else SEEDS[:1]  # it takes Linux minutes
        boots = [
            progress(
                kernel,
                f"instructions, large, in {bench_rows.LARGE_MEMORY}, seed {seed} of {len(seeds)}",
                lambda s=seed, k=kernel: measure(
                    k, bench_rows.ONCE, k.log(f"large-{s}"), seed=s, memory=bench_rows.LARGE_MEMORY
                ),
            )
            for seed in seeds
        ]
        results.counts[kernel.label] |= middle(boots)


def measure_times(kernels, results, progress):
    """Boots by turns, so that what else the host does meets both kernels."""
    boots = {kernel.label: [] for kernel in kernels}
    for turn in range(TIMED_BOOTS):
        for kernel in kernels:
            boots[kernel.label].append(
                progress(
                    kernel,
                    f"time, boot {turn + 1} of {TIMED_BOOTS}",
                    lambda k=kernel, t=turn: measure(k, bench_rows.QUICK, k.log(f"time-{t}"), options=f"-t {TIMED_MS}"),
                )
            )
    results.times = {label: middle(found) for label, found in boots.items()}


def measure_processors(kernels, results, progress):
    rates = {(kernel.label, smp): [] for kernel in kernels for smp in PROCESSORS}
    for turn in range(RATE_BOOTS):
        for smp in PROCESSORS:
            for kernel in kernels:
                found = progress(
                    kernel,
                    f"forks a second on {smp} CPUs, {turn + 1} of {RATE_BOOTS}",
                    lambda k=kernel, n=smp: measure(k, ["forks-a-second"], k.log(f"cpus-{n}"), smp=n),
                )
                rates[kernel.label, smp].append(found["forks-a-second"])
    results.rates = {key: statistics.median(found) for key, found in rates.items()}


def measure_claims(kernels, results, progress):
    boots = {kernel.label: [] for kernel in kernels}
    for turn in range(TIMED_BOOTS):
        for kernel in kernels:
            what = f"boot to init, {turn + 1} of {TIMED_BOOTS}"
            boots[kernel.label].append(progress(kernel, what, lambda k=kernel: seconds_to_init(k)))
    for kernel in kernels:
        claims = results.claims[kernel.label] = {}
        memory = progress(kernel, "memory of a child", lambda k=kernel: measure(k, ["memory-per-child"], k.log("memory"), seed=1))
        counts = results.counts[kernel.label]
        alone = [counts[row] for _, row in bench_rows.PLOTS[0].points]
        beside = [counts[row] for _, row in bench_rows.PLOTS[2].points]
        claims["memory-per-child"] = memory["memory-per-child"] / 1024
        claims["boot-seconds"] = statistics.median(boots[kernel.label])
        claims["image"] = image_bytes(kernel.path) / 1024
        claims["two-CPUs"] = results.rates[kernel.label, 2] / results.rates[kernel.label, 1]
        claims["same-memory"] = max(alone) / min(alone)
        claims["same-children"] = beside[-1] / beside[0]
    # Linux would have to kill processes for want of memory.
    live = progress(kernels[0], "30,000 processes in 1 GiB", lambda: measure(kernels[0], ["live-children"], kernels[0].log("live"), seed=1))
    results.claims[kernels[0].label]["live-in-1-GiB"] = live["live-children"]


def report(kernels):
    results = bench_report.Results()
    progress = Progress()
    for part in (measure_counts, measure_times, measure_processors, measure_claims):
        part(kernels, results, progress)
    bench_report.write(kernels, results, f"{TIMED_BOOTS} boots of each kernel by turns")


def table(columns, rows):
    print(f"{'guest instructions':<36}" + "".join(f"{label:>14}" for label in columns))
    for name in rows:
        print(f"{name:<36}" + "".join(f"{result[name]:>14,}" for result in columns.values()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tine", default=os.path.join(BUILD, "tine.elf"))
    parser.add_argument("--linux", help="a Linux kernel image to compare with")
    parser.add_argument("--rows", help="these rows of user/bench/forkbench.c, separated by commas")
    parser.add_argument("--memory", default="1G", help=f"of the machine; {bench_rows.LARGE_MEMORY} is enough for any row")
    parser.add_argument("--record", action="store_true", help="write tests/instructions.txt")
    parser.add_argument("--report", action="store_true", help="measure everything, write docs/benchmarks.md")
    options = parser.parse_args()

    kernels = [Kernel("Tine", options.tine)]
    if options.linux:
        kernels.append(Kernel("Linux", options.linux))
    try:
        if options.record:
            instructions.write_record(kernels[0])
        elif options.report:
            report(kernels)
        else:
            rows = options.rows.split(",") if options.rows else bench_rows.QUICK
            table({k.label: measure(k, rows, k.log("count"), seed=1, memory=options.memory) for k in kernels}, rows)
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
