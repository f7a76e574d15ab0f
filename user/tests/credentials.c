/*
 * Users, groups and capabilities: what each of the calls that change them allows, what follows from
 * a change, and the limit of processes of the user that one becomes.
 */
#include "helpers.h"

#include <grp.h>
#include <sys/resource.h>

#define ROOT_CAPS (~0u)

/* The three ids of the user and the one for files. */
static void check_users(uid_t real, uid_t effective, uid_t saved, uid_t files)
{
	unsigned int ids[3];

	check_eq(raw3(SYS_getresuid, &ids[0], &ids[1], &ids[2]), 0);
	check_eq(ids[0], real);
	check_eq(ids[1], effective);
	check_eq(ids[2], saved);
	check_eq(raw1(SYS_setfsuid, -1), files);
	check_eq(raw0(SYS_getuid), real);
	check_eq(raw0(SYS_geteuid), effective);
}

static void check_groups(gid_t real, gid_t effective, gid_t saved, gid_t files)
{
	unsigned int ids[3];

	check_eq(raw3(SYS_getresgid, &ids[0], &ids[1], &ids[2]), 0);
	check_eq(ids[0], real);
	check_eq(ids[1], effective);
	check_eq(ids[2], saved);
	check_eq(raw1(SYS_setfsgid, -1), files);
	check_eq(raw0(SYS_getgid), real);
	check_eq(raw0(SYS_getegid), effective);
}

struct capabilities {
	unsigned long effective, permitted, inheritable;
};

struct header {
	uint32_t version;
	int pid;
};

#define VERSION_1 0x19980330
#define VERSION_3 0x20080522

static void get_capabilities(struct capabilities *sets)
{
	struct header header = {VERSION_3, 0};
	uint32_t data[6];

	check_eq(raw2(SYS_capget, &header, data), 0);
	sets->effective = data[0] | (unsigned long)data[3] << 32;
	sets->permitted = data[1] | (unsigned long)data[4] << 32;
	sets->inheritable = data[2] | (unsigned long)data[5] << 32;
}

static long set_capabilities(unsigned long effective, unsigned long permitted,
			     unsigned long inheritable)
{
	struct header header = {VERSION_3, 0};
	uint32_t data[6] = {effective,       permitted,       inheritable,
			    effective >> 32, permitted >> 32, inheritable >> 32};

	return raw2(SYS_capset, &header, data);
}

static unsigned long effective_capabilities(void)
{
	struct capabilities sets;

	get_capabilities(&sets);
	return sets.effective;
}

static unsigned long permitted_capabilities(void)
{
	struct capabilities sets;

	get_capabilities(&sets);
	return sets.permitted;
}

/* ---- user ids ---- */

static void setuid_as_root_sets_all(void)
{
	check_users(0, 0, 0, 0);
	check_eq(raw1(SYS_setuid, 1000), 0);
	check_users(1000, 1000, 1000, 1000);
	check_eq(raw1(SYS_setuid, 0), -EPERM);
	check_eq(raw1(SYS_setuid, 1001), -EPERM);
	check_eq(raw1(SYS_setuid, 1000), 0);
	check_eq(raw1(SYS_setuid, -1), -EINVAL);
}

static void setuid_goes_back_to_saved(void)
{
	check_eq(raw3(SYS_setresuid, 1000, 1001, 1002), 0);
	check_users(1000, 1001, 1002, 1001);
	check_eq(raw1(SYS_setuid, 1002), 0);
	check_users(1000, 1002, 1002, 1002);
	check_eq(raw1(SYS_setuid, 1000), 0);
	check_users(1000, 1000, 1002, 1000);
	check_eq(raw1(SYS_setuid, 1001), -EPERM);
}

static void setreuid_rules(void)
{
	check_eq(raw2(SYS_setreuid, 1000, 1001), 0);
	check_users(1000, 1001, 1001, 1001);
	check_eq(raw2(SYS_setreuid, 1001, 1000), 0);
	check_users(1001, 1000, 1000, 1000);
	check_eq(raw2(SYS_setreuid, -1, 1001), 0);
	check_users(1001, 1001, 1000, 1001);
	check_eq(raw2(SYS_setreuid, 1000, -1), -EPERM);
	check_eq(raw2(SYS_setreuid, -1, 1000), 0);
	check_users(1001, 1000, 1000, 1000);
	check_eq(raw2(SYS_setreuid, -1, 1002), -EPERM);
	check_eq(raw2(SYS_setreuid, -1, -1), 0);
}

