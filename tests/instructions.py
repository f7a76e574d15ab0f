"""The record of what each operation costs on Tine, in guest instructions, and the comparison with it.

tests/instructions.txt is written by `make record`. A change of the kernel that makes an operation dearer changes the
record in the same commit, so that the price is seen. Counts depend on the compiler, and are compared only if the
kernel was made by the one that the record names.
"""

import os

import bench_rows
from bench_measure import Failed, Kernel, compiler_version, measure

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "instructions.txt")
TOLERANCE = 0.03

HEAD = """\
# Guest instructions of each operation of user/bench/forkbench.c on Tine, with programs
# at fixed places; `make record` writes this file.
"""


def count(kernel, log_path):
    """{row: instructions}. Programs lie at fixed places, lest a change of the kernel changes their luck."""
    return measure(kernel, bench_rows.QUICK, log_path, seed=1, options="-f")


def write_record(kernel):
    counts = count(kernel, kernel.log("instructions"))
    with open(PATH, "w", encoding="ascii") as file:
        file.write(HEAD)
        file.write(f"{'compiler':<28}{compiler_version(kernel.path):>8}\n")
        for name, value in counts.items():
            file.write(f"{name:<28}{value:>8}\n")


def read_record():
    """(the compiler's version, {row: instructions})"""
    with open(PATH, encoding="ascii") as file:
        rows = dict(line.split() for line in file if not line.startswith("#"))
    compiler = rows.pop("compiler")
    return compiler, {name: int(value) for name, value in rows.items()}


def compare(recorded, counts):
    """Yields (row, what is wrong or None, what else there is to say or None)."""
    for name in bench_rows.QUICK:
        if name not in recorded:
            yield name, "there is no record of it; make record writes one", None
            continue
        before, after = recorded[name], counts[name]
        change = f"{before:,} instructions by the record, {after:,} now ({(after - before) / before:+.1%})"
        grown = after > before * (1 + TOLERANCE)
        shrunk = after < before * (1 - TOLERANCE)
        yield (
            name,
            f"{change}; if it has to be so, commit what make record writes" if grown else None,
            f"{change}: make record" if shrunk else None,
        )


def check(path, log_path):
    """(the rows as compare() has them, why nothing was compared or None). Raises Failed."""
    compiler, recorded = read_record()
    made_by = compiler_version(path)
    if made_by != compiler:
        return [], f"the record is of kernels made by gcc {compiler}, and this one was made by gcc {made_by}"
    return list(compare(recorded, count(Kernel("Tine", path), log_path))), None
