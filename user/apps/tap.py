"""TAP for the Python suites, as user/tests/tap.c is for those in C: /tests/helpers/tap.py.

    @case("what holds")
    def _():
        assert ...

    run()

A case that meets a missing system call (ENOSYS) or raises Skip is skipped.
"""

import errno
import os
import sys
import traceback

cases = []


class Skip(Exception):
    """Raised with the reason by a case that cannot be tried here."""


def case(text):
    def remember(function):
        cases.append((text, function))
        return function

    return remember


def say(line):
    """Past Python's buffers, which a forked child would inherit."""
    os.write(1, line.encode() + b"\n")


def run():
    say("TAP version 13")
    say(f"1..{len(cases)}")
    failed = 0
    for number, (text, function) in enumerate(cases, 1):
        try:
            function()
            say(f"ok {number} - {text}")
        except Skip as reason:
            say(f"ok {number} - {text} # SKIP {reason}")
        except BaseException as error:  # pylint: disable=broad-except
            if isinstance(error, OSError) and error.errno == errno.ENOSYS:
                where = traceback.extract_tb(error.__traceback__)[-1]
                say(f"ok {number} - {text} # SKIP no such system call: {where.line}")
                continue
            failed += 1
            for line in traceback.format_exc().splitlines():
                say(f"# {line}")
            say(f"not ok {number} - {text}")
    sys.exit(1 if failed else 0)


# ---- children --------------------------------------------------------------------------------------


def in_child(function, *arguments):
    """Forks a child that exits with what the function returns (None: 0), or 99 if it raises."""
    pid = os.fork()
    if pid:
        return pid
    status = 99
    try:
        status = function(*arguments) or 0
    except BaseException:  # pylint: disable=broad-except
        for line in traceback.format_exc().splitlines():
            say(f"# child: {line}")
    finally:
        os._exit(status if 0 <= status < 256 else 98)


def exit_code(pid):
    """The exit status of that child; minus the signal if one killed it."""
    ended, status = os.waitpid(pid, 0)
    assert ended == pid
    return os.waitstatus_to_exitcode(status)


def no_children():
    """Whether all children have been waited for."""
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return True
    return False


def expect_error(number, function, *arguments, **named):
    try:
        function(*arguments, **named)
    except OSError as error:
        if error.errno == errno.ENOSYS:
            raise
        assert error.errno == number, f"{errno.errorcode[error.errno]}, not {errno.errorcode[number]}"
    else:
        raise AssertionError(f"no error, where {errno.errorcode[number]} was expected")