static void setresuid_rules(void)
{
	check_eq(raw3(SYS_setresuid, -1, 1001, -1), 0);
	check_users(0, 1001, 0, 1001);
	check_eq(raw3(SYS_setresuid, 1001, 0, 1001), 0);
	check_users(1001, 0, 1001, 0);
	check_eq(raw3(SYS_setresuid, 1000, 1001, 1002), 0);
	check_eq(raw3(SYS_setresuid, 1002, 1000, 1001), 0);
	check_users(1002, 1000, 1001, 1000);
	check_eq(raw3(SYS_setresuid, 1003, -1, -1), -EPERM);
	check_eq(raw3(SYS_setresuid, -1, 0, -1), -EPERM);
	check_eq(raw3(SYS_setresuid, -1, -1, -1), 0);
}

static void setfsuid_tells_the_old_one(void)
{
	check_eq(raw1(SYS_setfsuid, 1000), 0);
	check_users(0, 0, 0, 1000);
	check_eq(raw3(SYS_setresuid, -1, 1001, -1), 0);
	check_users(0, 1001, 0, 1001);
	check_eq(raw1(SYS_setfsuid, 1005), 1001);
	check_users(0, 1001, 0, 1001);
	check_eq(raw1(SYS_setfsuid, 0), 1001);
	check_users(0, 1001, 0, 0);
}

static void getresuid_faults(void)
{
	unsigned int id;

	check_eq(raw3(SYS_getresuid, &id, &id, UNMAPPED_ADDRESS), -EFAULT);
	check_eq(raw3(SYS_getresgid, UNMAPPED_ADDRESS, &id, &id), -EFAULT);
}

/* ---- group ids ---- */

static void group_rules(void)
{
	check_eq(raw3(SYS_setresgid, 2000, 2001, 2002), 0);
	check_groups(2000, 2001, 2002, 2001);
	check_eq(raw3(SYS_setresuid, 1000, 1000, 1000), 0);
	check_eq(raw1(SYS_setgid, 2003), -EPERM);
	check_eq(raw1(SYS_setgid, -1), -EINVAL);
	check_eq(raw1(SYS_setgid, 2002), 0);
	check_groups(2000, 2002, 2002, 2002);
	check_eq(raw2(SYS_setregid, 2002, 2000), 0);
	check_groups(2002, 2000, 2000, 2000);
	check_eq(raw2(SYS_setregid, 2001, -1), -EPERM);
	check_eq(raw3(SYS_setresgid, 2000, 2002, -1), 0);
	check_groups(2000, 2002, 2000, 2002);
	check_eq(raw3(SYS_setresgid, -1, 2001, -1), -EPERM);
	check_eq(raw1(SYS_setfsgid, 2000), 2002);
	check_groups(2000, 2002, 2000, 2000);
}

static void setgid_as_root_sets_all(void)
{
	check_eq(raw1(SYS_setgid, 2000), 0);
	check_groups(2000, 2000, 2000, 2000);
	check_eq(raw1(SYS_setgid, 0), 0);
	check_eq(raw2(SYS_setregid, 2001, 2002), 0);
	check_groups(2001, 2002, 2002, 2002);
}

static void supplementary_groups(void)
{
	gid_t groups[4] = {30, 10, 20, 10}, got[4] = {0};

	check_eq(raw2(SYS_setgroups, 4, groups), 0);
	check_eq(raw2(SYS_getgroups, 0, NULL), 4);
	check_eq(raw2(SYS_getgroups, 3, got), -EINVAL);
	check_eq(raw2(SYS_getgroups, -1, got), -EINVAL);
	check_eq(raw2(SYS_getgroups, 4, UNMAPPED_ADDRESS), -EFAULT);
	check_eq(raw2(SYS_getgroups, 4, got), 4);
	check(got[0] == 10 && got[1] == 10 && got[2] == 20 && got[3] == 30);
	check_eq(raw2(SYS_setgroups, 4, UNMAPPED_ADDRESS), -EFAULT);
	check_eq(raw2(SYS_setgroups, 65537, groups), -EINVAL);
	check_eq(raw2(SYS_setgroups, -1, groups), -EINVAL);
	groups[2] = -1;
	check_eq(raw2(SYS_setgroups, 4, groups), -EINVAL);
	check_eq(raw2(SYS_setgroups, 0, NULL), 0);
	check_eq(raw2(SYS_getgroups, 4, UNMAPPED_ADDRESS), 0);
	check_eq(raw3(SYS_setresuid, 1000, 1000, 1000), 0);
	check_eq(raw2(SYS_setgroups, 65537, UNMAPPED_ADDRESS), -EPERM);
}

