/*
 * Capabilities by themselves: capget and capset in each of their versions, the rules among the five
 * sets, securebits and their locks, what a change of user does to them, and who may look into whose
 * process. What exec does to them is in setuid-exec.c, which calls ask for them in
 * capability-table.c.
 */
#include "rights.h"

#include <sys/personality.h>
#include <sys/uio.h>

#define USER  1000
#define OTHER 1001
#define TWO   (CAP(CAP_KILL) | CAP(CAP_SYSLOG))

/* ---- the calls ---- */

static void versions(void)
{
	static const uint32_t known[] = {CAP_VERSION_1, CAP_VERSION_2, CAP_VERSION_3};
	struct cap_header header = {0, 0};
	struct cap_data data[3];

	check_eq(raw2(SYS_capget, &header, NULL), 0);
	check_eq(header.version, CAP_VERSION_3);
	for (int i = 0; i < 3; i++) {
		memset(data, 0x5a, sizeof(data));
		header = (struct cap_header){known[i], 0};
		check_eq(raw2(SYS_capget, &header, NULL), 0);
		check_eq(raw2(SYS_capget, &header, data), 0);
		check_eq(header.version, known[i]);
		check_eq(data[0].effective, ALL_CAPS & 0xffffffff);
		check_eq(data[0].inheritable, 0);
		check_eq(data[1].effective, i == 0 ? 0x5a5a5a5a : ALL_CAPS >> 32);
		check_eq(data[2].effective, 0x5a5a5a5a);
	}
	/* For capset the question is an error. */
	header = (struct cap_header){0, 0};
	check_eq(raw2(SYS_capset, &header, data), -EINVAL);
	check_eq(header.version, CAP_VERSION_3);
}

static void version_one_sets_one_word(void)
{
	struct cap_header header = {CAP_VERSION_1, 0};
	struct cap_data data = {CAP(CAP_KILL), ~0u, CAP(CAP_SYS_CHROOT)};

	check_eq(raw2(SYS_capset, &header, &data), 0);
	check_own_caps(CAP(CAP_KILL), 0xffffffff, CAP(CAP_SYS_CHROOT), 0);
}

static void bits_above_the_last(void)
{
	check_eq(set_caps(~0UL, ~0UL, ~0UL), 0);
	check_own_caps(ALL_CAPS, ALL_CAPS, ALL_CAPS, 0);
}

/* The header is half there, or cannot be written. */
static void headers_at_the_edge(void)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t *version = (uint32_t *)(pages + 4096 - sizeof(*version));
	struct cap_data data[2];

	check(pages != MAP_FAILED);
	check_call(munmap(pages + 4096, 4096));
	*version = CAP_VERSION_3;
	check_eq(raw2(SYS_capget, version, NULL), 0);
	check_eq(raw2(SYS_capget, version, data), -EFAULT);
	check_eq(raw2(SYS_capset, version, data), -EFAULT);
	*version = 7;
	check_call(mprotect(pages, 4096, PROT_READ));
	check_eq(raw2(SYS_capget, version, NULL), -EFAULT);
	check_eq(raw2(SYS_capset, version, data), -EFAULT);
	check_eq(raw2(SYS_capget, NULL, NULL), -EFAULT);
}

static int own_thread(void *argument)
{
	struct thread *thread = argument;
	struct cap_header header = {CAP_VERSION_3, raw0(SYS_getpid)};
	struct cap_data data[2] = {{0}};
	struct rights rights;

	/* The leader's are not its own, though they can be seen. */
	thread[1].tid = raw2(SYS_capset, &header, data);
	thread[2].tid = read_caps(header.pid, &rights);
	header.pid = raw0(SYS_gettid);
	thread[3].tid = raw2(SYS_capset, &header, data);
	thread[4].tid = read_caps(0, &rights) ? -1 : (long)rights.permitted;
	return 0;
}

static void threads_have_their_own(void)
{
	struct thread thread[5];

	thread_start(&thread[0], own_thread, thread);
	thread_join(&thread[0]);
	check_eq(thread[1].tid, -EPERM);
	check_eq(thread[2].tid, 0);
	check_eq(thread[3].tid, 0);
	check_eq(thread[4].tid, 0);
	check_own_caps(ALL_CAPS, ALL_CAPS, 0, 0);
}

