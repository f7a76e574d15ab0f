#!/usr/bin/env python3
"""Runs Tine's tests: unit tests on this machine, everything else in QEMU. `make test` builds what it needs.

The last line is `N passed, N failed`, with `, N skipped` behind it if some were; the exit status is 0 only if
something passed and nothing failed. Every boot leaves its serial output in build/logs/.
"""

import argparse
import dataclasses
import os
import re
import subprocess
import sys
import threading
import time

import app_checks
import boot_checks
import compare
import instructions
import machine
import tap
from bench_measure import image_bytes

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build")
LOGS = os.path.join(BUILD, "logs")

IMAGE_LIMIT = 1 << 20
SUITE_PREFIXES = ("fork", "cow", "vfork")  # what the image for GRUB runs


@dataclasses.dataclass
class Outcome:
    """One thing that passed, failed or was skipped ("pass", "fail", "skip"). `detail` says more about a failure.

    A "note" is none of these: its detail is shown.
    """

    status: str
    name: str
    detail: str = ""


@dataclasses.dataclass
class Job:
    """Something to run. `weight` is how many of this machine's processors it keeps busy."""

    name: str
    run: callable  # (log_path) -> [Outcome]
    weight: int = 1

    @property
    def log_path(self):
        name = "".join(c if c.isalnum() or c in "-." else "-" for c in self.name)
        return os.path.join(LOGS, f"{name}.log")


# ---- what a boot of the tests comes to ----------------------------------------------------------------


def judge_suite(suite, excerpt):
    for case in suite.cases:
        detail = "\n".join([*case.notes, case.line]) if case.status == "fail" else ""
        yield Outcome(case.status, f"{suite.name}: {case.text}", detail)
    for problem in suite.problems():
        yield Outcome("fail", f"{suite.name}: {problem}", excerpt)


def judge_tests(boot, expected_suites, counters_expected):
    """The outcomes of a boot that ran `/init test`."""
    transcript = tap.parse(boot.text)
    outcomes = []
    for suite in transcript.suites:
        outcomes += judge_suite(suite, boot.tail())
    if boot.ended != "exit" or boot.status != 0:
        outcomes.append(Outcome("fail", describe_end(boot), boot.tail()))
    elif not transcript.done:
        outcomes.append(Outcome("fail", "the machine stopped before the last test", boot.tail()))
    elif transcript.counters == "differ":
        detail = "\n".join(transcript.counter_differences)
        outcomes.append(Outcome("fail", "the tests left something behind (name, before, after)", detail))
    elif counters_expected:
        same = transcript.counters == "same"
        detail = "" if same else "there is no /proc/tine/counters"
        name = "pages and objects are what they were before the first test"
        outcomes.append(Outcome("pass" if same else "fail", name, detail))
    seen = {suite.name for suite in transcript.suites}
    for name in expected_suites:
        if name not in seen:
            outcomes.append(Outcome("fail", f"{name}: never began"))
    for complaint in boot.complaints():
        outcomes.append(Outcome("fail", f"the kernel complained: {complaint}", boot.tail()))
    return outcomes


def describe_end(boot):
    return {
        "exit": f"QEMU exited with {boot.status}",
        "stop": "QEMU was stopped",
        "panic": "the kernel panicked",
        "silence": f"the machine hung: silent, and ended after {boot.seconds:.0f} s",
        "deadline": f"the machine did not finish within {boot.seconds:.0f} s",
    }[boot.ended]


def judge_check(check, boot):
    """What is wrong with the boot of a boot check, or None."""
    if boot.ended != check.ends:
        return f"expected the end '{check.ends}', but {describe_end(boot)}"
    if boot.ended == "exit" and boot.status != 0:
        return describe_end(boot)
    position = 0
    for pattern in check.expect:
        match = re.compile(pattern, re.MULTILINE).search(boot.text, position)
        if not match:
            return f"expected but not found: {pattern}"
        position = match.end()
    for pattern in check.reject:
        if re.search(pattern, boot.text, re.MULTILINE):
            return f"found but not expected: {pattern}"
    if boot.complaints():
        return f"the kernel complained: {boot.complaints()[0]}"
    if boot.missing:
        return f"waited for, but never seen: {boot.missing}"
    return None


