/*
 * Linux x86-64's names, by number, of the system calls that Tine lacks, for messages about them.
 * Included once, by kernel/syscall.c.
 */
#pragma once

/* clang-format off */
static const char *const syscall_names[] = {
	[29] = "shmget", "shmat", "shmctl", [64] = "semget", "semop", "semctl", "shmdt", "msgget",
	"msgsnd", "msgrcv", "msgctl", [101] = "ptrace", [134] = "uselib", [136] = "ustat",
	[139] = "sysfs", [154] = "modify_ldt", [156] = "_sysctl", [163] = "acct",
	[167] = "swapon", "swapoff", [172] = "iopl", "ioperm", "create_module", "init_module",
	"delete_module", "get_kernel_syms", "query_module", "quotactl", "nfsservctl", "getpmsg",
	"putpmsg", "afs_syscall", "tuxcall", "security", [205] = "set_thread_area", "io_setup",
	"io_destroy", "io_getevents", "io_submit", "io_cancel", "get_thread_area",
	"lookup_dcookie", [214] = "epoll_ctl_old", "epoll_wait_old", [220] = "semtimedop",
	[236] = "vserver", "mbind", "set_mempolicy", "get_mempolicy", "mq_open", "mq_unlink",
	"mq_timedsend", "mq_timedreceive", "mq_notify", "mq_getsetattr", "kexec_load",
	[248] = "add_key", "request_key", "keyctl", [253] = "inotify_init", "inotify_add_watch",
	"inotify_rm_watch", "migrate_pages", [279] = "move_pages", [294] = "inotify_init1",
	[298] = "perf_event_open", [300] = "fanotify_init", "fanotify_mark",
	[303] = "name_to_handle_at", "open_by_handle_at", [308] = "setns", [313] = "finit_module",
	[317] = "seccomp", [320] = "kexec_file_load", "bpf", [323] = "userfaultfd",
	[333] = "io_pgetevents", "rseq", [425] = "io_uring_setup", "io_uring_enter",
	"io_uring_register", "open_tree", "move_mount", "fsopen", "fsconfig", "fsmount", "fspick",
	[442] = "mount_setattr", "quotactl_fd", "landlock_create_ruleset", "landlock_add_rule",
	"landlock_restrict_self", "memfd_secret", "process_mrelease",
	[450] = "set_mempolicy_home_node",
};
/* clang-format on */