static void of_other_processes(void)
{
	struct rights rights;
	int ends[2];
	siginfo_t info;
	pid_t pid;

	make_pipe(ends);
	check_eq(set_caps(TWO, TWO, CAP(CAP_KILL)), 0);
	pid = tap_fork();
	if (pid == 0) {
		check_own_caps(TWO, TWO, CAP(CAP_KILL), 0);
		check_eq(set_caps(0, CAP(CAP_KILL), 0), 0);
		give_byte(ends[1], 'x');
		_exit(0);
	}
	take_byte(ends[0]);
	check_eq(read_caps(pid, &rights), 0);
	check(rights.effective == 0 && rights.permitted == CAP(CAP_KILL));
	check_call(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	check_eq(read_caps(pid, &rights), 0);
	check(rights.effective == 0 && rights.permitted == CAP(CAP_KILL));
	check_exits(pid, 0);
	check_eq(read_caps(pid, &rights), -ESRCH);
	check_own_caps(TWO, TWO, CAP(CAP_KILL), 0);
}

/* ---- rules among the sets ---- */

static void inheritable_ones_are_bounded(void)
{
	/* With CAP_SETPCAP also what is not permitted, but nothing outside the bounding set. */
	check_eq(privilege_call(PR_CAPBSET_DROP, CAP_SYSLOG, 0), 0);
	check_eq(set_caps(ALL_CAPS, ALL_CAPS, CAP(CAP_SYSLOG)), -EPERM);
	check_eq(set_caps(CAP(CAP_SETPCAP), CAP(CAP_SETPCAP), CAP(CAP_CHOWN)), 0);
	check_eq(set_caps(CAP(CAP_SETPCAP), CAP(CAP_SETPCAP), TWO), -EPERM);
	check_eq(set_caps(0, 0, CAP(CAP_CHOWN) | CAP(CAP_SETPCAP)), 0);
	check_eq(set_caps(0, 0, CAP(CAP_KILL)), -EPERM);
	check_eq(set_caps(0, 0, CAP(CAP_CHOWN)), 0);
	check_own_caps(0, 0, CAP(CAP_CHOWN), 0);
}

static void bounding_set_takes_no_other(void)
{
	struct rights rights;

	check_eq(set_caps(ALL_CAPS, ALL_CAPS, TWO), 0);
	make_ambient(TWO);
	check_eq(privilege_call(PR_CAPBSET_DROP, CAP_KILL, 0), 0);
	read_rights(&rights);
	check_eq(rights.bounding, ALL_CAPS & ~CAP(CAP_KILL));
	check_caps(&rights, ALL_CAPS, ALL_CAPS, TWO, TWO);
	check_eq(set_caps(ALL_CAPS & ~CAP(CAP_SETPCAP), ALL_CAPS, TWO), 0);
	check_eq(privilege_call(PR_CAPBSET_DROP, CAP_SYSLOG, 0), -EPERM);
	check_eq(privilege_call(PR_CAPBSET_READ, CAP_SYSLOG, 0), 1);
}

static void ambient_ones_need_two_sets(void)
{
	check_eq(raise_ambient(CAP_KILL), -EPERM);
	check_eq(set_caps(0, TWO, CAP(CAP_KILL)), 0);
	check_eq(raise_ambient(CAP_KILL), 0); /* effective or not */
	check_eq(raise_ambient(CAP_SYSLOG), -EPERM);
	check_own_caps(0, TWO, CAP(CAP_KILL), CAP(CAP_KILL));
	check_eq(set_caps(0, TWO & ~CAP(CAP_KILL), CAP(CAP_KILL)), 0);
	check_eq(raise_ambient(CAP_KILL), -EPERM);
}

static void ambient_ones_go_with_either_set(void)
{
	make_ambient(TWO);
	check_eq(set_caps(ALL_CAPS, ALL_CAPS, CAP(CAP_KILL)), 0);
	check_own_caps(ALL_CAPS, ALL_CAPS, CAP(CAP_KILL), CAP(CAP_KILL));
	make_ambient(TWO);
	check_eq(set_caps(0, CAP(CAP_SYSLOG), TWO), 0);
	check_own_caps(0, CAP(CAP_SYSLOG), TWO, CAP(CAP_SYSLOG));
}

static void ambient_ones_are_lowered(void)
{
	make_ambient(TWO | CAP(CAP_CHOWN));
	check_eq(privilege_call(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_KILL), 0);
	check_eq(privilege_call(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL), 0);
	check_eq(privilege_call(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN), 1);
	check_eq(privilege_call(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0), 0);
	check_own_caps(ALL_CAPS, ALL_CAPS, TWO | CAP(CAP_CHOWN), 0);
}

static void ambient_ones_can_be_forbidden(void)
{
	make_ambient(CAP(CAP_KILL));
	check_eq(set_caps(ALL_CAPS, ALL_CAPS, TWO), 0);
	check_eq(privilege_call(PR_SET_SECUREBITS, SECBIT_NO_CAP_AMBIENT_RAISE, 0), 0);
	check_eq(raise_ambient(CAP_SYSLOG), -EPERM);
	check_eq(raise_ambient(CAP_KILL), -EPERM);
	check_own_caps(ALL_CAPS, ALL_CAPS, TWO, CAP(CAP_KILL));
	check_eq(privilege_call(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_KILL), 0);
}

/* ---- securebits ---- */

static void each_lock_keeps_its_bit(void)
{
	for (int bit = 0; bit < 8; bit += 2) {
		long on = 1 << bit, locked = 2 << bit, now = locked | (bit & 2 ? on : 0);
		pid_t pid = tap_fork();

		if (pid == 0) {
			check_eq(privilege_call(PR_SET_SECUREBITS, now, 0), 0);
			check_eq(privilege_call(PR_SET_SECUREBITS, now ^ on, 0), -EPERM);
			check_eq(privilege_call(PR_SET_SECUREBITS, now & ~locked, 0), -EPERM);
			check_eq(privilege_call(PR_SET_SECUREBITS, 0, 0), -EPERM);
			check_eq(privilege_call(PR_SET_SECUREBITS, now | (0x55 & ~on), 0), 0);
			check_eq(privilege_call(PR_GET_SECUREBITS, 0, 0), now | (0x55 & ~on));
			_exit(0);
		}
		check_exits(pid, 0);
	}
}

static void securebits_need_setpcap(void)
{
	pid_t pid;

	check_eq(privilege_call(PR_SET_SECUREBITS, 0x100, 0), -EPERM);
	check_eq(privilege_call(PR_SET_SECUREBITS, 1L << 32, 0), -EPERM);
	check_eq(set_caps(ALL_CAPS & ~CAP(CAP_SETPCAP), ALL_CAPS, 0), 0);
	check_eq(privilege_call(PR_SET_SECUREBITS, 0, 0), -EPERM);
	/* Which keepcaps does not. */
	check_eq(privilege_call(PR_SET_KEEPCAPS, 1, 0), 0);
	check_eq(privilege_call(PR_GET_SECUREBITS, 0, 0), SECBIT_KEEP_CAPS);
	pid = tap_fork();
	if (pid == 0)
		_exit(privilege_call(PR_GET_SECUREBITS, 0, 0));
	check_exits(pid, SECBIT_KEEP_CAPS);
}

/* ---- changes of user ---- */

static void keepcaps_does_not_keep_ambient_ones(void)
{
	make_ambient(TWO);
	check_eq(privilege_call(PR_SET_KEEPCAPS, 1, 0), 0);
	check_eq(raw1(SYS_setuid, USER), 0);
	check_own_caps(0, ALL_CAPS, TWO, 0);
}

static void without_fixup_nothing_changes(void)
{
	make_ambient(TWO);
	check_eq(privilege_call(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0), 0);
	raw1(SYS_setfsuid, USER);
	check_own_caps(ALL_CAPS, ALL_CAPS, TWO, TWO);
	check_eq(raw3(SYS_setresuid, USER, OTHER, -1), 0);
	check_own_caps(ALL_CAPS, ALL_CAPS, TWO, TWO);
	check_eq(raw1(SYS_setuid, USER), 0);
	check_own_caps(ALL_CAPS, ALL_CAPS, TWO, TWO);
}

static void last_root_id_counts(void)
{
	make_ambient(TWO);
	check_eq(raw3(SYS_setresuid, USER, USER, 0), 0);
	check_own_caps(0, ALL_CAPS, TWO, TWO);
	check_eq(raw3(SYS_setresuid, USER, 0, 0), 0);
	check_own_caps(ALL_CAPS, ALL_CAPS, TWO, TWO);
	check_eq(raw3(SYS_setresuid, -1, USER, USER), 0);
	check_own_caps(0, 0, TWO, 0);
}

static void between_others_nothing_changes(void)
{
	check_eq(privilege_call(PR_SET_KEEPCAPS, 1, 0), 0);
	check_eq(raw1(SYS_setuid, USER), 0);
	check_eq(set_caps(CAP(CAP_SETUID), CAP(CAP_SETUID) | TWO, TWO), 0);
	make_ambient(TWO);
	check_eq(raw1(SYS_setuid, OTHER), 0);
	check_own_caps(CAP(CAP_SETUID), CAP(CAP_SETUID) | TWO, TWO, TWO);
	/* To be root gives what is permitted, and to leave it takes that for the first time. */
	check_eq(privilege_call(PR_SET_KEEPCAPS, 0, 0), 0);
	check_eq(raw1(SYS_setuid, 0), 0);
	check_own_caps(CAP(CAP_SETUID) | TWO, CAP(CAP_SETUID) | TWO, TWO, TWO);
	check_eq(raw1(SYS_setuid, USER), 0);
	check_own_caps(0, 0, TWO, 0);
}

static void file_user_gives_only_permitted_ones(void)
{
	unsigned long some = CAP(CAP_CHOWN) | CAP(CAP_KILL) | CAP(CAP_SETUID);

	check_eq(set_caps(some, some, 0), 0);
	raw1(SYS_setfsuid, USER);
	check_own_caps(some & ~CAP(CAP_CHOWN), some, 0, 0);
	check_eq(set_caps(CAP(CAP_SETUID), some, 0), 0);
	raw1(SYS_setfsuid, 0);
	check_own_caps(CAP(CAP_CHOWN) | CAP(CAP_SETUID), some, 0, 0);
}

/* It is set to the effective one by all calls that may change that, unless they are told to keep it
 * and all else. */
static void file_ids_follow(void)
{
	raw1(SYS_setfsuid, USER);
	check_eq(raw3(SYS_setresuid, -1, -1, -1), 0);
	check_eq(raw1(SYS_setfsuid, -1), USER);
	check_eq(raw3(SYS_setresuid, 0, -1, 0), 0);
	check_eq(raw1(SYS_setfsuid, -1), USER);
	check_eq(raw3(SYS_setresuid, -1, 0, -1), 0);
	check_eq(raw1(SYS_setfsuid, -1), 0);
	raw1(SYS_setfsgid, USER);
	check_eq(raw3(SYS_setresgid, -1, -1, -1), 0);
	check_eq(raw1(SYS_setfsgid, -1), USER);
	check_eq(raw3(SYS_setresgid, OTHER, -1, -1), 0);
	check_eq(raw1(SYS_setfsgid, -1), 0);
	raw1(SYS_setfsgid, USER);
	check_eq(raw2(SYS_setregid, -1, -1), 0);
	check_eq(raw1(SYS_setfsgid, -1), 0);
	raw1(SYS_setfsuid, USER);
	check_eq(raw2(SYS_setreuid, -1, -1), 0);
	check_eq(raw1(SYS_setfsuid, -1), 0);
}

static void group_minus_one_comes_before_the_fault(void)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	gid_t *groups = (gid_t *)(pages + 4096) - 2;

	check(pages != MAP_FAILED);
	check_call(munmap(pages + 4096, 4096));
	groups[0] = 5;
	groups[1] = -1;
	check_eq(raw2(SYS_setgroups, 2, groups), -EINVAL);
	check_eq(raw2(SYS_setgroups, 3, groups), -EINVAL);
	groups[1] = 6;
	check_eq(raw2(SYS_setgroups, 3, groups), -EFAULT);
	check_eq(raw2(SYS_setgroups, 2, groups), 0);
	check_eq(raw2(SYS_getgroups, 1, groups), -EINVAL);
	check_eq(raw2(SYS_getgroups, -1, groups), -EINVAL);
	check_eq(raw2(SYS_getgroups, 2, groups + 1), -EFAULT);
	check_eq(raw2(SYS_getgroups, 0, NULL), 2);
}

