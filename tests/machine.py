"""A virtual machine, run to its end with its serial line recorded.

A boot always comes back: it has a limit on silence, a limit in total, and is ended when the kernel has said
that it cannot go on. `Boot.ended` says which it was.
"""

import dataclasses
import os
import re
import select
import subprocess
import tempfile
import time

import screen

# Terminal control sequences, which firmware and GRUB write.
CONTROL = re.compile(r"\x1b(?:\[[0-9;?=]*[A-Za-z]|[()][A-Z0-9]|c)|[\x00-\x08\x0b\x0c\x0e-\x1f]")
INCOMPLETE = re.compile(r"(?:\x1b[\[()]?[0-9;?=]*|\r)\Z")
PANIC = re.compile(r"Kernel panic - not syncing: ")
PANIC_END = re.compile(r"---\[ end Kernel panic")
# What a kernel says that has noticed a fault of its own and goes on.
# GRUB has a warning of its own where there is no screen.
COMPLAINT = re.compile(r"^(?:\[ *\d+\.\d+\] )?(?:BUG|WARNING|Oops)\b(?!: no console will be available).*", re.MULTILINE)

PANIC_END_SECONDS = 10


@dataclasses.dataclass(frozen=True)
class Machine:
    """What is booted, on what. Without a kernel, `extra` must give something to boot from."""

    kernel: str = None
    initrd: str = None
    command_line: str = ""
    smp: int = 2
    memory: str = "256M"
    board: str = "q35"
    cpu: str = "max"
    accelerator: str = "tcg,thread=multi"
    extra: tuple = ()
    stays_on_reboot: bool = False

    def arguments(self, monitor="none"):
        words = ["qemu-system-x86_64", "-machine", self.board, "-cpu", self.cpu]
        words += ["-smp", str(self.smp), "-m", self.memory, "-accel", self.accelerator]
        words += ["-display", "none", "-monitor", monitor, "-serial", "stdio", "-nic", "none"]
        if not self.stays_on_reboot:
            words += ["-no-reboot"]
        if self.kernel:
            words += ["-kernel", self.kernel, "-append", f"console=ttyS0 {self.command_line}"]
        if self.initrd:
            words += ["-initrd", self.initrd]
        return words + list(self.extra)


@dataclasses.dataclass
class Boot:
    """How it went. `ended` is one of
    exit     QEMU ended by itself, as after a power-off; `status` is its exit status
    stop     the text that was waited for came, and QEMU was ended
    panic    the kernel panicked, and QEMU was ended
    silence  nothing came for too long
    deadline it took too long altogether
    """

    text: str
    ended: str
    status: int
    seconds: float
    missing: str = None  # the pattern of a dialogue that never came

    def complaints(self):
        return COMPLAINT.findall(self.text)

    def tail(self, lines=40):
        return "\n".join(self.text.rstrip().splitlines()[-lines:])


class Dialogue:
    """A list of (pattern, reply): each reply is typed once its pattern has come after the previous one."""

    def __init__(self, rows):
        self.rows = list(rows)
        self.searched_from = 0

    def replies(self, text, is_whole=False):
        """What is to be typed now. `is_whole`: text is all that can be seen, not what has come so far."""
        while self.rows:
            start = 0 if is_whole else self.searched_from
            found = re.compile(self.rows[0][0], re.MULTILINE).search(text, start)
            if not found:
                return
            self.searched_from = found.end()
            yield self.rows.pop(0)[1]
            if is_whole:
                return

    def missing(self):
        return self.rows[0][0] if self.rows else None


class ScreenDialogue:
    """A dialogue with the screen and the keyboard."""

    def __init__(self, rows, folder):
        self.dialogue = Dialogue(rows)
        self.path = os.path.join(folder, "monitor")
        self.screen = None

    def tick(self):
        """Looks and types. False: nothing is left to do."""
        if not self.dialogue.rows and not (self.screen and self.screen.keys):
            return False
        try:
            self.screen = self.screen or screen.Screen(self.path)
            if not self.screen.tick():
                for reply in self.dialogue.replies(self.screen.text(), is_whole=True):
                    self.screen.type(reply)
        except (EOFError, OSError):  # not there yet, or no more
            pass
        return True

    def close(self):
        if self.screen:
            self.screen.close()


def run(machine, log_path, **how):
    """Boots `machine` and returns a Boot. The serial line is written to `log_path` as it comes.

    `dialogue` is what is said on the serial line, `on_screen` what on screen and keyboard (see Dialogue). `stop` is
    a pattern that ends the run. `hear` is called with all that has come, each time something has.
    """
    with tempfile.TemporaryDirectory() as folder:
        window = ScreenDialogue(how.pop("on_screen", ()), folder)
        try:
            return run_machine(machine, log_path, window, **how)
        finally:
            window.close()


def run_machine(machine, log_path, window, dialogue=(), stop=None, hear=None, silence=120, deadline=900):
    started = time.monotonic()
    looks = bool(window.dialogue.rows)
    arguments = machine.arguments(f"unix:{window.path},server,nowait" if looks else "none")
    process = subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    dialogue = Dialogue(dialogue)
    raw = b""
    ended = None
    panicked_at = None
    last_heard = started
    try:
        with open(log_path, "wb") as log:
            log.write((" ".join(arguments) + "\n").encode())
            while ended is None:
                ready, _, _ = select.select([process.stdout], [], [], 0.02 if looks else 0.25)
                now = time.monotonic()
                looks = looks and window.tick()
                if ready:
                    chunk = os.read(process.stdout.fileno(), 65536)
                    if not chunk:
                        ended = "exit"
                        break
                    log.write(chunk)
                    log.flush()
                    raw += chunk
                    last_heard = now
                    text = clean(raw)
                    if hear:
                        hear(text)
                    for reply in dialogue.replies(text):
                        process.stdin.write(reply.encode())
                        process.stdin.flush()
                    if stop and re.search(stop, text, re.MULTILINE):
                        ended = "stop"
                    elif PANIC.search(text) and panicked_at is None:
                        panicked_at = now
                if ended:
                    pass
                elif PANIC_END.search(clean(raw)) and not looks:
                    ended = "panic"
                elif panicked_at and now - panicked_at > PANIC_END_SECONDS:
                    ended = "panic"
                elif now - last_heard > silence:
                    ended = "silence"
                elif now - started > deadline:
                    ended = "deadline"
    finally:
        if ended != "exit":
            process.kill()
        status = process.wait()
        process.stdin.close()
        process.stdout.close()
    text = clean(raw)
    if ended == "exit" and PANIC.search(text):
        ended = "panic"
    missing = dialogue.missing() or window.dialogue.missing()
    return Boot(text, ended, status, time.monotonic() - started, missing)


def clean(raw):
    """Serial output as lines of plain text. More output only ever makes it longer."""
    text = INCOMPLETE.sub("", raw.decode("utf-8", "replace"))
    return CONTROL.sub("", text).replace("\r\n", "\n").replace("\n\r", "\n")  # GRUB ends lines either way
