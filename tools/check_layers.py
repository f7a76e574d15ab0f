#!/usr/bin/env python3
"""Checks the rules about who may include what.

The rules are the rows of RULES: where they hold, what is forbidden there, and why. Besides, every .c file opens
with a comment that says what it is.
"""

import glob
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# (files, except these, forbidden in a line, why)
RULES = (
    (
        r"(kernel|mm|fs|ipc|include/tine)/.*\.[ch]",
        r"include/tine/arch\.h",
        r'#\s*include\s*[<"](arch/|asm/)',
        "generic code reaches the machine through include/tine/arch.h only",
    ),
    (
        r"(kernel|mm|fs|ipc)/.*\.c",
        r"",
        r"\b(asm|__asm__)\b\s*(volatile|__volatile__)?\s*\(",
        "machine instructions belong in arch/",
    ),
    (
        r"(mm|fs)/.*\.[ch]",
        r"",
        r'#\s*include\s*[<"]tine/(fork|exit|wait|ptrace)\.h',
        "mm and fs know nothing of how processes are made and ended",
    ),
    (
        r"(arch|kernel|mm|fs|ipc|include)/.*\.[chS]",
        r"",
        r'#\s*include\s*"?[<"]?(\.\./|.*\.c[>"])',
        "headers are found through include/, and no .c file includes another",
    ),
    (
        r"include/uapi/.*\.h",
        r"",
        r'#\s*include\s*[<"](?!uapi/|std(int|def|arg|bool)\.h)',
        "a header of the ABI stands on other headers of the ABI only",
    ),
    (
        r"(arch|kernel|mm|fs|ipc|include)/.*\.[chS]",
        r"include/tine/(types|string)\.h",  # which stand for the host's in unit tests
        r'#\s*include\s*[<"](stdio|stdlib|string|unistd|errno|signal|sys/\w+|linux/.*)\.h',
        "the kernel has no C library",
    ),
)


def sources():
    for folder in ("arch", "kernel", "mm", "fs", "ipc", "include"):
        yield from glob.glob(f"{folder}/**/*.[chS]", recursive=True)


def without_comments(text):
    """The text with comments blanked out, its lines kept."""
    return re.sub(r"/\*.*?\*/|//[^\n]*", lambda m: "\n" * m[0].count("\n"), text, flags=re.DOTALL)


def problems_in(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if path.endswith(".c") and not re.match(r"\s*(/\*|//)", text):
        yield 1, "a .c file opens with a comment that says what it owns"
    for number, line in enumerate(without_comments(text).splitlines(), 1):
        for files, exempt, forbidden, why in RULES:
            if re.fullmatch(files, path) and not (exempt and re.fullmatch(exempt, path)):
                if re.search(forbidden, line):
                    yield number, f"{line.strip()}: {why}"


def main():
    os.chdir(ROOT)
    failed = False
    for path in sorted(sources()):
        for number, problem in problems_in(path):
            print(f"{path}:{number}: {problem}")
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
