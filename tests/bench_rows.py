"""What `make bench` measures, and what is wanted of it.

A row is one of user/bench/forkbench.c, which says what exactly is done. `target` is the most that it may cost on
Tine, in guest instructions.
"""

import dataclasses

# Linux's time divided by Tine's is to be this at least, in every row.
TIMES_FASTER = 5


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    what: str
    target: int = None
    headline: bool = False  # in README's table too


ROWS = (
    Row("null-syscall", "null system call (getppid, loop included)", 90),
    Row("fork-exit-wait", "fork, `_exit` and wait, small static program", 8000, True),
    Row("vfork-exit-wait", "vfork, `_exit` and wait", 3500, True),
    Row("fork-exec-wait", "fork, execve, `_exit` and wait", 25000, True),
    Row("vfork-exec-wait", "vfork, execve, `_exit` and wait", 18000),
    Row("thread-create-join", "a thread: clone, exit, wait for its futex", 3000, True),
    Row("pthread-create-join", "musl's pthread_create and pthread_join"),
    Row("pipe-round-trip", "pipe round trip between two processes", 1800),
    Row("sched-yield", "sched_yield, nobody else", 150),
    Row("first-touch", "first touch of an anonymous page", 1000),
    Row("write-after-fork", "write to a copy-on-write page", 1500),
    Row("fork-1-MiB", "fork alone, 1 MiB touched", 4000, True),
    Row("fork-16-MiB", "fork alone, 16 MiB touched", 4000),
    Row("fork-64-MiB", "fork alone, 64 MiB touched", 4000),
    Row("fork-256-MiB", "fork alone, 256 MiB touched", 4000, True),
    Row("fork-exit-wait-256-MiB", "fork, `_exit` and wait, 256 MiB touched", 10000),
    Row("fork-500-children", "500 forks of children that live on, each", 6000),
    Row("fork-200-mappings", "fork alone with 200 mappings", 5000),
    Row("fork-2000-mappings", "fork alone with 2,000 mappings", 5000),
    Row("fork-20000-mappings", "fork alone with 20,000 mappings", 5000),
    Row("fork-1000-files", "fork alone, 1,000 open files", 6000),
    Row("fork-exit-wait-1000-files", "fork, `_exit` and wait, 1,000 open files", 12000),
)

# Rows that take minutes on Linux, and memory; measured once there.
LARGE = (
    Row("fork-1-GiB", "fork alone, 1 GiB touched", 4000),
    Row("fork-4-GiB", "fork alone, 4 GiB touched", 4000),
)
LARGE_MEMORY = "6G"


@dataclasses.dataclass(frozen=True)
class Plot:
    """fork's cost against something: a row for each value of it."""

    name: str
    title: str
    axis: str
    points: tuple  # (value, row)


PLOTS = (
    Plot(
        "fork-memory",
        "fork alone, by memory touched",
        "MiB touched",
        tuple((n, f"fork-{n}-MiB") for n in (1, 4, 16, 64, 256)) + ((1024, "fork-1-GiB"), (4096, "fork-4-GiB")),
    ),
    Plot(
        "fork-mappings",
        "fork alone, by mappings",
        "mappings",
        tuple((n, f"fork-{n}-mappings") for n in (10, 100, 200, 1000, 2000, 10000, 20000)),
    ),
    Plot(
        "fork-children",
        "fork alone, by live processes",
        "live processes",
        tuple((n, f"fork-beside-{n}") for n in (10, 100, 1000, 3000, 10000, 30000)),
    ),
)


@dataclasses.dataclass(frozen=True)
class Claim:
    """A number that is no operation's cost. `at_least`: more is better."""

    name: str
    what: str
    unit: str
    target: float = None
    at_least: bool = False
    digits: int = 0


CLAIMS = (
    Claim("memory-per-child", "memory of an idle forked child", "KiB", 24, digits=1),
    Claim("boot-seconds", "from the loader's jump to init", "s", 0.15, digits=3),
    Claim("image", "the kernel's image, as a loader loads it", "KiB", 1024),
    Claim("live-in-1-GiB", "processes that live at once in 1 GiB, of 30,000", "", 30000, True),
    Claim("two-CPUs", "forks a second on 2 CPUs, of those on 1", "times", 1.8, True, 2),
    Claim("same-memory", "fork alone: dearest of 1 MiB to 4 GiB, of cheapest", "times", 1.05, digits=2),
    Claim("same-children", "fork alone: beside 30,000 processes, of beside 10", "times", 1.05, digits=2),
)

# What takes a second or two on Tine: the rows that tests/instructions.txt keeps a record of.
QUICK = tuple(row.name for row in ROWS)
EVERY_COUNT = tuple(
    dict.fromkeys([row.name for row in (*ROWS, *LARGE)] + [row for plot in PLOTS for _, row in plot.points])
)
ONCE = tuple(name for name in EVERY_COUNT if name not in QUICK)
