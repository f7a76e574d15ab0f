"""What `make bench` leaves: a table on the terminal, CSV and SVG in build/bench/, docs/benchmarks.md, README's table."""

import csv
import dataclasses
import os
import re
import subprocess

from bench_measure import BUILD, CPU, ROOT, SEEDS, compiler_version, qemu_version
from bench_rows import CLAIMS, LARGE, LARGE_MEMORY, PLOTS, ROWS, TIMES_FASTER

FOLDER = os.path.join(BUILD, "bench")
DOCUMENT = os.path.join(ROOT, "docs", "benchmarks.md")
README = os.path.join(ROOT, "README.md")
README_BEGIN = "<!-- what it costs: `make bench` writes what is here -->\n"
README_END = "<!-- end of what it costs -->\n"


@dataclasses.dataclass
class Results:
    counts: dict = dataclasses.field(default_factory=dict)  # {kernel: {row: instructions}}
    times: dict = dataclasses.field(default_factory=dict)  # {kernel: {row: nanoseconds}}
    rates: dict = dataclasses.field(default_factory=dict)  # {(kernel, CPUs): forks a second}
    claims: dict = dataclasses.field(default_factory=dict)  # {kernel: {claim: number}}


def verdict(is_met):
    return "met" if is_met else "missed"


# ---- tables: a list of columns' names, and rows of as many cells -------------------------------------


def counts_table(counts):
    head = ["Operation", "Tine", "Linux", "Linux / Tine", "at most", ""]
    rows = []
    for row in (*ROWS, *LARGE):
        tine, linux = counts["Tine"][row.name], counts["Linux"][row.name]
        wanted = [f"{row.target:,}", verdict(tine <= row.target)] if row.target else ["", ""]
        rows.append([row.what, f"{tine:,}", f"{linux:,}", f"{linux / tine:,.1f}", *wanted])
    return head, rows


def times_table(times):
    head = ["Operation", "Tine, µs", "Linux, µs", "Linux / Tine", "at least", ""]
    rows = []
    for row in ROWS:
        tine, linux = times["Tine"][row.name], times["Linux"][row.name]
        rows.append(
            [
                row.what,
                f"{tine / 1000:,.2f}",
                f"{linux / 1000:,.2f}",
                f"{linux / tine:,.1f}",
                str(TIMES_FASTER),
                verdict(linux >= TIMES_FASTER * tine),
            ]
        )
    return head, rows


def claims_table(claims):
    head = ["", "Tine", "Linux", "wanted", ""]
    rows = []
    for claim in CLAIMS:
        show = lambda number, c=claim: "" if number is None else f"{number:,.{c.digits}f} {c.unit}".rstrip()
        tine, linux = claims["Tine"].get(claim.name), claims["Linux"].get(claim.name)
        is_met = tine >= claim.target if claim.at_least else tine <= claim.target
        bound = f"at {'least' if claim.at_least else 'most'} {claim.target:,}"
        rows.append([claim.what, show(tine), show(linux), bound, verdict(is_met)])
    return head, rows


def plot_table(plot, counts):
    head = [plot.axis, "Tine", "Linux"]
    return head, [[f"{x:,}", f"{counts['Tine'][row]:,}", f"{counts['Linux'][row]:,}"] for x, row in plot.points]


def rates_table(rates):
    processors = sorted({smp for _, smp in rates})
    head = ["CPUs", "Tine, forks a second", "Linux, forks a second"]
    return head, [[str(n), f"{rates['Tine', n]:,.0f}", f"{rates['Linux', n]:,.0f}"] for n in processors]


def as_markdown(table):
    head, rows = table
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)


def as_text(table):
    head, rows = table
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    lines = []
    for row in (head, *rows):
        first, *rest = zip(row, widths)
        lines.append("  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]).rstrip())
    return "\n".join(lines) + "\n"


# ---- build/bench/ --------------------------------------------------------------------------------------


def write_csv(name, head, rows):
    path = os.path.join(FOLDER, f"{name}.csv")
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, *rows])
    return path


def write_all_csv(results):
    for name, found in (("instructions", results.counts), ("nanoseconds", results.times), ("claims", results.claims)):
        rows = [[row, found["Tine"][row], found["Linux"].get(row, "")] for row in found["Tine"]]
        write_csv(name, ["row", "Tine", "Linux"], rows)


GNUPLOT = """\
set terminal svg size 720,480 font 'sans-serif,14' background 'white'
set output '{output}'
set datafile separator ','
set key top left
set grid
set title '{title}'
set xlabel '{axis}'
set ylabel '{unit}'
{scale}
plot '{path}' using 1:2 with linespoints lw 2 pt 7 title 'Tine', \\
     '{path}' using 1:3 with linespoints lw 2 pt 5 title 'Linux 6.1'
"""


def draw(name, rows, **words):
    path = write_csv(name, ["x", "Tine", "Linux"], rows)
    script = GNUPLOT.format(path=path, output=os.path.join(FOLDER, f"{name}.svg"), **words)
    subprocess.run(["gnuplot"], input=script, text=True, check=True)


