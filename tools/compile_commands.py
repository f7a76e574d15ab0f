#!/usr/bin/env python3
"""Writes the compilation database that editors read: compile_commands.py OUT 'COMPILER FLAGS' FILE... [-- ...]

Each group, separated by --, is one command and the files it compiles.
"""

import json
import os
import sys


def groups_of(arguments):
    group = []
    for argument in arguments + ["--"]:
        if argument == "--":
            if len(group) > 1:
                yield group[0], group[1:]
            group = []
        else:
            group.append(argument)


def main(out, *arguments):
    entries = [
        {"directory": os.getcwd(), "file": file, "command": f"{command} -c {file}"}
        for command, files in groups_of(list(arguments))
        for file in files
    ]
    with open(out, "w", encoding="utf-8") as file:
        json.dump(entries, file, indent=1)
    print(f"{out}: {len(entries)} files")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
