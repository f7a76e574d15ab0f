#ifndef CLONE_RULES_H
#define CLONE_RULES_H

/*
 * What Linux refuses of clone and clone3, stated a second time.
 *
 * Written from the manual pages (clone(2), its sections on each flag, "The clone3() system call" and
 * ERRORS; user_namespaces(7), pid_namespaces(7)), and where these are silent from what Linux 6.1 was
 * seen to do. Not from the kernel's own table, kernel/clone_rules.c: tests/unit/clone_rules.c holds
 * the two against each other, and user/tests/clone-matrix.c this one against the kernel that it runs
 * on, Tine or Linux. So it has numbers of its own and includes nothing of either.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>

#define CLONE_BITS(X)         \
	X(NEWTIME, 7)         \
	X(VM, 8)              \
	X(FS, 9)              \
	X(FILES, 10)          \
	X(SIGHAND, 11)        \
	X(PIDFD, 12)          \
	X(PTRACE, 13)         \
	X(VFORK, 14)          \
	X(PARENT, 15)         \
	X(THREAD, 16)         \
	X(NEWNS, 17)          \
	X(SYSVSEM, 18)        \
	X(SETTLS, 19)         \
	X(PARENT_SETTID, 20)  \
	X(CHILD_CLEARTID, 21) \
	X(DETACHED, 22)       \
	X(UNTRACED, 23)       \
	X(CHILD_SETTID, 24)   \
	X(NEWCGROUP, 25)      \
	X(NEWUTS, 26)         \
	X(NEWIPC, 27)         \
	X(NEWUSER, 28)        \
	X(NEWPID, 29)         \
	X(NEWNET, 30)         \
	X(IO, 31)             \
	X(CLEAR_SIGHAND, 32)  \
	X(INTO_CGROUP, 33)

#define CLONE_BIT_VALUE(name, bit) BIT_##name = bit,
#define CLONE_BIT_NAME(name, bit)  [bit] = "CLONE_" #name,
enum clone_bit { CLONE_BITS(CLONE_BIT_VALUE) };
static const char *const clone_bit_names[64] = {CLONE_BITS(CLONE_BIT_NAME)};

#define BIT(name) (UINT64_C(1) << BIT_##name)

/* The end of user memory; with five levels of page tables, Linux's is BEYOND_USER less a page. */
#define USER_TOP    UINT64_C(0x7ffffffff000)
#define BEYOND_USER UINT64_C(0x100000000000000)

/* A call. What is after flags and exit_signal is read by clone3 only, tls excepted. */
struct clone_call {
	int clone3;
	uint64_t flags; /* of clone: without the exit signal */
	uint64_t exit_signal;
	uint64_t tls;
	int same_address; /* pidfd and parent_tid are one */
	uint64_t size;
	int bytes_beyond; /* behind the 88 bytes known, one is not zero */
	uint64_t stack, stack_size;
	uint64_t set_tid, set_tid_size; /* address and length */
	int number, number_taken;       /* what is there first, and whether somebody has it */
	uint64_t cgroup;
};

struct clone_who {
	int init;
	int sys_admin, checkpoint_restore;
	int pid_max;
};

/* clone ignores what is above bit 31. */
static inline uint64_t flags_of(const struct clone_call *c)
{
	return c->clone3 ? c->flags : c->flags & UINT64_C(0xffffff00);
}

static inline int has(const struct clone_call *c, uint64_t all)
{
	return (flags_of(c) & all) == all;
}

#define NAMESPACE_BITS                                                                         \
	(BIT(NEWNS) | BIT(NEWCGROUP) | BIT(NEWUTS) | BIT(NEWIPC) | BIT(NEWPID) | BIT(NEWNET) | \
	 BIT(NEWTIME))

/* Asks for what Linux has and Tine has not. */
static inline int asks_for_more(const struct clone_call *c)
{
	return (flags_of(c) & (NAMESPACE_BITS | BIT(NEWUSER) | BIT(INTO_CGROUP))) != 0;
}

/* "The clone3() system call": what its structure holds, as far as its size goes. */
static inline int block_refused(const struct clone_call *c)
{
	uint64_t set_tid = c->size >= 72 ? c->set_tid : 0;
	uint64_t set_tid_size = c->size >= 80 ? c->set_tid_size : 0;

	if (c->size > 4096)
		return E2BIG;
	if (c->size < 64)
		return EINVAL;
	if (c->size > 88 && c->bytes_beyond)
		return E2BIG;
	/* At most one number for each of the 32 levels that pid namespaces may have. */
	if (set_tid_size > 32 || (set_tid && !set_tid_size) || (!set_tid && set_tid_size))
		return EINVAL;
	if (c->exit_signal > 64)
		return EINVAL;
	if (has(c, BIT(INTO_CGROUP)) && (c->size < 88 || c->cgroup > INT32_MAX))
		return EINVAL;
	return 0;
}