/* ---- umask ---- */

static int set_umask(void *unused)
{
	return raw1(SYS_umask, 0123) == 0777 ? 0 : 1;
}

static void umasks(void)
{
	raw1(SYS_umask, 022);
	check_eq(raw1(SYS_umask, 07777), 022);
	check_exits(clone_call(SIGCHLD, set_umask, NULL), 0);
	check_eq(raw1(SYS_umask, -1), 0777);
	check_exits(clone_call(SIGCHLD | CLONE_FS, set_umask, NULL), 0);
	check_eq(raw1(SYS_umask, 022), 0123);
}

/* ---- who may look ---- */

struct target {
	int ready;
	unsigned long permitted;
};

static void be_target(void *argument)
{
	struct target *target = argument;

	check_eq(privilege_call(PR_SET_KEEPCAPS, 1, 0), 0);
	check_call(setgid(USER));
	check_call(setuid(USER));
	check_eq(set_caps(0, target->permitted, 0), 0);
	check_eq(privilege_call(PR_SET_DUMPABLE, 1, 0), 0);
	set(&target->ready, 1);
	for (;;)
		pause();
}

static long see_program(pid_t pid)
{
	char path[64], text[256];

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	return raw3(SYS_readlink, path, text, sizeof(text));
}

static long see_memory(pid_t pid)
{
	static volatile char byte;
	struct iovec here = {(void *)&byte, 1}, there = {(void *)&byte, 1};

	return raw6(SYS_process_vm_readv, pid, &here, 1, &there, 1, 0);
}

