"""What the documents say of clone's flags and the kernel itself need not know: tools/clone_flags.py's words.

Numbers, needs, excludes, errnos and reasons are the kernel's, not here. A flag's own suite is
user/tests/clone-NAME.c and found by itself; `also` names cases of other suites that show it, (suite, text).
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Words:
    brief: str  # what it does, for a table
    text: str  # what it does, for its section
    also: tuple = ()


CLONE3_ONLY = ("CLONE_NEWTIME", "CLONE_CLEAR_SIGHAND", "CLONE_INTO_CGROUP")

NO_NAMESPACE = "refused: Tine has one namespace of each kind; what Linux refuses first has Linux's errno"

RULES = "clone-rules"
GOES_WITH_NOTHING = (RULES, "rules: namespaces that do not go with sharing")
NEEDS_PRIVILEGE = (RULES, "rules: without privilege a namespace is EPERM, after all that is EINVAL")
NEEDS = (RULES, "rules: CLONE_SIGHAND needs CLONE_VM, CLONE_THREAD needs CLONE_SIGHAND")
UNWANTED_WITH_PIDFD = (RULES, "rules: what CLONE_PIDFD does not go with")
MATRIX = ("clone-matrix", "matrix: by root, what is refused and what a child is, as Linux has it")
NO_MEANING = ("clone-detached", "rules: clone accepts flags that have no meaning left")


def namespace(kind):
    return Words(
        NO_NAMESPACE,
        f"On Linux the child begins a {kind} namespace. Tine refuses it, but only after every check that Linux makes.",
        (GOES_WITH_NOTHING, NEEDS_PRIVILEGE),
    )


FLAGS = {
    "CLONE_VM": Words(
        "shares the memory",
        "Parent and child run in one address space: what either writes, maps, unmaps or protects, the other sees. Without"
        " it the child has a copy, made page by page when one of them writes. A child that shares memory needs a stack of"
        " its own, unless its parent waits (CLONE_VFORK).",
        (NEEDS,),
    ),
    "CLONE_FS": Words(
        "shares root, working directory and umask",
        "chroot, chdir and umask of one are the other's too. Without it the child begins with the parent's and both go"
        " their own ways. unshare(CLONE_FS) ends the sharing.",
        (GOES_WITH_NOTHING,),
    ),
    "CLONE_FILES": Words(
        "shares the descriptors",
        "One descriptor table: open, close, dup and close-on-exec marks of one are the other's. Without it the child has"
        " a copy of the table; the open files behind it, with their offsets, are the same either way."
        " unshare(CLONE_FILES) and exec end the sharing.",
    ),
    "CLONE_SIGHAND": Words(
        "shares the signal handlers",
        "sigaction of one changes what the other does. Masks and pending signals are each one's own all the same.",
        (NEEDS,),
    ),
    "CLONE_PIDFD": Words(
        "stores a descriptor that stands for the child",
        "A descriptor is made, close-on-exec, and stored for the parent (at pidfd in clone3, at parent_tid in clone)"
        " before the child can be seen. It can be polled for the child's end, waited for, and signalled through.",
        (UNWANTED_WITH_PIDFD,),
    ),
    "CLONE_PTRACE": Words(
        "accepted; there are no tracers yet",
        "If the caller is being traced, its tracer traces the child as well. Without a tracer it does nothing.",
        (MATRIX,),
    ),
    "CLONE_VFORK": Words(
        "the parent waits until the child has let go of the memory",
        "The calling thread sleeps until the child execs or ends; no signal but a deadly one wakes it. It does so"
        " without CLONE_VM as well. vfork is CLONE_VFORK with CLONE_VM.",
        (("vfork", "vfork: the parent does not run before the child has exited"),),
    ),
    "CLONE_PARENT": Words(
        "the caller's parent becomes the child's",
        "The child is a sibling: the caller's parent waits for it, and gets the exit signal that the caller itself has,"
        " whatever the call asks for.",
    ),
    "CLONE_THREAD": Words(
        "the child joins the caller's thread group",
        "A thread: the same process number, parent, group and session, a thread number of its own. Nobody waits for it,"
        " and it sends no exit signal.",
        (NEEDS, GOES_WITH_NOTHING, UNWANTED_WITH_PIDFD),
    ),
    "CLONE_NEWNS": namespace("mount"),
    "CLONE_SYSVSEM": Words(
        "shares what is to be undone to System V semaphores",
        "Both have one list of what they did with SEM_UNDO. It is undone when the last of those who share it ends, or"
        " leaves it by unshare(CLONE_SYSVSEM); exec keeps it. Without the flag the child begins with none.",
        (GOES_WITH_NOTHING,),
    ),
    "CLONE_SETTLS": Words(
        "sets the TLS base",
        "The child's FS base is tls, as threads want it. Without it the child begins with the parent's.",
    ),
    "CLONE_PARENT_SETTID": Words(
        "stores the child's number for the parent",
        "The number is in the parent's memory, at parent_tid, before the child runs. A bad address is ignored.",
    ),
    "CLONE_CHILD_CLEARTID": Words(
        "zeroes a word and wakes a futex when the child lets go of its memory",
        "When the child execs or ends, by a signal too, the word at child_tid becomes 0 and one waiter on it is woken:"
        " this is how threads are joined. If nobody else has the memory, nothing is written.",
    ),
    "CLONE_DETACHED": Words(
        "accepted and without meaning in clone; refused in clone3",
        "Long ago it made a child that nobody waits for; the bit is kept free. clone ignores it, except beside"
        " CLONE_PIDFD.",
        (UNWANTED_WITH_PIDFD,),
    ),
    "CLONE_UNTRACED": Words(
        "accepted; there are no tracers yet",
        "The caller's tracer hears of no event and cannot have the child traced. Kernel threads are made with it.",
        (NO_MEANING,),
    ),
    "CLONE_CHILD_SETTID": Words(
        "stores the child's number in the child's memory",
        "The child stores it at child_tid before it reaches user mode. A bad address is ignored.",
    ),
    "CLONE_NEWCGROUP": namespace("control group"),
    "CLONE_NEWUTS": namespace("host name"),
    "CLONE_NEWIPC": namespace("System V IPC"),
    "CLONE_NEWUSER": namespace("user"),
    "CLONE_NEWPID": namespace("process number"),
    "CLONE_NEWNET": namespace("network"),
    "CLONE_NEWTIME": namespace("time"),
    "CLONE_IO": Words(
        "shares the io context, if there is one",
        "What ioprio_set sets for one, the other has. If the parent has never set any there is nothing to share.",
    ),
    "CLONE_CLEAR_SIGHAND": Words(
        "handlers go back to their defaults",
        "The child begins with the default action where the parent has a handler; ignored signals stay ignored.",
    ),
    "CLONE_INTO_CGROUP": Words(
        "refused: Tine has no control groups",
        "On Linux the child begins in the control group that the descriptor in cgroup stands for.",
        (("clone-arguments", "rules: clone3 refuses CLONE_INTO_CGROUP without a descriptor"),),
    ),
}

# What is no flag: a heading, what it does in a table and in its section, cases.
EXIT_SIGNAL = Words(
    "what the parent is sent at the child's end: any of 0 to 255, sent if it is 1 to 64",
    "clone takes it from the low byte of flags, clone3 from exit_signal. A child whose signal is not SIGCHLD is"
    " seen only by waits with `__WCLONE` or `__WALL`. exec, and being adopted, make it SIGCHLD.",
    (("clone-arguments", "rules: clone3 refuses exit signals above 64, and any with threads or CLONE_PARENT"),),
)
SET_TID = Words(
    "the number that the child is to have",
    "A program that is restored from a checkpoint wants its old numbers. set_tid lists one for each pid namespace,"
    " from the innermost out; there is one.",
    (("clone-arguments", "rules: clone3 refuses half a set_tid, long ones and bad ones"),),
)
RULES_CASES = (
    MATRIX,
    ("clone-matrix", "matrix: the same without privilege"),
    ("clone-refusals", "refusals: each rule has its errno, with a call that breaks no other"),
)
BLOCK_CASES = (
    ("clone-arguments", "rules: clone3 refuses sizes below 64 and above a page, before it reads"),
    ("clone-arguments", "rules: clone3 refuses bytes that it does not know unless they are zero"),
    ("clone-arguments", "rules: clone3 refuses bad pointers, also ones that begin well"),
    ("clone-arguments", "rules: clone3 refuses half a stack and stacks beyond user memory"),
    ("clone-arguments", "rules: clone3 looks at size, arguments and flags in that order"),
    (RULES, "rules: clone3 refuses exit signals among the flags, and unknown flags up to bit 63"),
)
