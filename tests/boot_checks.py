"""Boots that are expected to go a certain way, one row each.

What comes on the serial line must match the patterns of `expect`, one after the other, and none of `reject`;
the boot must end as `ends` says (machine.Boot). A pattern is a regular expression; ^ and $ are the ends of a
line. Rows marked `tine_only` say what Linux says in other words, or what Linux cannot do.
"""

import dataclasses
import gzip
import hashlib
import os
import re
import subprocess

PANIC = r"Kernel panic - not syncing: "
RAN = r"^#### end \S+ exit=0$"
PROMPT = r"# \Z"
# Programs that say when they run: what a shell is sent before it has let one have the terminal is lost.
SAYS_READY = "sh -c 'echo re''ady; exec sleep 1000'\n"
SAYS_WOKE = "sh -c 'trap \"echo wo\"ke CONT; echo re''ady; while :; do sleep 1; done'\n"
SCREEN_PROMPT = r"^/ #\Z"
# A file that fills pages, and what md5sum says of it.
LARGE = bytes(range(251)) * (20 << 12) + b"end"
LARGE_SUM = "^" + hashlib.md5(LARGE).hexdigest()


@dataclasses.dataclass(frozen=True)
class BootCheck:
    name: str
    command_line: str = "quiet -- run /bin/true"
    machine: dict = dataclasses.field(default_factory=dict)
    initrd: str = "whole"  # a row of `initrds`
    expect: tuple = (RAN,)
    reject: tuple = ()
    ends: str = "exit"
    stop: str = None
    dialogue: tuple = ()
    on_screen: tuple = ()  # a dialogue with screen and keyboard
    tine_only: bool = False
    needs_memory: int = 0  # GiB that the host must have

    def skip_reason(self, on_linux):
        if on_linux and self.tine_only:
            return "only for Tine"
        if self.needs_memory and host_memory() < self.needs_memory << 30:
            return f"this host has less than {self.needs_memory} GiB"
        return None


def reasons_of_clone():
    """What the kernel says for each row of its rules, in their order."""
    with open(os.path.join(os.path.dirname(__file__), "..", "kernel", "clone_rules.c"), encoding="utf-8") as file:
        return [f"clone: refused: {re.escape(why)}$" for why in re.findall(r'\.why = "(.*)"', file.read())]


def host_memory():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