/* As a user of the same ids with these capabilities. */
static void check_sight(pid_t target, unsigned long effective, unsigned long permitted, long files,
			long memory)
{
	pid_t pid = tap_fork();
	long program;

	if (pid == 0) {
		check_eq(privilege_call(PR_SET_KEEPCAPS, 1, 0), 0);
		check_call(setgid(USER));
		check_call(setuid(USER));
		check_eq(set_caps(effective, permitted, 0), 0);
		program = see_program(target);
		check_eq(program > 0 ? 0 : program, files);
		check_eq(see_memory(target), memory);
		_exit(0);
	}
	check_exits(pid, 0);
}

static void more_capable_ones_are_not_seen(void)
{
	struct target *target = tap_shared(4096);
	unsigned long ptrace = CAP(CAP_SYS_PTRACE);
	pid_t pid;

	target->permitted = TWO;
	pid = tap_child(be_target, target);
	tap_await(&target->ready, 1);
	check_sight(pid, 0, 0, -EACCES, -EPERM);
	check_sight(pid, CAP(CAP_KILL), CAP(CAP_KILL), -EACCES, -EPERM);
	/* Files are judged by the effective ones, memory by the permitted ones. */
	check_sight(pid, 0, TWO, -EACCES, 1);
	check_sight(pid, TWO, TWO, 0, 1);
	check_sight(pid, TWO, ALL_CAPS, 0, 1);
	check_sight(pid, 0, ptrace, -EACCES, -EPERM);
	check_sight(pid, ptrace, ptrace, 0, 1);
	check_call(kill(pid, SIGKILL));
	check_killed(pid, SIGKILL);
}