def draw_all(results):
    for plot in PLOTS:
        rows = [[x, results.counts["Tine"][row], results.counts["Linux"][row]] for x, row in plot.points]
        draw(plot.name, rows, title=plot.title, axis=plot.axis, unit="guest instructions", scale="set logscale xy")
    processors = sorted({smp for _, smp in results.rates})
    rows = [[n, results.rates["Tine", n], results.rates["Linux", n]] for n in processors]
    words = {"title": "fork, exit and wait, by as many processes as there are CPUs", "axis": "CPUs"}
    draw("forks-a-second", rows, unit="forks a second", scale="set yrange [0:*]\nset xtics 1", **words)


# ---- documents -------------------------------------------------------------------------------------------


def host():
    """This machine, in general words."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        text = file.read()
    makers = {"GenuineIntel": "Intel", "AuthenticAMD": "AMD"}
    maker = re.search(r"^vendor_id\s*: (\S+)", text, re.MULTILINE)
    name = makers.get(maker.group(1), maker.group(1)) if maker else "another"
    return f"an x86-64 machine by {name} with {os.cpu_count()} CPUs"


def linux_version(path):
    """The version in a bzImage's header: its offset is at 0x20e (Documentation/x86/boot.rst, kernel_version)."""
    with open(path, "rb") as file:
        image = file.read(1 << 16)
    start = int.from_bytes(image[0x20E:0x210], "little") + 0x200
    return image[start : image.index(b"\0", start)].decode().split()[0]


TEXT = """\
# What creating costs

`make bench` wrote this page, and measures everything on it again. Both kernels run the same static program,
`user/bench/forkbench.c`, from the same initramfs, in the same QEMU with the same options; the program says for each row what exactly is
done. Rounds to warm up come first, what follows is averaged, and what reading the clock costs is taken off.

- Tine is the release build, made by gcc {compiler}. Linux is Debian's {linux} with its own defaults.
- QEMU {qemu}, TCG, `-machine q35 -cpu {cpu}`, 1 GiB, one CPU except where it says otherwise, on {host}. The processor
  is one without fast string instructions, since QEMU counts those as one instruction whatever they move.
- Pages are small ones on both: Linux is asked not to make huge ones of the memory that is touched.

## Instructions

Instructions of the guest, kernel and program together, as QEMU counts them (`-icount shift=0,sleep=off`). They are the same on
every machine and in every run. Each is the median of {seeds} boots, which differ in where programs lie in memory; 1 GiB and 4 GiB were measured in
{large}, on Linux once. `at most` is what is wanted of Tine.

{counts}
## Time

The same rows without counting: microseconds under plain TCG, the median of {boots}. Wanted is that Tine is faster
so many times, `at least`.

{times}
## Other numbers

{claims}
Memory is what `/proc/meminfo` has less of as `MemFree` for each of 1,000 children in `pause()`. Boot is from the last thing that the loader
reads from QEMU to the first line of an init that only prints it, without counting. Linux's image is compressed, Tine's is not.

## What the cost grows with

Instructions of fork alone, until it has returned in the parent; `build/bench/` has the plots, and all numbers as CSV. These boots have {large}.
"""


def write_document(kernels, results, how_timed):
    text = TEXT.format(
        compiler=compiler_version(kernels[0].path),
        linux=linux_version(kernels[1].path),
        qemu=qemu_version(),
        cpu=CPU,
        host=host(),
        seeds=len(SEEDS),
        large=LARGE_MEMORY.replace("G", " GiB"),
        boots=how_timed,
        counts=as_markdown(counts_table(results.counts)),
        times=as_markdown(times_table(results.times)),
        claims=as_markdown(claims_table(results.claims)),
    )
    for plot in PLOTS:
        text += f"\n### By {plot.axis}\n\n{as_markdown(plot_table(plot, results.counts))}"
    text += "\n## Forks a second\n\nRounds of fork, `_exit` and wait, by as many processes at once as there are CPUs, without counting.\n"
    if os.cpu_count() < max(smp for _, smp in results.rates):
        text += f"The host has {os.cpu_count()} CPUs: with more than those, the guest's wait for each other.\n"
    text += "\n" + as_markdown(rates_table(results.rates))
    with open(DOCUMENT, "w", encoding="utf-8") as file:
        file.write(text)


def write_readme(counts):
    head = ["", "Tine", "Linux 6.1"]
    rows = [
        [row.what, f"{counts['Tine'][row.name]:,}", f"{counts['Linux'][row.name]:,}"] for row in ROWS if row.headline
    ]
    with open(README, encoding="utf-8") as file:
        text = file.read()
    before, rest = text.split(README_BEGIN)
    after = rest.split(README_END)[1]
    with open(README, "w", encoding="utf-8") as file:
        file.write(before + README_BEGIN + as_markdown((head, rows)) + README_END + after)


def write(kernels, results, how_timed):
    os.makedirs(FOLDER, exist_ok=True)
    write_all_csv(results)
    draw_all(results)
    write_document(kernels, results, how_timed)
    write_readme(results.counts)
    for title, table in (
        ("Guest instructions", counts_table(results.counts)),
        ("Time", times_table(results.times)),
        ("Other numbers", claims_table(results.claims)),
        ("Forks a second", rates_table(results.rates)),
    ):
        print(f"\n{title}\n\n{as_text(table)}", end="")
    print("\ndocs/benchmarks.md and README.md are up to date; plots and CSV are in build/bench/.")
