#!/usr/bin/env python3
"""Counts the kernel's lines against its budget; comments and blank lines do not count.

    count_lines.py        the budgets; fails if a ceiling is exceeded
    count_lines.py -v     each file besides, and the functions longer than FUNCTION_LINES
"""

import glob
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FILE_LINES = 700  # all lines
FUNCTION_LINES = 60

KERNEL = tuple(f"{folder}/**/*.[chS]" for folder in ("arch", "kernel", "mm", "fs", "ipc", "include"))
PROCESSES = tuple(f"kernel/{name}.c" for name in "fork exit wait sched completion pid signal".split())

# (what, files, the budget, the lines that it must not outgrow meanwhile)
BUDGETS = (
    ("the kernel", KERNEL, 25000, 45000),
    ("creating, waiting for and ending processes", PROCESSES, 5000, 5000),
)


def code_lines(text):
    """The lines of `text` that hold more than comments and space."""
    text = re.sub(
        r'"(?:\\.|[^"\\])*"|/\*.*?\*/|//[^\n]*',
        lambda m: m[0] if m[0][0] == '"' else "\n" * m[0].count("\n"),
        text,
        flags=re.DOTALL,
    )
    return sum(bool(line.strip()) for line in text.splitlines())


def long_functions(text):
    """(line, name, length) of functions longer than FUNCTION_LINES, from { to } in the first column."""
    lines = text.splitlines()
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            if number - start > FUNCTION_LINES:
                name = next(
                    (m[1] for l in reversed(lines[: start - 1]) if (m := re.search(r"(\w+)\(", l))), "?"
                )
                yield start, name, number - start
            start = None


def files_of(patterns):
    return sorted({path for pattern in patterns for path in glob.glob(pattern, recursive=True)})


def main(verbose):
    os.chdir(ROOT)
    texts = {}
    for path in files_of(KERNEL):
        with open(path, encoding="utf-8") as file:
            texts[path] = file.read()

    failed = False
    for what, patterns, budget, ceiling in BUDGETS:
        lines = sum(code_lines(texts[path]) for path in files_of(patterns))
        failed |= lines > ceiling
        print(f"  {lines:6} of {budget} lines: {what}{'' if lines <= budget else '   OVER BUDGET'}")
    for path, text in texts.items():
        if verbose:
            print(f"  {code_lines(text):6} {path}")
        if (total := len(text.splitlines())) > FILE_LINES:
            print(f"  note: {path} has {total} lines, more than {FILE_LINES}")
        for line, name, length in long_functions(text) if path.endswith(".c") else ():
            print(f"  note: {path}:{line}: {name} has {length} lines, more than {FUNCTION_LINES}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main("-v" in sys.argv[1:]))