# ---- the jobs -------------------------------------------------------------------------------------------


class Plan:
    """Decides from the options which jobs there are."""

    def __init__(self, options):
        self.options = options
        self.on_linux = options.kernel is not None
        self.kernel = options.kernel or os.path.join(BUILD, "debug", "tine.elf")
        self.initrd = os.path.join(BUILD, "initramfs.cpio.gz")
        self.apps = os.path.join(BUILD, "apps.cpio")
        self.image = os.path.join(BUILD, "fork-suite.iso")
        self.processors = os.cpu_count() or 1
        self.limits = {
            "silence": 120 * options.patience,
            "deadline": 1200 * options.patience,
        }

    def wants(self, name):
        return not self.options.filter or self.options.filter in name

    def suites(self):
        """The names in /tests: of user/tests/, and of user/pthreads/ with each C library."""
        pthreads = self.sources("pthreads", "main.c")
        return sorted(
            self.sources("tests", "tap.c")
            + [f"pthread-{name}-{libc}" for name in pthreads for libc in ("musl", "glibc")]
        )

    def sources(self, folder, library):
        """The names of the suites in a folder of user/, in which library is none."""
        names = os.listdir(os.path.join(ROOT, "user", folder))
        return [n[:-2] for n in names if n.endswith(".c") and n != library]

    def jobs(self):
        jobs = []
        if not self.on_linux:
            jobs += self.unit_jobs()
        jobs += self.suite_jobs()
        jobs += self.apps_jobs()
        if not self.on_linux:
            jobs += self.image_jobs()
            jobs += self.instruction_jobs()
            jobs += self.size_jobs()
        jobs += self.check_jobs()
        return jobs

    def unit_jobs(self):
        folder = os.path.join(ROOT, "tests", "unit")
        sources = os.listdir(folder) if os.path.isdir(folder) else []
        for name in sorted(n[:-2] for n in sources if n.endswith(".c")):
            if self.wants(f"unit {name}"):
                yield Job(f"unit {name}", lambda log, name=name: self.run_unit(name, log))

    def run_unit(self, name, log_path):
        program = os.path.join(BUILD, "tests", "unit", name)
        try:
            result = subprocess.run(
                [program],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=self.limits["silence"] * 2,
            )
            output, status = result.stdout, result.returncode
        except subprocess.TimeoutExpired as expired:
            output, status = expired.stdout or b"", -9
        with open(log_path, "wb") as log:
            log.write(output)
        suite = tap.Suite(name)
        lines = output.decode("utf-8", "replace").splitlines()
        tap.parse_results(lines, suite)
        suite.end = ("signal", -status) if status < 0 else ("exit", status)
        return list(judge_suite(suite, "\n".join(lines[-60:])))

    def suite_jobs(self):
        wanted = [name for name in self.suites() if self.wants(name)]
        for smp in self.options.smp or (1, 2, 4):
            name = f"tests on {smp} CPU{'s' if smp > 1 else ''}"
            patterns = []
            if not self.options.filter or self.options.filter in name:
                patterns = wanted = self.suites()
            elif wanted:
                patterns = wanted
            if patterns:
                job = Job(name, lambda log, s=smp, w=tuple(wanted): self.run_suites(s, w, log))
                job.weight = min(smp, self.processors)
                yield job

    def run_suites(self, smp, suites, log_path):
        # One pattern, not all their names: Linux gives init no more than 32 words.
        pattern = "" if list(suites) == self.suites() else f" *{self.options.filter}*"
        words = f"quiet -- test{pattern}"
        boot = machine.run(self.machine(command_line=words, smp=smp), log_path, **self.limits)
        return judge_tests(boot, suites, counters_expected=not self.on_linux)

    def apps_suites(self):
        """Those of user/apps/, and of user/pthreads/ with the C library that the programs share."""
        apps = [n for n in os.listdir(os.path.join(ROOT, "user", "apps")) if n.startswith("app-")]
        return sorted(apps + [f"app-pthread-{n}" for n in self.sources("pthreads", "main.c")])

    def apps_jobs(self):
        """Debian's programs, which need an archive that is not everywhere to be had."""
        for smp in self.options.smp or (2,):
            name = f"apps on {smp} CPU{'s' if smp > 1 else ''}"
            wanted = [n for n in self.apps_suites() if self.wants(name) or self.wants(n)]
            if wanted:
                job = Job(name, lambda log, s=smp, w=tuple(wanted): self.run_apps(s, w, log))
                job.weight = min(smp, self.processors)
                yield job

    def run_apps(self, smp, suites, log_path):
        if reason := self.why_no_apps():
            return [Outcome("skip", name, reason) for name in suites]
        words = "app-*" if list(suites) == self.apps_suites() else " ".join(suites)
        how = self.machine(initrd=self.apps, memory=app_checks.MEMORY, command_line=f"quiet -- test {words}", smp=smp)
        boot = machine.run(how, log_path, **self.limits)
        return judge_tests(boot, suites, counters_expected=not self.on_linux)

    def why_no_apps(self):
        """Why there is no archive of Debian's programs; None if there is one."""
        if os.path.exists(self.apps):
            return None
        try:
            with open(os.path.join(BUILD, "apps", "unavailable"), encoding="utf-8") as file:
                return file.read().strip()
        except FileNotFoundError:
            return "build/apps.cpio is not there; make apps builds it"

    def machine(self, **how):
        return machine.Machine(**{"kernel": self.kernel, "initrd": self.initrd, **how})

    def image_jobs(self):
        if self.options.smp and 2 not in self.options.smp:
            return
        for firmware in ("BIOS", "UEFI"):
            name = f"fork suite from GRUB by {firmware}"
            if self.wants(name):
                yield Job(name, lambda log, f=firmware: self.run_image(f, log), 2)

    def run_image(self, firmware, log_path):
        extra = ["-cdrom", self.image]
        if firmware == "UEFI":
            tool = os.path.join(ROOT, "tools", "uefi-firmware")
            result = subprocess.run([tool, BUILD], capture_output=True, text=True)
            if result.returncode:
                return [Outcome("fail", result.stderr.strip())]
            extra += result.stdout.split()
        boot = machine.run(machine.Machine(extra=tuple(extra)), log_path, **self.limits)
        suites = [name for name in self.suites() if name.startswith(SUITE_PREFIXES)]
        return judge_tests(boot, suites, counters_expected=True)

    def instruction_jobs(self):
        """What each operation costs the release build, against the record."""
        name = "instructions against the record"
        if self.wants(name) and (not self.options.smp or 1 in self.options.smp):
            yield Job(name, self.run_instructions)

    def run_instructions(self, log_path):
        try:
            rows, reason = instructions.check(os.path.join(BUILD, "tine.elf"), log_path)
        except instructions.Failed as failure:
            return [Outcome("fail", "", str(failure))]
        if reason:
            return [Outcome("skip", "", reason)]
        notes = [f"{name}: {note}" for name, _, note in rows if note]
        outcomes = [Outcome("fail" if wrong else "pass", name, wrong or "") for name, wrong, _ in rows]
        return outcomes + [Outcome("note", "", note) for note in notes]

    def size_jobs(self):
        name = "size of the image"
        if self.wants(name) and not self.options.smp:
            yield Job(name, self.check_size)

    def check_size(self, log_path):
        """What a loader reads of the release build."""
        size = image_bytes(os.path.join(BUILD, "tine.elf"))
        return [Outcome("pass" if 0 < size < IMAGE_LIMIT else "fail", "", f"{size} bytes, of less than {IMAGE_LIMIT}")]

    def check_jobs(self):
        if self.options.smp and not self.options.filter:
            return
        every = (*app_checks.CHECKS, *boot_checks.CHECKS)
        checks = [c for c in every if self.wants(f"boot: {c.name}")]
        if not checks or self.options.list:
            archives = {}
        else:
            archives = boot_checks.make_initrds(self.initrd, LOGS) | {"apps": self.apps}
        for check in checks:
            smp = check.machine.get("smp", 2)
            yield Job(
                f"boot: {check.name}",
                lambda log, c=check: self.run_check(c, archives, log),
                min(smp, self.processors) if smp > 2 else 1,
            )

    def run_check(self, check, archives, log_path):
        reason = check.skip_reason(self.on_linux)
        if reason or (check.initrd == "apps" and (reason := self.why_no_apps())):
            return [Outcome("skip", "", reason)]
        boot = machine.run(
            self.machine(
                command_line=check.command_line, initrd=archives[check.initrd], **check.machine
            ),
            log_path,
            dialogue=check.dialogue,
            on_screen=check.on_screen,
            stop=check.stop,
            silence=60 * self.options.patience,
            deadline=240 * self.options.patience,
        )
        problem = judge_check(check, boot)
        if problem:
            return [Outcome("fail", "", f"{problem}\n{boot.tail()}")]
        return [Outcome("pass", "")]


