"""A virtual machine, run to its end with its serial line recorded.

A boot always comes back: it has a limit on silence, a limit in total, and is ended when the kernel has said
that it cannot go on. `Boot.ended` says which it was.
"""

import dataclasses
import os
import re
import select
import subprocess
import time

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

    def arguments(self):
        words = ["qemu-system-x86_64", "-machine", self.board, "-cpu", self.cpu]
        words += ["-smp", str(self.smp), "-m", self.memory, "-accel", self.accelerator]
        words += ["-display", "none", "-monitor", "none", "-serial", "stdio", "-nic", "none"]
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

    def complaints(self):
        return COMPLAINT.findall(self.text)

    def tail(self, lines=40):
        return "\n".join(self.text.rstrip().splitlines()[-lines:])


def run(machine, log_path, dialogue=(), stop=None, silence=120, deadline=900):
    """Boots `machine` and returns a Boot. The serial line is written to `log_path` as it comes.

    `dialogue` is a list of (pattern, reply): each reply is typed once its pattern has come after the
    previous one. `stop` is a pattern that ends the run.
    """
    started = time.monotonic()
    arguments = machine.arguments()
    process = subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    dialogue = list(dialogue)
    raw, searched_from = b"", 0
    ended = None
    panicked_at = None
    last_heard = started
    try:
        with open(log_path, "wb") as log:
            log.write((" ".join(arguments) + "\n").encode())
            while ended is None:
                ready, _, _ = select.select([process.stdout], [], [], 0.25)
                now = time.monotonic()
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
                    if dialogue:
                        found = re.compile(dialogue[0][0], re.MULTILINE).search(text, searched_from)
                        if found:
                            searched_from = len(text)
                            process.stdin.write(dialogue.pop(0)[1].encode())
                            process.stdin.flush()
                    if stop and re.search(stop, text, re.MULTILINE):
                        ended = "stop"
                    elif PANIC_END.search(text):
                        ended = "panic"
                    elif PANIC.search(text) and panicked_at is None:
                        panicked_at = now
                if ended:
                    pass
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
    return Boot(text, ended, status, time.monotonic() - started)


def clean(raw):
    """Serial output as lines of plain text. More output only ever makes it longer."""
    text = INCOMPLETE.sub("", raw.decode("utf-8", "replace"))
    return CONTROL.sub("", text).replace("\r\n", "\n").replace("\n\r", "\n")  # GRUB ends lines either way
