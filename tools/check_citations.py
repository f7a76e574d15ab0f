#!/usr/bin/env python3
"""Checks every citation of code in the documents.

A citation is `file:name`, such as kernel/fork.c:do_fork. The file must exist, and define a function, struct,
enum, table, variable, macro or label of that name. Links to files, and paths in back quotes, must exist as
well, except those with NAME in them.
"""

import glob
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DOCUMENTS = ("README.md", "docs/**/*.md", "labs/**/*.md", "tests/**/*.md", "user/**/*.md")
TOP = "arch|kernel|mm|fs|ipc|include|user|tests|tools|iso|labs|docs"

CITATION = re.compile(r"(?<![\w/])([\w./-]+\.(?:c|h|S|py|ld|cfg)):([A-Za-z_]\w*)")
PATH = re.compile(rf"`((?:{TOP})/[\w./-]*\w/?)`")
LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)")


def defines(text, name):
    """Whether the source `text` defines `name` in one of the ways that C, assembly and Python have."""
    n = re.escape(name)
    patterns = (
        rf"^[A-Za-z_][^;={{}}]*?\b{n}\s*\(",  # a function, or its declaration in a header
        rf"\b(?:struct|union|enum)\s+{n}\b\s*(?:\{{|$)",
        rf"^\s*#\s*define\s+{n}\b",
        rf"^[A-Za-z_].*\b{n}\b(?:\[[^\]]*\])*\s*(?:=|;|\))",  # a table, a variable, a typedef
        rf"^\s+{n}\b\s*(?:=[^;]*)?(?:,|$)",  # an enumerator
        rf"^\s*(?:\w+\()?{n}\s*(?::|\)|=)",  # a label, ENTRY(name), a symbol in a linker script
        rf"^\s*(?:def|class)\s+{n}\b",
    )
    return any(re.search(pattern, text, re.MULTILINE) for pattern in patterns)


def problems_in(document):
    with open(document, encoding="utf-8") as file:
        lines = file.read().splitlines()
    folder = os.path.dirname(document)
    for number, line in enumerate(lines, 1):
        for path, name in CITATION.findall(line):
            if not os.path.isfile(path):
                yield number, f"{path}:{name}: there is no such file"
                continue
            with open(path, encoding="utf-8") as source:
                if not defines(source.read(), name):
                    yield number, f"{path}:{name}: nothing of that name is defined there"
        for path in PATH.findall(line):
            if "NAME" not in path and not os.path.exists(path):
                yield number, f"{path}: there is no such file"
        for path in LINK.findall(line):
            if not os.path.exists(os.path.join(folder, path)):
                yield number, f"{path}: the link leads nowhere"


def main():
    os.chdir(ROOT)
    failed = False
    documents = sorted({d for pattern in DOCUMENTS for d in glob.glob(pattern, recursive=True)})
    for document in documents:
        for number, problem in problems_in(document):
            print(f"{document}:{number}: {problem}")
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