# ---- running them ---------------------------------------------------------------------------------------


def report(job, outcomes, seconds):
    count = {status: sum(o.status == status for o in outcomes) for status in ("pass", "fail", "skip")}
    words = [f"{count['pass']} passed"] if count["pass"] or not outcomes else []
    words += [f"{count['fail']} FAILED"] if count["fail"] else []
    words += [f"{count['skip']} skipped"] if count["skip"] else []
    print(f"{job.name:<58} {', '.join(words):<28} {seconds:6.1f} s", flush=True)
    for reason in sorted({o.detail for o in outcomes if o.status == "skip" and o.detail}):
        print(f"  skipped: {reason}")
    for note in (o.detail for o in outcomes if o.status == "note"):
        print(f"  note: {note}")
    for outcome in outcomes:
        if outcome.status != "fail":
            continue
        print(f"  FAILED: {job.name}{': ' if outcome.name else ''}{outcome.name}")
        for line in outcome.detail.splitlines():
            print(f"    | {line}")
        print(f"    (all of it: {os.path.relpath(job.log_path)})", flush=True)


def run_job(job):
    """The outcomes of one job, whatever happens to it."""
    try:
        return job.run(job.log_path) or [Outcome("fail", "nothing was tested")]
    except Exception as error:  # pylint: disable=broad-except
        return [Outcome("fail", f"the runner failed: {error!r}")]