static void many_groups_are_sorted(void)
{
	enum { N = 65536 };
	static gid_t groups[N], got[N];

	for (unsigned int i = 0; i < N; i++)
		groups[i] = i * 40503 % N;
	check_eq(raw2(SYS_setgroups, N, groups), 0);
	check_eq(raw2(SYS_getgroups, N, got), N);
	for (unsigned int i = 0; i < N; i++)
		check_eq(got[i], i);
}

/* ---- capabilities ---- */

static void root_has_all_and_loses_them(void)
{
	struct capabilities sets;

	get_capabilities(&sets);
	check_eq((uint32_t)sets.effective, ROOT_CAPS);
	check(sets.effective == sets.permitted && sets.inheritable == 0);
	check_eq(raw3(SYS_setresuid, 1000, 1000, 1000), 0);
	get_capabilities(&sets);
	check(sets.effective == 0 && sets.permitted == 0);
}

static void effective_ones_come_and_go_with_the_effective_user(void)
{
	unsigned long all = permitted_capabilities();

	check_eq(raw3(SYS_setresuid, -1, 1000, -1), 0);
	check_eq(effective_capabilities(), 0);
	check_eq(permitted_capabilities(), all);
	check_eq(raw3(SYS_setresuid, -1, 0, -1), 0);
	check_eq(effective_capabilities(), all);
	check_eq(raw3(SYS_setresuid, 1000, 0, 1000), 0);
	check_eq(effective_capabilities(), all);
	check_eq(raw3(SYS_setresuid, -1, 1000, -1), 0);
	check_eq(permitted_capabilities(), 0);
}

static void file_ones_come_and_go_with_the_file_user(void)
{
	/* chown, dac_override, dac_read_search, fowner, fsetid, linux_immutable, mknod, mac_override */
	const unsigned long about_files = 0x10800021f & ~(1UL << 8);
	unsigned long all = permitted_capabilities();

	raw1(SYS_setfsuid, 1000);
	check_eq(effective_capabilities(), all & ~about_files);
	raw1(SYS_setfsuid, 0);
	check_eq(effective_capabilities(), all);
}

static void keepcaps_keeps_the_permitted(void)
{
	unsigned long all = permitted_capabilities();

	check_call(prctl(PR_SET_KEEPCAPS, 1));
	check_eq(raw3(SYS_setresuid, 1000, 1000, 1000), 0);
	check_eq(effective_capabilities(), 0);
	check_eq(permitted_capabilities(), all);
	check_eq(set_capabilities(1 << 7, all, 0), 0);
	check_eq(raw1(SYS_setuid, 1001), 0);
	check_eq(raw0(SYS_getuid), 1001);
}

static void capset_gives_nothing(void)
{
	unsigned long all = permitted_capabilities();

	check_eq(set_capabilities(all, all & ~1UL, 0), -EPERM);
	check_eq(set_capabilities(all & ~1UL, all & ~1UL, all), 0);
	check_eq(set_capabilities(1, all, 0), -EPERM);
	check_eq(set_capabilities(1 << 8, 1 << 8, 0x55), 0);
	check_eq(set_capabilities(0, 1 << 8, 0x155), 0);
	check_eq(set_capabilities(0, 1 << 8, 0xff), -EPERM);
	check_eq(set_capabilities(0, 0, 0), 0);
	check_eq(set_capabilities(0, 1 << 8, 0), -EPERM);
	check_eq(raw1(SYS_setuid, 5), -EPERM);
}

static void capability_calls_errors(void)
{
	struct header header = {0, 0};
	uint32_t data[6];

	check_eq(raw2(SYS_capget, UNMAPPED_ADDRESS, data), -EFAULT);
	check_eq(raw2(SYS_capget, &header, NULL), 0);
	check_eq(header.version, VERSION_3);
	header.version = 1;
	check_eq(raw2(SYS_capget, &header, data), -EINVAL);
	check_eq(header.version, VERSION_3);
	header.pid = -1;
	check_eq(raw2(SYS_capget, &header, data), -EINVAL);
	check_eq(raw2(SYS_capset, &header, data), -EPERM);
	header.pid = NO_SUCH_PID;
	check_eq(raw2(SYS_capget, &header, data), -ESRCH);
	header.pid = 1;
	check_eq(raw2(SYS_capget, &header, data), 0);
	check_eq(raw2(SYS_capget, &header, UNMAPPED_ADDRESS), -EFAULT);
	check_eq(raw2(SYS_capset, &header, data), -EPERM);
	header.pid = getpid();
	check_eq(raw2(SYS_capset, &header, UNMAPPED_ADDRESS), -EFAULT);
	header.version = VERSION_1;
	data[3] = 99;
	check_eq(raw2(SYS_capget, &header, data), 0);
	check_eq(data[3], 99);
	check_eq(data[0], ROOT_CAPS);
}

