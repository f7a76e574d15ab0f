#!/usr/bin/env python3
"""Writes docs/clone-flags.md and README's table of clone flags.

    clone_flags.py RULES           writes both
    clone_flags.py --check RULES   fails if one of them is stale

RULES is the program of tools/clone_rules.c. Numbers come from include/uapi/clone.h, refusals from the rules,
what is shared from kernel/fork.c's table of resources, cases from the suites in user/tests, and the words of
each flag from clone_words.py. A suite or case that a word names must exist, and each flag must have words.
"""

import dataclasses
import errno
import os
import re
import subprocess
import sys
import textwrap

import clone_words
from clone_words import FLAGS

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DOCUMENT = "docs/clone-flags.md"
README = "README.md"
BEGIN, END = "<!-- clone flags: `make docs` writes what is here -->\n", "<!-- end of the clone flags -->\n"
WIDTH = 140
STRING = r'"(?:[^"\\]|\\.)*"'


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


# ---- what the kernel's tables say --------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Rule:
    stage: str
    flags: int
    needs: int
    excludes: int
    condition: bool
    error: str
    why: str

    def is_about(self, bit):
        return bool((self.flags | self.needs | self.excludes) & bit)


def read_rules(program):
    output = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    for line in output.splitlines():
        stage, flags, needs, excludes, condition, error, why = line.split("\t")
        yield Rule(
            stage, int(flags, 0), int(needs, 0), int(excludes, 0), condition == "1", errno.errorcode[int(error)], why
        )


def read_numbers():
    """{name: number} of the flags, in the order of their numbers but for CLONE_NEWTIME, which came late."""
    found = re.findall(r"^#define (CLONE_\w+) +(0x[0-9a-f]+)ull", read("include/uapi/clone.h"), re.MULTILINE)
    numbers = {name: int(number, 16) for name, number in found}
    return dict(sorted(numbers.items(), key=lambda item: (item[0] == "CLONE_NEWTIME", item[1])))


def read_resources():
    """{flag: name of the resource that it shares}"""
    table = re.search(r"clone_resources\[\] = \{\n(.*?)\n\};", read("kernel/fork.c"), re.DOTALL)[1]
    return {flag: name for name, flag in re.findall(r'\{ "([^"]+)", +(CLONE_\w+),', table)}


# ---- cases -------------------------------------------------------------------------------------------


def suite_path(suite):
    return f"user/tests/{suite}.c"


def cases_of(suite):
    """The texts of the suite's cases."""
    if not os.path.exists(suite_path(suite)):
        sys.exit(f"tools/clone_words.py: there is no {suite_path(suite)}")
    strings = re.findall(rf"\bTEST\(\s*\w+,\s*((?:{STRING}\s*)+)\)", read(suite_path(suite)))
    return ["".join(part[1:-1] for part in re.findall(STRING, string)) for string in strings]


def shown_by(own, also):
    """[(suite, [case])]: all cases of `own`, if there is such a suite, then those of `also`."""
    shown = {own: cases_of(own)} if os.path.exists(suite_path(own)) else {}
    for suite, case in also:
        if case not in cases_of(suite):
            sys.exit(f'tools/clone_words.py: {suite_path(suite)} has no case "{case}"')
        if case not in shown.setdefault(suite, []):
            shown[suite].append(case)
    if not shown:
        sys.exit(f"tools/clone_words.py: no case shows what {own} does")
    return list(shown.items())


def own_suite(flag):
    return flag.lower().replace("_", "-")


# ---- pieces of a page --------------------------------------------------------------------------------


def names_in(bits, numbers):
    names = [name for name, number in numbers.items() if bits & number]
    return ", ".join(f"`{name}`" for name in names)


def call_of(rule, numbers, only=0):
    """The call that a rule refuses, in words; `only`: of many flags that exclude, the one in question."""
    flags, excludes = names_in(rule.flags, numbers), names_in(rule.excludes & only or rule.excludes, numbers)
    if not flags:
        return excludes or ("set_tid" if rule.stage in ("set_tid", "number") else "clone3")
    call = flags.replace(", ", " with ")
    if rule.needs:
        call += " without " + names_in(rule.needs, numbers)
    if excludes:
        call += " with " + excludes.replace(", ", " or ")
    return call


def table_of(rules, numbers, only=0):
    yield "| Refused | Errno | Why |"
    yield "|---|---|---|"
    for rule in rules:
        yield f"| {call_of(rule, numbers, only)} | `{rule.error}` | {rule.why} |"


def goes_with(bit, numbers, rules):
    """What a flag needs and excludes, in short."""
    rows = [rule for rule in rules if rule.flags == bit]
    needs = names_in(sum(rule.needs for rule in rows), numbers)
    excludes = 0
    for rule in rows:
        excludes |= rule.excludes
    words = [f"needs {needs}"] if needs else []
    words += [f"not with {names_in(excludes, numbers)}"] if excludes else []
    return "; ".join(words)


def list_of(cases):
    for suite, texts in cases:
        yield f"- `{suite_path(suite)}`"
        for text in texts:
            yield f"  - {text}"