CHECKS = (
    # ---- what the kernel explains
    BootCheck(
        "loglevel=7 says why for every rule of clone",
        "loglevel=7 rdinit=/tests/clone-refusals",
        expect=(*reasons_of_clone(), r"^as init: each rule refuses"),
        tine_only=True,
    ),
    BootCheck(
        "what init may ask of clone",
        "quiet rdinit=/tests/clone-matrix",
        expect=(r"^as init: \d+ children, \d+ refusals",),
    ),
    BootCheck(
        "loglevel=7 names a system call that is missing",
        "loglevel=7 -- run /bin/busybox swapon /etc/passwd",
        expect=(r"busybox\[\d+\]: system call \d+ \(\w+\) is not implemented", r"^#### end \S+ exit=1$"),
        tine_only=True,
    ),
    # ---- ways to leave
    BootCheck(
        "poweroff",
        "quiet -- run /bin/busybox poweroff -f",
        {"stays_on_reboot": True},
        expect=(r"^#### begin /bin/busybox",),
        reject=(r"#### end", r"begin[\s\S]*begin"),
    ),
    BootCheck(
        "reboot",
        "quiet -- run /bin/busybox reboot -f",
        {"stays_on_reboot": True},
        expect=(r"^#### begin", r"^#### begin"),
        reject=(r"#### end",),
        stop=r"begin[\s\S]*begin",
        ends="stop",
    ),
    BootCheck(
        "halt",
        "-- run /bin/busybox halt -f",
        expect=(r"^#### begin", r"System halted"),
        reject=(r"#### end",),
        stop=r"System halted",
        ends="stop",
    ),
    # ---- machines
    BootCheck("machine pc", machine={"board": "pc"}),
    BootCheck("machine pc, one CPU of the oldest model", machine={"board": "pc", "cpu": "qemu64", "smp": 1}),
    BootCheck("cpu qemu64", machine={"cpu": "qemu64"}),
    BootCheck(
        "8 CPUs", "quiet -- run /bin/busybox nproc", {"smp": 8}, expect=(r"^8$", RAN)
    ),
    BootCheck(
        "nr_cpus=1 of 2", "quiet nr_cpus=1 -- run /bin/busybox nproc", expect=(r"^1$", RAN)
    ),
    BootCheck("32 MiB", machine={"memory": "32M"}, tine_only=True),
    BootCheck(
        "the fork suites in 16 MiB",
        # All but fork-limits, which needs more processes than so little memory holds.
        "quiet -- test fork fork-[!l]*",
        {"memory": "16M"},
        initrd="fork suites",
        tine_only=True,
        expect=(r"^#### end fork exit=0$", r"^#### end fork-smp exit=0$", r"^#### counters same$"),
        reject=(r"^not ok", r"#### end .*(?<! exit=0)$"),
    ),
    BootCheck(
        "30,000 processes in 1 GiB, none of which costs more for the others",
        "quiet -- run /tests/helpers/crowd 30000 33 3",
        # The clock counts instructions.
        {"memory": "1G", "smp": 1, "accelerator": "tcg", "extra": ("-icount", "shift=0,sleep=off")},
        tine_only=True,
        expect=(r"^30000 processes", r"^30000 processes", RAN),
    ),
    BootCheck("16 GiB", machine={"memory": "16G"}, needs_memory=17),
    # ---- the command line
    BootCheck(
        "unknown words go to init's environment",
        "quiet some_word=7 -- run /bin/busybox env",
        expect=(r"^some_word=7$", RAN),
    ),
    BootCheck(
        "rdinit= names the first program, its arguments follow --",
        "quiet panic=-1 rdinit=/bin/busybox -- echo one two",
        expect=(r"^one two$",),
        ends="panic",
    ),
    BootCheck("init= does too", "quiet init=/init -- run /bin/true", tine_only=True),
    # ---- initial archives
    BootCheck("an archive that is not compressed", initrd="plain"),
    BootCheck(
        "an archive laid out by pages",
        "quiet -- run /bin/busybox md5sum /large",
        initrd="by pages",
        expect=(LARGE_SUM, RAN),
    ),
    BootCheck(
        "an archive laid out by pages that fills most of memory",
        "quiet -- run /bin/busybox md5sum /large",
        {"memory": "40M"},
        initrd="by pages",
        tine_only=True,
        expect=(LARGE_SUM, RAN),
    ),
    BootCheck(
        "no initrd", initrd="none", ends="panic", tine_only=True, expect=(PANIC + r".*[Nn]o (initrd|initramfs)",)
    ),
    BootCheck(
        "a truncated initrd",
        initrd="truncated",
        ends="panic",
        tine_only=True,
        expect=(PANIC + r".*(initrd|initramfs).*truncated",),
    ),
    BootCheck(
        "a corrupt initrd",
        initrd="corrupt",
        ends="panic",
        tine_only=True,
        expect=(PANIC + r".*(initrd|initramfs).*corrupt",),
    ),
    BootCheck(
        "a truncated initrd, not compressed",
        initrd="truncated plain",
        ends="panic",
        tine_only=True,
        expect=(PANIC + r".*(initrd|initramfs).*truncated",),
    ),
    BootCheck(
        "an initrd that is no archive",
        initrd="noise",
        ends="panic",
        tine_only=True,
        expect=(PANIC + r".*(initrd|initramfs)",),
    ),
    # ---- the first program
    BootCheck(
        "init is missing",
        "quiet rdinit=/no/such",
        ends="panic",
        tine_only=True,
        expect=(PANIC + r".*/no/such",),
    ),
    BootCheck(
        "init is not executable",
        "quiet rdinit=/etc/passwd",
        ends="panic",
        tine_only=True,
        expect=(PANIC + r".*/etc/passwd",),
    ),
    BootCheck(
        "init is no program",
        "quiet rdinit=/broken",
        initrd="with a broken program",
        ends="panic",
        tine_only=True,
        expect=(PANIC + r".*/broken",),
    ),
    BootCheck(
        "init exits",
        "quiet rdinit=/bin/true",
        ends="panic",
        expect=(PANIC + r"Attempted to kill init! exitcode=0x00000000",),
    ),
    BootCheck(
        "a thread of init executes a program: the orphans stay",
        "quiet rdinit=/tests/helpers/init-threads",
        expect=(r"^init-threads: the orphan is ours",),
    ),
    BootCheck(
        "panic=-1 reboots at once",
        "quiet rdinit=/bin/true panic=-1",
        ends="panic",
        expect=(PANIC,),
        reject=(r"---\[ end Kernel panic",),
    ),
    # ---- a session at the terminal
    BootCheck(
        "a session in the shell",
        "quiet",
        expect=(
            r"leave +poweroff",
            r"^3 three *$",
            r"^looped 1000$",
            r"^interrupted 130$",
            r"^Done$",
        ),
        dialogue=(
            (PROMPT, "echo one two three | tr ' ' '\\n' | (wc -l; echo three) | tr '\\n' ' '; echo\n"),
            (PROMPT, "i=0; for i in $(seq 1000); do /bin/true; done; echo looped $i\n"),
            (PROMPT, "sh -c 'echo sle''eping; exec sleep 100'\n"),
            (r"^sleeping$", "\x03"),
            (PROMPT, "echo interrupted $?\n"),
            (PROMPT, "sleep 0.2 & wait; jobs; echo Do''ne\n"),
            (PROMPT, "poweroff\n"),
        ),
    ),
    BootCheck(
        "job control at the terminal",
        "quiet",
        expect=(
            r"^interrupted 130$",
            r"^quit 131$",
            r"^stopped 148$",
            r"^\[1\].*Stopped .*sh -c",
            r"^\[2\].*Running .*sleep 2000",
            r"^continued 130$",
            r"^gone 143$",
            r"^10000$",
            r"^jobs none$",
            r"^a line then the end *$",
            r"^41 90$",
            r"^speed 9600 baud; rows 41; columns 90; line = 0;$",
        ),
        dialogue=(
            (PROMPT, SAYS_READY),
            (r"^ready$", "\x03"),
            (PROMPT, "echo interrupted $?\n"),
            (PROMPT, SAYS_READY),
            (r"^ready$", "\x1c"),
            (PROMPT, "echo quit $?\n"),
            (PROMPT, SAYS_WOKE),
            (r"^ready$", "\x1a"),
            (PROMPT, "echo stopped $?\n"),
            (PROMPT, "sleep 2000 &\n"),
            (PROMPT, "jobs\n"),
            (PROMPT, "fg %1\n"),
            (r"^woke$", "\x03"),
            (PROMPT, "echo continued $?\n"),
            (PROMPT, "kill -STOP %2; bg %2; kill %2; wait %2; echo gone $?\n"),
            (PROMPT, "seq 10000 | cat | tail -n1 & wait; jobs; echo jobs no''ne\n"),
            (PROMPT, "echo re''ady; cat >/tmp/in; tr '\\n' ' ' </tmp/in; echo\n"),
            (r"^ready$", "a line\nthen the end\n\x04"),
            (PROMPT, "stty rows 41 cols 90; stty size; stty -a | head -n1\n"),
            (PROMPT, "poweroff\n"),
        ),
    ),
    BootCheck(
        "full-screen programs at the terminal",
        "quiet",
        expect=(r"^second;changed$", r"PID +PPID +USER", r"^left top 0$"),
        dialogue=(
            (PROMPT, "stty rows 24 cols 80; vi /tmp/text\n"),
            # vi shows in front of the file's name whether it takes commands or inserts
            (r"- /tmp/text", "i"),
            (r"I /tmp/text", "first\nsecond"),
            (r"second", "\x1b"),
            (r"- /tmp/text", "A"),
            (r"I /tmp/text", ";changed"),
            (r";changed", "\x1b"),
            (r"- /tmp/text", ":wq\n"),
            (PROMPT, "cat /tmp/text\n"),
            (PROMPT, "top -d 1\n"),
            (r"Load average[\s\S]*PID +PPID[\s\S]*Load average", "q"),
            (PROMPT, "echo left top $?\n"),
            (PROMPT, "poweroff\n"),
        ),
    ),
    # ---- a session in the window
    BootCheck(
        "a session in the window",
        "quiet console=tty0",
        tine_only=True,
        expect=(r"leave +poweroff", r"here$"),
        on_screen=(
            (SCREEN_PROMPT, "tty; stty size\n"),
            (r"^/dev/tty1\n25 80\n/ #\Z", "printf '\\303\\251 \\342\\224\\200 \\016q\\017\\n'\n"),
            (r"^é ─ ─\n/ #\Z", SAYS_READY),
            (r"^ready\Z", "\x03"),
            (r"^ready\n\^C\n/ #\Z", "echo UP $?\n"),
            (r"^UP 130\n/ #\Z", "key:up"),
            (r"^/ # echo UP \$\?\Z", "\x7f\x7fdown\n"),
            (r"^UP down\n/ #\Z", "vi /tmp/x\n"),
            (r"^- /tmp/x 1/1 100%\Z", "ihello\x1b"),
            (r"^- /tmp/x \[Modified\] 1/1 100%\Z", ":wq\n"),
            (r"^/ #\Z", "clear; cat /tmp/x; echo here >/dev/ttyS0\n"),
            (r"\Ahello\n/ #\Z", "key:ctrl-alt-delete"),
        ),
        reject=(r"UP 130",),
    ),
    BootCheck(
        "a panic shows on the screen too",
        "quiet rdinit=/bin/true console=tty0",
        ends="panic",
        tine_only=True,
        expect=(PANIC,),
        on_screen=((PANIC + r"Attempted to kill init!", ""), (r"---\[ end Kernel panic", "")),
    ),
    BootCheck(
        "the keyboard of machine pc",
        "quiet console=tty0",
        {"board": "pc", "smp": 1},
        tine_only=True,
        expect=(),
        on_screen=((SCREEN_PROMPT, "poweroff\n"),),
    ),
    BootCheck(
        "the shell is started again",
        "quiet",
        expect=(r"^first$", r"^second$"),
        dialogue=((PROMPT, "echo fir''st; exit\n"), (PROMPT, "echo sec''ond; reboot\n")),
    ),
)


