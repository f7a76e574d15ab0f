/* Credentials (kernel/cred.c): immutable once in use; who changes them makes new ones. */
#pragma once

#include <tine/atomic.h>
#include <tine/types.h>

struct kernel_clone_args;
struct task_struct;

#define NGROUPS_MAX  65536
#define CAP_LAST     40
#define CAP_FULL_SET ((1ull << (CAP_LAST + 1)) - 1)

#define CAP_CHOWN              0
#define CAP_DAC_OVERRIDE       1
#define CAP_DAC_READ_SEARCH    2
#define CAP_FOWNER             3
#define CAP_FSETID             4
#define CAP_KILL               5
#define CAP_SETGID             6
#define CAP_SETUID             7
#define CAP_SETPCAP            8
#define CAP_LINUX_IMMUTABLE    9
#define CAP_NET_ADMIN          12
#define CAP_IPC_LOCK           14
#define CAP_IPC_OWNER          15
#define CAP_SYS_RAWIO          17
#define CAP_SYS_CHROOT         18
#define CAP_SYS_PTRACE         19
#define CAP_SYS_ADMIN          21
#define CAP_SYS_BOOT           22
#define CAP_SYS_NICE           23
#define CAP_SYS_RESOURCE       24
#define CAP_SYS_TIME           25
#define CAP_SYS_TTY_CONFIG     26
#define CAP_MKNOD              27
#define CAP_SETFCAP            31
#define CAP_MAC_OVERRIDE       32
#define CAP_SYSLOG             34
#define CAP_WAKE_ALARM         35
#define CAP_CHECKPOINT_RESTORE 40

/* What limits count for each user. */
struct user_struct {
	struct atomic count;
	struct atomic processes;
	struct atomic sigpending;      /* queued signals, for RLIMIT_SIGPENDING */
	struct atomic files_in_flight; /* in messages of sockets, for RLIMIT_NOFILE */
	long epoll_watches;            /* atomic: files that epolls watch */
	uid_t uid;
	struct user_struct *next; /* hash chain */
};

struct group_info {
	struct atomic count;
	unsigned int n;
	gid_t gid[]; /* sorted */
};

enum id_kind { USER_IDS, GROUP_IDS };
struct ids {
	u32 real, effective, saved, fs;
};

struct cred {
	struct atomic count;
	union {
		struct {
			uid_t uid, euid, suid, fsuid;
			gid_t gid, egid, sgid, fsgid;
		};
		struct ids ids[2]; /* the same, by enum id_kind */
	};
	struct group_info *groups; /* counted; NULL: none */
	struct user_struct *user;  /* counted; of uid */
	u64 cap_effective, cap_permitted, cap_inheritable, cap_bounding, cap_ambient;
	u32 securebits; /* SECBIT_ */
};

extern struct cred init_cred;

struct cred *get_cred(struct cred *cred);
void put_cred(struct cred *cred); /* tolerates NULL */
/* A copy to be changed, count 1. NULL: out of memory. */
struct cred *prepare_creds(void);
/*
 * Makes new (consumed) current's credentials; moves the process count if the user changed. Cannot
 * fail.
 */
void commit_creds(struct cred *new);
/* Finds or makes the user, counted. NULL: out of memory. */
struct user_struct *get_user_struct(uid_t uid);
void put_user_struct(struct user_struct *user);

/*
 * Another task's credentials change only under its alloc_lock and its sighand's lock: hold one of
 * them to look.
 */
/* task's, counted; neither lock held. */
struct cred *get_task_cred(struct task_struct *task);
/* task's real uid; neither lock held. */
uid_t task_uid(struct task_struct *task);

/* Gives a cred that is being prepared other groups (the reference is consumed; NULL: none). */
void cred_set_groups(struct cred *cred, struct group_info *groups);

/* Rows of clone's table of resources. Process count: EAGAIN over RLIMIT_NPROC. */
int copy_creds(struct task_struct *child, const struct kernel_clone_args *args);
void release_creds(struct task_struct *task);
int copy_process_count(struct task_struct *child, const struct kernel_clone_args *args);
void release_process_count(struct task_struct *task);

/* The capability is in current's effective set. */
bool has_capability(int cap);
/* The same, and current is marked as one that has used it (PF_SUPERPRIV): ask last. */
bool capable(int cap);
/*
 * May current look into task: its memory, its open files? Its own threads always may; others if
 * task's ids are all the same as the ids of current by which it is judged, if task's capabilities
 * are no more than current's (permitted ones, or effective ones with the file ids) and its program
 * could be read, or with CAP_SYS_PTRACE (ptrace(2), "access mode checking").
 */
enum inspect_by { INSPECT_BY_REAL_IDS, INSPECT_BY_FILE_IDS };
bool may_inspect(struct task_struct *task, enum inspect_by by);
bool in_group(const struct cred *cred, gid_t gid); /* fsgid or a supplementary group */
/* exec's change of credentials for a set-user-id file etc. is in kernel/exec.c. */

/*
 * getresuid(2), setuid(2), setreuid(2), setresuid(2), setfsuid(2), and the same for groups
 * (kernel/cred_syscalls.c).
 */
long get_ids(enum id_kind kind, u32 __user *real, u32 __user *effective, u32 __user *saved);
long set_id(enum id_kind kind, u32 id);
long set_re_ids(enum id_kind kind, u32 real, u32 effective);
long set_res_ids(enum id_kind kind, u32 real, u32 effective, u32 saved);
/* Returns the old one, whether it changed or not. */
long set_fs_id(enum id_kind kind, u32 id);

void cred_init(void);
