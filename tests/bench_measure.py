"""Boots that measure: user/bench/forkbench.c on one kernel, with every kernel given the same machine.

Two clocks. By count, QEMU's time is the number of instructions that the guest has executed (-icount shift=0): a
nanosecond is an instruction, and the same kernel and program give the same numbers on every machine and every run. By
time, QEMU runs freely.

The processor is one without fast string instructions, since those count as one instruction whatever they move.
"""

import dataclasses
import os
import re
import statistics
import subprocess
import tempfile
import time

import machine

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build")
INITRD = os.path.join(BUILD, "initramfs.cpio.gz")

CPU = "max,-erms,-fsrm"
# Where programs lie in memory is drawn by lot, from the seed; a boot for each shows what is luck.
SEEDS = (1, 2, 3)
RESULT = re.compile(r"^#### bench (\S+) (\d+)$", re.MULTILINE)


class Failed(Exception):
    """A boot that did not measure what it was to."""


@dataclasses.dataclass(frozen=True)
class Kernel:
    label: str
    path: str

    def log(self, what):
        folder = os.path.join(BUILD, "logs")
        os.makedirs(folder, exist_ok=True)
        return os.path.join(folder, f"bench-{self.label}-{what}.log")


def counting(seed=1):
    """QEMU's options for a count."""
    return ("-icount", "shift=0,sleep=off", "-seed", str(seed), "-rtc", "base=2026-01-01,clock=vm")


def measure(kernel, rows, log_path, seed=None, options="", memory="1G", smp=1):
    """{row: result} of one boot with these options of forkbench: by count with a seed, by time without one."""
    boot = machine.run(
        machine.Machine(
            kernel=kernel.path,
            initrd=INITRD,
            command_line=f"quiet -- run /bench/forkbench {options} {','.join(rows)}",
            smp=smp,
            memory=memory,
            cpu=CPU,
            accelerator="tcg,thread=multi" if seed is None else "tcg",
            extra=() if seed is None else counting(seed),
        ),
        log_path,
        silence=1800,
        deadline=3600,
    )
    results = {name: int(value) for name, value in RESULT.findall(boot.text)}
    missing = [name for name in rows if name not in results]
    if boot.ended != "exit" or missing:
        raise Failed(f"{kernel.label}: no result of {', '.join(missing)} ({boot.ended}):\n{boot.tail(15)}")
    return results


def middle(results):
    """The median of each row, of several boots' results."""
    return {name: int(statistics.median(result[name] for result in results)) for name in results[0]}


def seconds_to_init(kernel):
    """From when the loader jumps into the kernel until its first program says so, both as the host's clock has it.

    The last thing that a loader reads from QEMU's fw_cfg device is where to jump to.
    """
    first_heard = None

    def hear(text):
        nonlocal first_heard
        if first_heard is None and RESULT.search(text):
            first_heard = time.time()

    with tempfile.TemporaryDirectory() as folder:
        trace = os.path.join(folder, "trace")
        machine.run(
            machine.Machine(
                kernel=kernel.path,
                initrd=INITRD,
                command_line="quiet rdinit=/bench/forkbench -- boot",
                smp=1,
                memory="1G",
                cpu=CPU,
                extra=("-msg", "timestamp=on", "-trace", "fw_cfg_read", "-trace", "fw_cfg_select", "-D", trace),
            ),
            kernel.log("boot"),
            hear=hear,
            stop=RESULT.pattern,
        )
        with open(trace, encoding="utf-8") as file:
            reads = re.findall(r"^\d+@(\d+\.\d+):", file.read(), re.MULTILINE)
    if first_heard is None or not reads:
        raise Failed(f"{kernel.label}: the time of boot could not be had")
    return first_heard - float(reads[-1])


def image_bytes(path):
    """What a loader reads of an ELF kernel; the size of any other file."""
    lines = subprocess.run(["readelf", "-lW", path], capture_output=True, text=True, check=False).stdout.splitlines()
    sizes = [int(line.split()[4], 16) for line in lines if line.split()[:1] == ["LOAD"]]
    return sum(sizes) or os.path.getsize(path)


def qemu_version():
    text = subprocess.run(["qemu-system-x86_64", "--version"], capture_output=True, text=True, check=True).stdout
    return re.search(r"version (\d+\.\d+)", text).group(1)


def compiler_version(kernel):
    """Of the compiler that made a kernel, by its debugging information."""
    with open(kernel, "rb") as file:
        found = re.search(rb"GNU C\d+ (\d+\.\d+)", file.read())
    return found.group(1).decode() if found else "unknown"
