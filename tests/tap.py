"""What `/init test` prints (user/init.c), taken apart.

    #### begin fork
    TAP version 13
    1..2
    ok 1 - a case
    # a note, which belongs to the next result
    not ok 2 - another case
    #### end fork exit=1
    #### counters same
    #### done
"""

import dataclasses
import re

BEGIN = re.compile(r"#### begin (\S+)$")
END = re.compile(r"#### end (\S+) (exit|signal)=(\d+)$")
COUNTERS_SAME = "#### counters same"
COUNTERS_DIFFER = re.compile(r"#### counters differ: (.*)$")
DONE = "#### done"
PLAN = re.compile(r"1\.\.(\d+)\b")
RESULT = re.compile(r"(not )?ok\b *(\d+)? *(?:- )?(.*?)(?: # (SKIP|TODO)\b *(.*))?$", re.IGNORECASE)
BAIL_OUT = re.compile(r"Bail out!(.*)")


@dataclasses.dataclass
class Case:
    status: str  # "pass", "fail" or "skip"
    number: int
    text: str
    line: str  # as it came
    notes: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Suite:
    name: str
    cases: list = dataclasses.field(default_factory=list)
    plan: int = None
    end: tuple = None  # ("exit", 0), ("signal", 9); None if it never ended
    bail_out: str = None

    def problems(self):
        """What is wrong with the suite as a whole, beyond the cases that failed."""
        if self.bail_out is not None:
            yield f"gave up: {self.bail_out}"
        if self.end is None:
            last = self.cases[-1].text if self.cases else "before its first case"
            yield f"never ended; the last result was: {last}"
            return
        if self.plan is None:
            yield "announced no plan (1..N)"
        elif self.plan != len(self.cases):
            yield f"announced {self.plan} cases and ran {len(self.cases)}"
        numbers = [case.number for case in self.cases if case.number is not None]
        if numbers != list(range(1, len(numbers) + 1)):
            yield "its results are not numbered 1, 2, 3, ..."
        failed = any(case.status == "fail" for case in self.cases)
        kind, value = self.end
        if kind == "signal":
            yield f"was killed by signal {value}"
        elif value != 0 and not failed:
            yield f"exited with {value} though no case failed"


@dataclasses.dataclass
class Transcript:
    suites: list = dataclasses.field(default_factory=list)
    counters: str = "absent"  # "same", "differ" or "absent"
    counter_differences: list = dataclasses.field(default_factory=list)
    done: bool = False


def parse_results(lines, suite):
    """Reads TAP lines into `suite`."""
    notes = []
    for line in lines:
        if match := PLAN.match(line):
            suite.plan = int(match[1])
        elif match := RESULT.match(line):
            failed, number, text, directive, reason = match.groups()
            status = "fail" if failed else "pass"
            if directive and directive.upper() == "SKIP":
                status = "skip"
                notes.append(f"skipped: {reason}")
            suite.cases.append(Case(status, int(number) if number else None, text, line, notes))
            notes = []
        elif match := BAIL_OUT.match(line):
            suite.bail_out = match[1].strip()
        elif line and not line.startswith("TAP version"):
            notes.append(line)


def parse(text):
    """A Transcript of everything between the first `#### begin` and the end."""
    transcript = Transcript()
    suite, lines = None, []

    def close():
        if suite:
            parse_results(lines, suite)
            transcript.suites.append(suite)

    for line in text.split("\n"):
        line = line.rstrip()
        if match := BEGIN.match(line):
            close()
            suite, lines = Suite(match[1]), []
        elif (match := END.match(line)) and suite and match[1] == suite.name:
            suite.end = (match[2], int(match[3]))
            close()
            suite = None
        elif line == COUNTERS_SAME:
            transcript.counters = "same"
        elif match := COUNTERS_DIFFER.match(line):
            transcript.counters = "differ"
            transcript.counter_differences.append(match[1])
        elif line == DONE:
            transcript.done = True
        elif suite:
            lines.append(line)
    close()
    return transcript