/* The same section: what clone takes, or ignores, and clone3 does not. */
static inline int strictly_refused(const struct clone_call *c)
{
	if (c->flags >> 34 || (c->flags & 0x7f) || has(c, BIT(DETACHED)))
		return EINVAL;
	if (has(c, BIT(CLEAR_SIGHAND) | BIT(SIGHAND)))
		return EINVAL;
	if (c->exit_signal && (has(c, BIT(THREAD)) || has(c, BIT(PARENT))))
		return EINVAL;
	if ((c->stack != 0) != (c->stack_size != 0))
		return EINVAL;
	if (c->stack > USER_TOP || c->stack_size > USER_TOP - c->stack)
		return EINVAL;
	return 0;
}

/* ERRORS of clone(2): the paragraphs on EINVAL. */
static inline int combination_refused(const struct clone_call *c, const struct clone_who *who)
{
	if (has(c, BIT(FS) | BIT(NEWNS)) || has(c, BIT(FS) | BIT(NEWUSER)))
		return EINVAL;
	if (has(c, BIT(THREAD)) && !has(c, BIT(SIGHAND)))
		return EINVAL;
	if (has(c, BIT(SIGHAND)) && !has(c, BIT(VM)))
		return EINVAL;
	if (has(c, BIT(PARENT)) && who->init)
		return EINVAL;
	if (has(c, BIT(THREAD) | BIT(NEWPID)) || has(c, BIT(THREAD) | BIT(NEWUSER)))
		return EINVAL;
	if (has(c, BIT(PIDFD) | BIT(THREAD)) || has(c, BIT(PIDFD) | BIT(DETACHED)))
		return EINVAL;
	if (has(c, BIT(PIDFD) | BIT(PARENT_SETTID)) && c->same_address)
		return EINVAL;
	return 0;
}

/*
 * The paragraphs on EPERM and EEXIST, and what Linux looks at no sooner than these. The creator of
 * a user namespace may do everything in it. With CLONE_NEWPID the first number is one of the new
 * namespace, which is not stated here.
 */
static inline int privilege_refused(const struct clone_call *c, const struct clone_who *who)
{
	if ((flags_of(c) & NAMESPACE_BITS) && !has(c, BIT(NEWUSER)) && !who->sys_admin)
		return EPERM;
	if (has(c, BIT(NEWIPC) | BIT(SYSVSEM)))
		return EINVAL;
	if (has(c, BIT(SETTLS)) && c->tls >= USER_TOP)
		return EPERM;
	if (!c->clone3 || c->size < 80 || !c->set_tid_size)
		return 0;
	if (c->set_tid_size > 1 || c->number < 1 || c->number >= who->pid_max)
		return EINVAL;
	if (!who->sys_admin && !who->checkpoint_restore)
		return EPERM;
	return c->number_taken ? EEXIST : 0;
}

/* The errno that Linux refuses the call with; 0: it does what is asked. */
static inline int clone_refused(const struct clone_call *c, const struct clone_who *who)
{
	int error = c->clone3 ? block_refused(c) : 0;

	if (!error && c->clone3)
		error = strictly_refused(c);
	if (!error)
		error = combination_refused(c, who);
	if (!error)
		error = privilege_refused(c, who);
	return error;
}

/* The call in words, for whoever looks into a disagreement. */
static inline const char *clone_call_words(const struct clone_call *c)
{
	static char text[2048];
	size_t n = snprintf(text, sizeof(text), c->clone3 ? "clone3(" : "clone(");

	for (int bit = 0; bit < 64; bit++)
		if (c->flags >> bit & 1)
			n += clone_bit_names[bit]
				     ? snprintf(text + n, sizeof(text) - n, "%s | ",
						clone_bit_names[bit])
				     : snprintf(text + n, sizeof(text) - n, "bit %d | ", bit);
	n += snprintf(text + n, sizeof(text) - n, "exit signal %lld, tls %#llx",
		      (long long)c->exit_signal, (unsigned long long)c->tls);
	if (c->same_address)
		n += snprintf(text + n, sizeof(text) - n, ", pidfd == parent_tid");
	if (c->clone3)
		n += snprintf(
			text + n, sizeof(text) - n,
			", stack %#llx, stack_size %#llx, set_tid %s, set_tid_size %lld, number %d%s",
			(unsigned long long)c->stack, (unsigned long long)c->stack_size,
			c->set_tid ? "given" : "NULL", (long long)c->set_tid_size, c->number,
			c->number_taken ? " in use" : "");
	if (c->clone3)
		n += snprintf(text + n, sizeof(text) - n, ", cgroup %lld; size %lld%s",
			      (long long)c->cgroup, (long long)c->size,
			      c->bytes_beyond ? ", bytes beyond" : "");
	snprintf(text + n, sizeof(text) - n, ")");
	return text;
}

#endif