/* ---- what follows ---- */

static void change_of_user_ends_trust(void)
{
	int number;

	check_call(prctl(PR_SET_PDEATHSIG, SIGTERM));
	check_eq(prctl(PR_GET_DUMPABLE), 1);
	check_eq(raw3(SYS_setresuid, -1, 1000, -1), 0);
	check_call(prctl(PR_GET_PDEATHSIG, &number));
	check_eq(number, 0);
	check_eq(prctl(PR_GET_DUMPABLE), 0);
}

static int exit_child(void)
{
	pid_t pid = tap_fork();

	if (pid == 0)
		raw_exec_helper("exit", "7", NULL);
	return pid ? tap_wait(pid) : 0;
}

static volatile int *shared;

static void hold_a_process_of(void *argument)
{
	check_eq(raw1(SYS_setuid, (long)argument), 0);
	add(&shared[0], 1);
	for (;;)
		pause();
}

static void exec_over_limit(void *argument)
{
	struct rlimit limit = {(rlim_t)(long)argument, (rlim_t)(long)argument};

	check_call(setrlimit(RLIMIT_NPROC, &limit));
	check_eq(raw1(SYS_setuid, 42800), 0);
	_exit(raw_exec_helper("exit", "0", NULL) == -EAGAIN ? 11 : 1);
}

/* Two processes of the user there, a third on its way. */
static void limit_of_processes_is_for_exec(void)
{
	shared = tap_shared(4096);
	tap_child(hold_a_process_of, (void *)42800L);
	tap_child(hold_a_process_of, (void *)42800L);
	tap_await(&shared[0], 2);
	check_exits(tap_child(exec_over_limit, (void *)1), 11);
	check_exits(tap_child(exec_over_limit, (void *)2), 0);
	check_exits(tap_child(exec_over_limit, (void *)3), 0);
}

static void exec_keeps_ids_and_saves_the_effective(void)
{
	check_eq(raw3(SYS_setresuid, 1000, 1001, 1002), 0);
	check_eq(exit_child() >> 8 & 0xff, 7);
}

static int helper(int argc, char **argv)
{
	return argc > 1 ? atoi(argv[1]) : 0;
}

static const struct test_case cases[] = {
	TEST(setuid_as_root_sets_all, "credentials: setuid of root sets all ids, for good"),
	TEST(setuid_goes_back_to_saved, "credentials: setuid of others chooses among their own"),
	TEST(setreuid_rules, "credentials: setreuid"),
	TEST(setresuid_rules, "credentials: setresuid"),
	TEST(setfsuid_tells_the_old_one, "credentials: setfsuid tells the old id"),
	TEST(getresuid_faults, "credentials: getresuid and getresgid of a bad pointer"),
	TEST(group_rules, "credentials: setgid, setregid, setresgid and setfsgid of others"),
	TEST(setgid_as_root_sets_all, "credentials: setgid and setregid of root"),
	TEST(supplementary_groups, "credentials: supplementary groups, and their errors"),
	TEST(many_groups_are_sorted, "credentials: 65536 supplementary groups come back in order"),
	TEST(root_has_all_and_loses_them, "credentials: root has all capabilities until it is not"),
	TEST(effective_ones_come_and_go_with_the_effective_user,
	     "credentials: effective capabilities follow the effective user"),
	TEST(file_ones_come_and_go_with_the_file_user,
	     "credentials: capabilities about files follow the file user"),
	TEST(keepcaps_keeps_the_permitted, "credentials: keepcaps keeps the permitted ones"),
	TEST(capset_gives_nothing, "credentials: capset gives nothing that one has not"),
	TEST(capability_calls_errors, "credentials: the errors of capget and capset, in order"),
	TEST(change_of_user_ends_trust,
	     "credentials: a change of user ends pdeathsig and dumpable"),
	TEST(limit_of_processes_is_for_exec,
	     "credentials: a user over the limit can be become, but not exec"),
	TEST(exec_keeps_ids_and_saves_the_effective, "credentials: others may exec as well"),
};

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), helper);
}