def run_jobs(jobs, processors):
    """Runs the jobs, as many at a time as there are processors for; returns all outcomes.

    The next job is always the first one in the list that still fits in beside those that run.
    """
    outcomes = []
    changed = threading.Condition()
    free = processors

    def work(job, weight):
        nonlocal free
        started = time.monotonic()
        found = run_job(job)
        with changed:
            outcomes.extend(found)
            report(job, found, time.monotonic() - started)
            free += weight
            changed.notify()

    threads = []
    while jobs:
        with changed:
            fits = lambda: next((j for j in jobs if min(j.weight, processors) <= free), None)
            job = changed.wait_for(fits)
            weight = min(job.weight, processors)
            free -= weight
        jobs.remove(job)
        threads.append(threading.Thread(target=work, args=(job, weight)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    return outcomes


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--filter", help="only jobs, or suites in user/tests, with this in their name")
    parser.add_argument("--smp", type=int, action="append", help="only this number of CPUs")
    parser.add_argument("--list", action="store_true", help="list the jobs and run nothing")
    parser.add_argument("--repeat", type=int, default=1, help="run everything so often")
    parser.add_argument("--jobs", type=int, help="processors to use (default: all)")
    parser.add_argument("--patience", type=float, default=1, help="multiplies all time limits")
    parser.add_argument("--kernel", help="run the tests on this Linux kernel instead of Tine")
    parser.add_argument("--compare-with", metavar="KERNEL", help="compare Tine with this Linux kernel")
    return parser.parse_args()


def main():
    options = parse_options()
    os.makedirs(LOGS, exist_ok=True)
    plan = Plan(options)
    processors = options.jobs or plan.processors
    if options.compare_with:
        return compare.main(plan, options.compare_with, processors)
    if options.list:
        for job in plan.jobs():
            print(job.name)
        return 0

    outcomes = []
    for _ in range(options.repeat):
        outcomes += run_jobs(list(plan.jobs()), processors)
    count = {status: sum(o.status == status for o in outcomes) for status in ("pass", "fail", "skip")}
    skipped = f", {count['skip']} skipped" if count["skip"] else ""
    print(f"{count['pass']} passed, {count['fail']} failed{skipped}")
    return 0 if count["pass"] and not count["fail"] else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