static void equally_capable_ones_are_seen(void)
{
	struct target *target = tap_shared(4096);
	pid_t pid = tap_child(be_target, target);

	tap_await(&target->ready, 1);
	check_sight(pid, 0, 0, 0, 1);
	check_call(kill(pid, SIGKILL));
	check_killed(pid, SIGKILL);
}

/* Only what may gain ends trust. */
static void giving_up_keeps_trust(void)
{
	struct rights rights;

	check_eq(privilege_call(PR_SET_PDEATHSIG, SIGUSR1, 0), 0);
	check_eq(set_caps(0, 0, 0), 0);
	read_rights(&rights);
	check_eq(rights.dumpable, 1);
	check_eq(rights.death_signal, SIGUSR1);
	check_eq(rights.owner, 0);
}

static void file_user_ends_trust(void)
{
	struct rights rights;

	check_eq(privilege_call(PR_SET_PDEATHSIG, SIGUSR1, 0), 0);
	check_eq(raw3(SYS_setresuid, USER, -1, USER), 0);
	check_eq(privilege_call(PR_GET_DUMPABLE, 0, 0), 1);
	raw1(SYS_setfsuid, USER);
	read_rights(&rights);
	check_eq(rights.dumpable, 0);
	check_eq(rights.death_signal, 0);
	check_eq(privilege_call(PR_SET_DUMPABLE, 1, 0), 0);
	raw1(SYS_setfsgid, USER);
	check_eq(privilege_call(PR_GET_DUMPABLE, 0, 0), 0);
}