def newc_entry(name, mode, content):
    """One file of a newc archive (cpio(5)), header, name and content each padded to four bytes."""

    def padded(data):
        return data + b"\0" * (-len(data) % 4)

    # inode, mode, uid, gid, links, mtime, size, device and special device twice over, name, check
    fields = (0xFFFF, 0o100000 | mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return padded(header + name.encode() + b"\0") + padded(content)


def laid_out_by_pages(archive):
    """What tools/align_cpio makes of it."""
    tool = os.path.join(os.path.dirname(__file__), "..", "tools", "align_cpio")
    return subprocess.run([tool], input=archive, stdout=subprocess.PIPE, check=True).stdout


def members(archive):
    """(name, bytes) of each file of a newc archive, the trailer included."""
    at = 0
    while at < len(archive):
        size, name_size = int(archive[at + 54 : at + 62], 16), int(archive[at + 94 : at + 102], 16)
        name = archive[at + 110 : at + 110 + name_size - 1].decode()
        start, at = at, at + 110 + name_size
        at += -at % 4 + size
        at += -at % 4
        yield name, archive[start:at]
        if name == "TRAILER!!!":
            return


def with_fork_suites(archive):
    """Of the programs for tests, only these."""
    return b"".join(
        content
        for name, content in members(archive)
        if not name.startswith(("tests/", "bench/")) or name.startswith("tests/fork")
    )


def make_initrds(whole, folder):
    """Writes the archives that the rows name into `folder`; returns their paths by name."""
    with open(whole, "rb") as file:
        packed = file.read()
    plain = gzip.decompress(packed)
    corrupt = bytearray(packed)
    middle = len(corrupt) // 2
    for position in range(middle, middle + 64):
        corrupt[position] ^= 0x5A
    contents = {
        "plain": plain,
        "truncated": packed[: len(packed) // 2],
        "truncated plain": plain[: len(plain) // 2],
        "corrupt": bytes(corrupt),
        "with a broken program": newc_entry("broken", 0o755, b"\x7fELF but no more than that") + plain,
        "by pages": laid_out_by_pages(newc_entry("large", 0o644, LARGE) + plain),
        "fork suites": gzip.compress(with_fork_suites(plain), 1),
        "noise": bytes((i * 167 + 13) % 256 for i in range(65536)),
    }
    paths = {"whole": whole, "none": None}
    for name, content in contents.items():
        paths[name] = os.path.join(folder, f"initrd-{name.replace(' ', '-')}")
        with open(paths[name], "wb") as file:
            file.write(content)
    return paths
