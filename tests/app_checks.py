"""Sessions at the terminal with Debian's programs, from the archive of `make apps`: rows like those of boot_checks.py.

What full-screen programs write is read with its control sequences taken out, so what is looked for is text.
"""

from boot_checks import PROMPT, BootCheck

MEMORY = "768M"


def session(name, dialogue, expect):
    """A row that types `dialogue` at bash's prompt and leaves."""
    return BootCheck(
        f"apps: {name}",
        "quiet",
        {"memory": MEMORY},
        initrd="apps",
        expect=expect,
        dialogue=(*dialogue, (PROMPT, "poweroff\n")),
    )


STARTS = "sh -c 'echo run''ning; exec sleep 300'\n"

CHECKS = (
    session(
        "bash stops, continues and interrupts jobs",
        (
            (PROMPT, STARTS),
            (r"^running$", "\x1a"),
            (PROMPT, "echo status $?; jobs; ps -o stat= -p $(jobs -p)\n"),
            (PROMPT, "bg\n"),
            (PROMPT, "jobs -r; ps -o stat= -p $(jobs -p)\n"),
            # bash names the job before it gives it the terminal.
            (PROMPT, "while [ $(ps -o tpgid= -p $$) = $$ ]; do :; done && echo gi''ven & fg %1\n"),
            (r"^given$", "\x03"),
            (PROMPT, "echo status $?; wait; jobs; echo none ''left\n"),
            # The last one speaks when the first line has come through all: then all run.
            (PROMPT, "yes | tr y n | tee /dev/null | gawk 'NR == 1 { print \"fl\" \"owing\"; fflush() }'\n"),
            (r"^flowing$", "\x03"),
            (PROMPT, "echo pipeline ${PIPESTATUS[*]}\n"),
        ),
        (
            r"\[1\]\+ +Stopped",
            r"^status 148$",
            r"\[1\]\+ +Stopped",
            r"^T\+?$",
            r"^\[1\]\+ sh -c",
            r"Running",
            r"^S\+?$",
            r"^status 130$",
            r"^none left$",
            r"^pipeline 130 130 130 130$",
        ),
    ),
    session(
        "shells in shells, readline, cat to end of file, Python interrupted",
        (
            (PROMPT, "dash\n"),
            (PROMPT, STARTS),
            (r"^running$", "\x1a"),
            (PROMPT, "jobs; bg\n"),
            (PROMPT, "kill %1; wait %1; echo inner $?; exit\n"),
            (PROMPT, "echo fir''st line\n"),
            (PROMPT, "\x1b[A\x17place\n"),
            (PROMPT, "echo re''ady; cat >/tmp/typed\n"),
            (r"^ready$", "one\ntwo\n\x04"),
            (PROMPT, "wc -l /tmp/typed; python3\n"),
            (r">>> \Z", "exec(\"import time; print('go' + 'ing')\\nwhile 1: time.sleep(.1)\")\n"),
            (r"^going$", "\x03"),
            (r">>> \Z", "print(6 * 7)\n"),
            (r">>> \Z", "\x04"),
        ),
        (r"Stopped", r"^inner 143$", r"^first line$", r"^first place$", r"^2 /tmp/typed$", r"KeyboardInterrupt", r"^42$"),
    ),
    session(
        "full-screen programs: top, vi, less and nano",
        (
            (PROMPT, "top -d 1\n"),
            (r"load average[\s\S]*init", "q"),
            (PROMPT, "vi /tmp/text\n"),
            (r"/tmp/text\"? *\[New", "iwritten in vi\x1byyp:wq\n"),
            (PROMPT, "cat /tmp/text; seq 1000 | less\n"),
            (r"^:\Z", "G"),
            (r"1000\s*\(END\)", "q"),
            (PROMPT, "nano /tmp/other\n"),
            (r"Read File[\s\S]*Go To Line", "by nano\x18y"),
            (r"File Name to Write", "\r"),
            (PROMPT, "cat /tmp/other; reset -Q; stty -a | tr i I\n"),
        ),
        (r"Tasks:", r"^written in vi\nwritten in vi$", r"^by nano$", r" Icanon"),
    ),
)
