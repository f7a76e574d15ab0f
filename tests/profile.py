#!/usr/bin/env python3
"""Says where the instructions of one of user/bench/forkbench.c's measurements go, function by function.

QEMU runs the program until it is about to begin, and from then on one instruction at a time, noting the address of
each. Nothing is sampled: the sum is what tests/bench.py prints, and what reading the clock costs.
"""

import argparse
import bisect
import collections
import json
import os
import re
import socket
import subprocess
import sys
import tempfile

import machine

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build")

KERNEL_HALF = 1 << 63
USER = "(the program)"
TRACE = re.compile(r"^Trace \d+: \S+ \[[0-9a-f]+/([0-9a-f]+)/")
STOPPED = "Stopped execution of TB chain before"  # the instruction of the line before has not run
BEGIN = re.compile(r"^#### profile begin 0x([0-9a-f]+)\n", re.MULTILINE)
END = re.compile(r"^#### profile end\n", re.MULTILINE)


class Symbols:
    """Which function an address of the kernel is in."""

    def __init__(self, kernel):
        lines = subprocess.run(["nm", kernel], check=True, capture_output=True, text=True).stdout.splitlines()
        code = sorted((int(a, 16), name) for a, kind, name in (line.split() for line in lines) if kind in "tTwW")
        self.addresses = [address for address, _ in code]
        self.names = [name for _, name in code]

    def at(self, address):
        """(name, whether address is its first instruction)"""
        if address < KERNEL_HALF:
            return USER, False
        i = bisect.bisect_right(self.addresses, address) - 1
        return self.names[i], self.addresses[i] == address


class Monitor:
    """QEMU's own command line, by way of QMP, in which an answer has an end."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.lines = self.socket.makefile()
        self.execute("qmp_capabilities")

    def execute(self, command, **arguments):
        self.socket.sendall(json.dumps({"execute": command, "arguments": arguments}).encode())
        while not {"return", "error"} & set(json.loads(self.lines.readline())):
            pass

    def command(self, line):
        self.execute("human-monitor-command", **{"command-line": line})


def read_until(stream, pattern):
    text = b""
    while True:
        chunk = os.read(stream.fileno(), 65536)
        text += chunk
        found = pattern.search(machine.clean(text))
        if found:
            return found
        if not chunk:
            sys.exit("the program did not come so far:\n" + machine.clean(text))


def record(kernel, name, rounds, memory, folder):
    """Runs it. The address that is executed between rounds; the log is then in folder."""
    path = os.path.join(folder, "monitor")
    arguments = machine.Machine(
        kernel=kernel,
        initrd=os.path.join(BUILD, "initramfs.cpio.gz"),
        command_line=f"quiet -- run /bench/forkbench profile {name} {rounds}",
        smp=1,
        memory=memory,
        cpu="max,-erms,-fsrm",
        accelerator="tcg",
        extra=(
            *("-icount", "shift=0,sleep=off"),
            *("-qmp", f"unix:{path},server,nowait", "-D", os.path.join(folder, "log")),
        ),
    ).arguments()
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as qemu:
        try:
            mark = int(read_until(qemu.stdout, BEGIN).group(1), 16)
            monitor = Monitor(path)
            monitor.command("singlestep on")
            monitor.command("log exec,nochain")
            qemu.stdin.write(b"\n")
            qemu.stdin.flush()
            read_until(qemu.stdout, END)
            monitor.execute("quit")  # which writes what is left of the log
            qemu.wait()
        finally:
            qemu.kill()
    return mark


def executed(path):
    """The addresses of the instructions that ran, in their order."""
    previous = None
    with open(path, encoding="ascii", errors="replace") as log:
        for line in log:
            if line.startswith(STOPPED):
                previous = None
                continue
            found = TRACE.match(line)
            if not found:
                continue
            if previous is not None:
                yield previous
            previous = int(found.group(1), 16)


def between(addresses, mark):
    """(round, address) of what ran between the first time that mark did and the last."""
    rounds = 0
    for address in addresses:
        rounds += address == mark
        if rounds:
            yield rounds, address


def next_stack(stack, name, is_entry):
    """The functions on the way to name, which runs now, by those on the way to the instruction before."""
    if name == USER:
        return [USER]
    if is_entry:
        return stack + [name]
    while stack and stack[-1] != name:
        stack = stack[:-1]
    return stack or [name]  # another task's stack: who called name does not show


def count(addresses, symbols):
    """Instructions in each function, and in it with all that it calls; how often it was called."""
    alone, together, calls = collections.Counter(), collections.Counter(), collections.Counter()
    stack = []
    for address in addresses:
        name, is_entry = symbols.at(address)
        if is_entry or not stack or name != stack[-1]:
            stack = next_stack(stack, name, is_entry)
        calls[name] += is_entry
        alone[name] += 1
        together.update(set(stack))
    return alone, together, calls


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help="the measurement, as tests/bench.py calls it")
    parser.add_argument("--kernel", default=os.path.join(BUILD, "tine.elf"))
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--memory", default="1G", help="of the machine; 6G is enough for any row")
    parser.add_argument("--lines", type=int, default=60, help="how many functions to show")
    options = parser.parse_args()

    symbols = Symbols(options.kernel)
    with tempfile.TemporaryDirectory() as folder:
        mark = record(options.kernel, options.name, options.rounds, options.memory, folder)
        ran = list(between(executed(os.path.join(folder, "log")), mark))
    ran = [(round, address) for round, address in ran if round <= options.rounds]
    alone, together, calls = count((address for _, address in ran), symbols)
    print(f"{options.name}: {len(ran) // options.rounds:,} instructions")
    print(f"{'alone':>8}{'':>8}{'with calls':>12}{'calls':>8}")
    for name, n in alone.most_common(options.lines):
        print(
            f"{n // options.rounds:>8,}{n / len(ran):>8.1%}{together[name] // options.rounds:>12,}"
            f"{calls[name] / options.rounds:>8.1f}  {name}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