def anchor(heading):
    return f"docs/clone-flags.md#{heading.lower().replace(' ', '-')}"


# ---- the pages ---------------------------------------------------------------------------------------

INTRODUCTION = """# Clone flags

`make docs` writes this page; `make check` fails when it is stale. Numbers are from `include/uapi/clone.h`, refusals from
`kernel/clone_rules.c`, what is shared from kernel/fork.c:clone_resources, the rest of the words from `tools/clone_words.py`.

A call is looked at in stages, and the first rule that it breaks decides: *size* and *block* are about what clone3 is given, *clone3* about
what it is stricter about than clone, *flags* about what goes together, before anything is made; *child* and *set_tid* about what Linux
looks at once the child has its resources, and *lacking* is what Linux would do and Tine cannot. With `loglevel=7` the kernel says
which rule refused a call, in the words under Why.
"""

ALL_RULES = (
    "In the order in which they are looked at. Linux's rules are stated a second time in `user/tests/clone_rules.h`, from the manual"
    " pages: `tests/unit/clone_rules.c` compares this table with it for every word of clone's flags, and for every three of clone3's in"
    " changing circumstances; the suites below compare it with the kernel that they run on, Tine or Linux."
)


def flag_section(name, numbers, rules, resources):
    words, bit = FLAGS[name], numbers[name]
    only = ", clone3 only" if name in clone_words.CLONE3_ONLY else ""
    yield f"## {name}"
    yield ""
    yield f"`{bit:#x}`{only}: {words.brief}."
    yield ""
    yield from textwrap.wrap(words.text, WIDTH)
    if name in resources:
        yield ""
        yield f'Its row in kernel/fork.c:clone_resources is "{resources[name]}".'
    about = [rule for rule in rules if rule.is_about(bit)]
    if about:
        yield ""
        yield from table_of(about, numbers, bit)
    yield ""
    yield from list_of(shown_by(own_suite(name), words.also))
    yield ""


def other_section(heading, words, own):
    yield f"## {heading}"
    yield ""
    yield f"{words.brief[0].upper()}{words.brief[1:]}."
    yield ""
    yield from textwrap.wrap(words.text, WIDTH)
    yield ""
    yield from list_of(shown_by(own, words.also))
    yield ""


def document(numbers, rules, resources):
    yield from INTRODUCTION.splitlines()
    yield ""
    for name in numbers:
        yield from flag_section(name, numbers, rules, resources)
    yield from other_section("The exit signal", clone_words.EXIT_SIGNAL, "clone-csignal")
    yield from other_section("clone3's set_tid", clone_words.SET_TID, "clone-set-tid")
    yield "## clone3's block"
    yield ""
    yield from list_of(shown_by("", clone_words.BLOCK_CASES))
    yield ""
    yield "## All rules"
    yield ""
    yield from textwrap.wrap(ALL_RULES, WIDTH)
    yield ""
    yield from list_of(shown_by("", clone_words.RULES_CASES))
    stage = None
    for rule in rules:
        if rule.stage != stage:
            yield from ("", f"### {rule.stage}", "", "| Refused | Errno | Why |", "|---|---|---|")
            stage = rule.stage
        yield list(table_of([rule], numbers))[-1]


def readme_table(numbers, rules):
    """One row a flag; neighbours of which the same is said share one."""
    rows = [("exit signal", clone_words.EXIT_SIGNAL.brief, "", "The exit signal")]
    rows += [(f"`{name}`", FLAGS[name].brief, goes_with(bit, numbers, rules), name) for name, bit in numbers.items()]
    rows.append(("clone3's `set_tid`", clone_words.SET_TID.brief, "", "clone3s set_tid"))
    merged = {}
    for name, brief, limits, heading in rows:
        key = brief, "" if brief == clone_words.NO_NAMESPACE else limits
        merged.setdefault(key, []).append(f"[{name}]({anchor(heading)})")
    yield "| Flag | What it does | Goes with |"
    yield "|---|---|---|"
    for (brief, limits), links in merged.items():
        yield f"| {', '.join(links)} | {brief} | {limits} |"


def pages(program):
    """{path: text} of what is generated."""
    numbers, rules, resources = read_numbers(), list(read_rules(program)), read_resources()
    for missing in numbers.keys() ^ FLAGS.keys():
        sys.exit(f"{missing}: only in one of include/uapi/clone.h and tools/clone_words.py")
    before, rest = read(README).split(BEGIN)
    after = rest.split(END)[1]
    table = "\n".join(readme_table(numbers, rules))
    return {
        DOCUMENT: "\n".join(document(numbers, rules, resources)) + "\n",
        README: f"{before}{BEGIN}{table}\n{END}{after}",
    }


def main(program, check):
    os.chdir(ROOT)
    stale = False
    for path, text in pages(program).items():
        if os.path.exists(path) and read(path) == text:
            continue
        if check:
            print(f"{path}: stale; `make docs` writes it anew")
            stale = True
            continue
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[-1]), "--check" in sys.argv[1:]))
