#!/usr/bin/env python3
"""The kernel's table of function names, which backtraces are printed from.

    symtab.py empty                   an empty table, for the first link
    symtab.py table NM FIRST.elf      the table of that link's functions, for the second
    symtab.py check NM FIRST SECOND   fails unless both have the same functions at the same addresses

The table is assembly on standard output. Addresses are 32-bit offsets from _stext, ascending; the name of
function i is the string at symtab_strings + symtab_names[i].
"""

import subprocess
import sys

BASE = "_stext"


def read_symbols(nm, elf):
    """The text symbols of an ELF file as {name: [address, ...]}; local names may occur more than once."""
    listing = subprocess.run([nm, elf], check=True, capture_output=True, text=True).stdout
    symbols = {}
    for line in listing.splitlines():
        fields = line.split()
        if len(fields) == 3 and fields[1] in "tT":
            symbols.setdefault(fields[2], []).append(int(fields[0], 16))
    return symbols


def functions_of(symbols):
    """The (offset, name) pairs that a backtrace can meet, in order of address, one name an address."""
    if BASE not in symbols:
        sys.exit(f"symtab.py: the kernel defines no {BASE}; linker.ld should")
    base = symbols[BASE][0]
    by_offset = {}
    for name in sorted(symbols):
        for address in symbols[name]:
            offset = address - base
            if name != BASE and not name.startswith(".") and 0 <= offset < 1 << 32:
                by_offset.setdefault(offset, name)
    return sorted(by_offset.items())


def print_table(functions):
    out = ['\t.section .rodata.symtab, "a", @progbits']

    def table(label, lines):
        out.extend([f"\t.globl {label}", "\t.balign 4", f"{label}:", *lines])

    table("symtab_count", [f"\t.long {len(functions)}"])
    table("symtab_addresses", [f"\t.long {offset:#x}" for offset, _ in functions])
    positions, blob_size = [], 0
    for _, name in functions:
        positions.append(f"\t.long {blob_size}")
        blob_size += len(name) + 1
    table("symtab_names", positions)
    table("symtab_strings", [f'\t.asciz "{name}"' for _, name in functions] or ['\t.asciz ""'])
    out.append('\t.section .note.GNU-stack, "", @progbits')
    print("\n".join(out))


def check(nm, first, second):
    before, after = read_symbols(nm, first), read_symbols(nm, second)
    moved = [name for name in before if sorted(before[name]) != sorted(after.get(name, []))]
    if moved or before.keys() != after.keys():
        sys.exit(
            f"symtab.py: {len(moved)} functions moved between the two links, the first is "
            f"{min(moved, default='a new one')}: .rodata.symtab must come after all code in linker.ld"
        )


def main(arguments):
    if arguments == ["empty"]:
        print_table([])
    elif len(arguments) == 3 and arguments[0] == "table":
        print_table(functions_of(read_symbols(*arguments[1:])))
    elif len(arguments) == 4 and arguments[0] == "check":
        check(*arguments[1:])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
