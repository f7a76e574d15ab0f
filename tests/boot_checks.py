"""Boots that are expected to go a certain way, one row each.

What comes on the serial line must match the patterns of `expect`, one after the other, and none of `reject`;
the boot must end as `ends` says (machine.Boot). A pattern is a regular expression; ^ and $ are the ends of a
line. Rows marked `tine_only` say what Linux says in other words, or what Linux cannot do.
"""

import dataclasses
import gzip
import hashlib
import os
import subprocess

PANIC = r"Kernel panic - not syncing: "
RAN = r"^#### end \S+ exit=0$"
PROMPT = r"# \Z"
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
    tine_only: bool = False
    needs_memory: int = 0  # GiB that the host must have

    def skip_reason(self, on_linux):
        if on_linux and self.tine_only:
            return "only for Tine"
        if self.needs_memory and host_memory() < self.needs_memory << 30:
            return f"this host has less than {self.needs_memory} GiB"
        return None


def host_memory():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


CHECKS = (
    # ---- what the kernel explains
    BootCheck(
        "loglevel=7 says why a clone is refused",
        "loglevel=7 -- run /tests/clone-rules",
        expect=(r"clone: refused: CLONE_SIGHAND needs CLONE_VM \(shared handlers point into shared code\)", RAN),
        tine_only=True,
    ),
    BootCheck(
        "loglevel=7 names a system call that is missing",
        "loglevel=7 -- run /bin/busybox true",
        expect=(r"busybox\[\d+\]: system call \d+ \(\w+\) is not implemented", RAN),
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
        "noise": bytes((i * 167 + 13) % 256 for i in range(65536)),
    }
    paths = {"whole": whole, "none": None}
    for name, content in contents.items():
        paths[name] = os.path.join(folder, f"initrd-{name.replace(' ', '-')}")
        with open(paths[name], "wb") as file:
            file.write(content)
    return paths