static void owner_of_proc_follows_dumpable(void)
{
	struct rights rights;
	struct stat status;

	check_call(setgid(USER));
	check_call(setuid(USER));
	read_rights(&rights);
	check_eq(rights.owner, 0);
	check_call(stat("/proc/self/", &status));
	check_eq(status.st_uid, USER);
	check_eq(privilege_call(PR_SET_DUMPABLE, 1, 0), 0);
	read_rights(&rights);
	check_eq(rights.owner, USER);
}

static const struct test_case cases[] = {
	TEST(versions, "capabilities: the three versions, and the question for the newest"),
	TEST(version_one_sets_one_word, "capabilities: version 1 sets 32, and clears the others"),
	TEST(bits_above_the_last, "capabilities: bits above the last one are left out"),
	TEST(headers_at_the_edge, "capabilities: half a header, and one that cannot be written"),
	TEST(threads_have_their_own, "capabilities: a thread sets its own and no other's"),
	TEST(of_other_processes, "capabilities: those of others are seen, also of a zombie"),
	TEST(inheritable_ones_are_bounded,
	     "capabilities: what may become inheritable, with CAP_SETPCAP and without"),
	TEST(bounding_set_takes_no_other,
	     "capabilities: out of the bounding set is not out of the others"),
	TEST(ambient_ones_need_two_sets,
	     "capabilities: ambient ones have to be permitted and inheritable"),
	TEST(ambient_ones_go_with_either_set,
	     "capabilities: ambient ones go with the permitted or inheritable ones"),
	TEST(ambient_ones_are_lowered, "capabilities: ambient ones are lowered, one or all"),
	TEST(ambient_ones_can_be_forbidden, "capabilities: raising ambient ones can be forbidden"),
	TEST(each_lock_keeps_its_bit, "capabilities: each lock of the securebits keeps its bit"),
	TEST(securebits_need_setpcap, "capabilities: securebits need CAP_SETPCAP, keepcaps not"),
	TEST(keepcaps_does_not_keep_ambient_ones,
	     "capabilities: keepcaps does not keep ambient ones"),
	TEST(without_fixup_nothing_changes,
	     "capabilities: with SECBIT_NO_SETUID_FIXUP no user id changes anything"),
	TEST(last_root_id_counts, "capabilities: they go with the last id that is root's"),
	TEST(between_others_nothing_changes,
	     "capabilities: from one ordinary user to another nothing changes"),
	TEST(file_user_gives_only_permitted_ones,
	     "capabilities: to be root for files gives those about files that are permitted"),
	TEST(file_ids_follow,
	     "capabilities: calls that change no id may still set those for files"),
	TEST(group_minus_one_comes_before_the_fault,
	     "capabilities: the errors of setgroups come in the order of the list"),
	TEST(umasks, "capabilities: umask takes nine bits, and goes with CLONE_FS"),
	TEST(more_capable_ones_are_not_seen,
	     "capabilities: who has more than the caller is not looked into"),
	TEST(equally_capable_ones_are_seen, "capabilities: who has no more is looked into"),
	TEST(giving_up_keeps_trust, "capabilities: giving up keeps dumpable and pdeathsig"),
	TEST(file_user_ends_trust, "capabilities: a change of the ids for files ends both"),
	TEST(owner_of_proc_follows_dumpable,
	     "capabilities: the owner of files in /proc is root unless dumpable"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
