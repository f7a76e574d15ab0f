/*
 * What exec does to the rights of a process: set-user-id and set-group-id files, user 0, ambient
 * capabilities, the bounding set, securebits, no_new_privs, nosuid mounts, a shared fs_struct, and
 * what follows from it for those who look at the process.
 */
#include "setuid.h"

#include <sys/mount.h>
#include <sys/personality.h>

#define OTHER 1001

#define TWO (CAP(CAP_KILL) | CAP(CAP_SYSLOG))

static void check_caps_after(void (*prepare)(void), unsigned long effective,
			     unsigned long permitted, unsigned long inheritable)
{
	struct rights rights = rights_after(prepare);

	check_caps(&rights, effective, permitted, inheritable, 0);
}

/* ---- who executes it ---- */

/* A user with these capabilities, all of them ambient. */
static void be_user_with(unsigned long caps)
{
	check_eq(privilege_call(PR_SET_KEEPCAPS, 1, 0), 0);
	be_user();
	check_eq(set_caps(caps, caps, 0), 0);
	make_ambient(caps);
}

static void be_user_with_two(void)
{
	be_user_with(CAP(CAP_KILL) | CAP(CAP_SYSLOG));
}

static void be_user_with_setuid(void)
{
	be_user_with(CAP(CAP_SETUID));
}

static void refuse_privileges(void)
{
	check_eq(privilege_call(PR_SET_NO_NEW_PRIVS, 1, 0), 0);
}

static void be_user_without_new(void)
{
	be_user();
	refuse_privileges();
}

static void be_two_users(void)
{
	check_call(setresuid(USER, OTHER, OTHER));
}

static void be_two_users_with_ambient(void)
{
	check_eq(privilege_call(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0), 0);
	check_call(setresuid(USER, OTHER, OTHER));
	make_ambient(CAP(CAP_KILL));
}

static void be_two_users_without_new(void)
{
	be_two_users();
	refuse_privileges();
}

static void be_two_groups(void)
{
	check_call(setresgid(USER, GROUP, GROUP));
	check_call(setuid(USER));
}

static void drop_kill_from_bounding_set(void)
{
	check_eq(privilege_call(PR_CAPBSET_DROP, CAP_KILL, 0), 0);
}

static void be_user_without_kill(void)
{
	drop_kill_from_bounding_set();
	be_user();
}

static void be_user_who_inherits_kill(void)
{
	check_eq(set_caps(ALL_CAPS, ALL_CAPS, CAP(CAP_KILL)), 0);
	be_user_without_kill();
}

static void give_up_all(void)
{
	check_eq(set_caps(0, 0, 0), 0);
}

static void give_up_all_for_good(void)
{
	give_up_all();
	refuse_privileges();
}

static void be_no_root(void)
{
	check_eq(privilege_call(PR_SET_SECUREBITS, SECBIT_NOROOT, 0), 0);
}

static void be_no_root_with_ambient(void)
{
	be_no_root();
	make_ambient(CAP(CAP_KILL));
}

static void be_user_and_no_root(void)
{
	be_no_root();
	be_user();
}

static void keep_caps_locked(void)
{
	check_eq(privilege_call(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS | SECBIT_KEEP_CAPS_LOCKED, 0),
		 0);
}

static void be_user_without_fixup(void)
{
	check_eq(privilege_call(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0), 0);
	be_user();
	check_own_caps(ALL_CAPS, ALL_CAPS, 0, 0);
}

static void be_real_root_only(void)
{
	check_call(setresuid(0, USER, USER));
}

/* ---- set-user-id ---- */

static void root_program_gives_all(void)
{
	struct rights rights;

	make_program(0, 0, 04755);
	rights = rights_after(be_user);
	check_ids(rights.uids, USER, 0);
	check_ids(rights.gids, USER, USER);
	check_caps(&rights, ALL_CAPS, ALL_CAPS, 0, 0);
	check_eq(rights.bounding, ALL_CAPS);
	check_eq(rights.secure, 1);
	check_eq(rights.dumpable, 0);
	check_eq(rights.owner, 0);
	remove_program();
}

static void bounding_set_limits_it(void)
{
	struct rights rights;

	make_program(0, 0, 04755);
	rights = rights_after(be_user_without_kill);
	check_caps(&rights, ALL_CAPS & ~CAP(CAP_KILL), ALL_CAPS & ~CAP(CAP_KILL), 0, 0);
	check_eq(rights.bounding, ALL_CAPS & ~CAP(CAP_KILL));
	rights = rights_after(drop_kill_from_bounding_set);
	check_caps(&rights, ALL_CAPS & ~CAP(CAP_KILL), ALL_CAPS & ~CAP(CAP_KILL), 0, 0);
	remove_program();
}

static void inheritable_ones_come_back(void)
{
	struct rights rights;

	make_program(0, 0, 04755);
	rights = rights_after(be_user_who_inherits_kill);
	check_caps(&rights, ALL_CAPS, ALL_CAPS, CAP(CAP_KILL), 0);
	set_program(0, 0, 0755);
	rights = rights_after(be_user_who_inherits_kill);
	check_caps(&rights, 0, 0, CAP(CAP_KILL), 0);
	remove_program();
}

static void other_users_program_takes_effective_ones(void)
{
	struct rights rights;

	make_program(USER, 0, 04755);
	rights = rights_after(NULL);
	check_ids(rights.uids, 0, USER);
	check_caps(&rights, 0, ALL_CAPS, 0, 0);
	check_eq(rights.secure, 1);
	check_eq(rights.dumpable, 0);
	remove_program();
}

static void group_program_gives_no_capability(void)
{
	struct rights rights;

	make_program(0, GROUP, 02755);
	rights = rights_after(be_user_with_two);
	check_ids(rights.uids, USER, USER);
	check_ids(rights.gids, USER, GROUP);
	check_caps(&rights, 0, 0, CAP(CAP_KILL) | CAP(CAP_SYSLOG), 0);
	check_eq(rights.secure, 1);
	check_eq(rights.dumpable, 0);
	remove_program();
}

static void both_bits(void)
{
	struct rights rights;

	make_program(OTHER, GROUP, 06711);
	rights = rights_after(be_user);
	check_ids(rights.uids, USER, OTHER);
	check_ids(rights.gids, USER, GROUP);
	check_caps(&rights, 0, 0, 0, 0);
	check_eq(rights.secure, 1);
	remove_program();
}

/* ---- ambient capabilities ---- */

static void ambient_ones_are_kept(void)
{
	unsigned long two = CAP(CAP_KILL) | CAP(CAP_SYSLOG);
	struct rights rights;

	make_program(0, 0, 0755);
	rights = rights_after(be_user_with_two);
	check_caps(&rights, two, two, two, two);
	check_eq(rights.secure, 0);
	check_eq(rights.dumpable, 1);
	check_eq(rights.owner, USER);
	remove_program();
}

static void ambient_ones_go_with_a_new_id(void)
{
	unsigned long two = CAP(CAP_KILL) | CAP(CAP_SYSLOG);
	struct rights rights;

	make_program(OTHER, 0, 04755);
	rights = rights_after(be_user_with_two);
	check_caps(&rights, 0, 0, two, 0);
	set_program(0, 0, 04755);
	rights = rights_after(be_user_with_two);
	check_caps(&rights, ALL_CAPS, ALL_CAPS, two, 0);
	/* The bit alone is no new id. */
	set_program(USER, USER, 06755);
	rights = rights_after(be_user_with_two);
	check_caps(&rights, two, two, two, two);
	check_eq(rights.secure, 0);
	remove_program();
}

/* ---- securebits ---- */

static void without_root_rules(void)
{
	struct rights rights;

	make_program(0, 0, 0755);
	rights = rights_after(be_no_root);
	check_caps(&rights, 0, 0, 0, 0);
	check_eq(rights.securebits, SECBIT_NOROOT);
	rights = rights_after(be_no_root_with_ambient);
	check_caps(&rights, CAP(CAP_KILL), CAP(CAP_KILL), CAP(CAP_KILL), CAP(CAP_KILL));
	set_program(0, 0, 04755);
	rights = rights_after(be_user_and_no_root);
	check_ids(rights.uids, USER, 0);
	check_caps(&rights, 0, 0, 0, 0);
	check_eq(rights.secure, 1);
	remove_program();
}

static void keepcaps_ends_at_exec(void)
{
	struct rights rights;

	make_program(0, 0, 0755);
	rights = rights_after(keep_caps_locked);
	check_eq(rights.securebits, SECBIT_KEEP_CAPS_LOCKED);
	check_caps(&rights, ALL_CAPS, ALL_CAPS, 0, 0);
	remove_program();
}

static void without_fixup_exec_still_takes(void)
{
	struct rights rights;

	make_program(0, 0, 0755);
	rights = rights_after(be_user_without_fixup);
	check_caps(&rights, 0, 0, 0, 0);
	check_eq(rights.securebits, SECBIT_NO_SETUID_FIXUP);
	remove_program();
}

/* ---- root ---- */

static void root_gets_back_what_it_gave_up(void)
{
	struct rights rights;

	make_program(0, 0, 0755);
	rights = rights_after(give_up_all);
	check_caps(&rights, ALL_CAPS, ALL_CAPS, 0, 0);
	check_eq(rights.secure, 0);
	check_eq(rights.dumpable, 0);
	remove_program();
}

static void root_by_real_id_only(void)
{
	struct rights rights;

	make_program(0, 0, 0755);
	rights = rights_after(be_real_root_only);
	check_ids(rights.uids, 0, USER);
	check_caps(&rights, 0, ALL_CAPS, 0, 0);
	check_eq(rights.secure, 1);
	remove_program();
}

/* ---- two ids ---- */

static void two_users_are_secure(void)
{
	struct rights rights;

	make_program(0, 0, 0755);
	rights = rights_after(be_two_users);
	check_ids(rights.uids, USER, OTHER);
	check_eq(rights.secure, 1);
	check_eq(rights.dumpable, 0);
	rights = rights_after(be_two_groups);
	check_ids(rights.gids, USER, GROUP);
	check_eq(rights.secure, 1);
	check_eq(rights.dumpable, 0);
	remove_program();
}

static void two_users_lose_ambient_ones(void)
{
	struct rights rights;

	make_program(0, 0, 0755);
	rights = rights_after(be_two_users_with_ambient);
	check_caps(&rights, 0, 0, CAP(CAP_KILL), 0);
	remove_program();
}

static void two_users_without_new_privileges(void)
{
	struct rights rights;

	make_program(0, 0, 0755);
	rights = rights_after(be_two_users_without_new);
	check_ids(rights.uids, USER, USER);
	check_eq(rights.secure, 1);
	remove_program();
}

/* ---- where the bits do not count ---- */

static void nothing_with_no_new_privs(void)
{
	struct rights rights;

	make_program(0, GROUP, 06755);
	rights = rights_after(be_user_without_new);
	check_ids(rights.uids, USER, USER);
	check_ids(rights.gids, USER, USER);
	check_caps(&rights, 0, 0, 0, 0);
	check_eq(rights.secure, 0);
	check_eq(rights.dumpable, 1);
	check_eq(rights.no_new_privs, 1);
	remove_program();
}

static void root_with_no_new_privs_gains_nothing(void)
{
	struct rights rights;

	make_program(0, 0, 0755);
	rights = rights_after(give_up_all_for_good);
	check_caps(&rights, 0, 0, 0, 0);
	rights = rights_after(refuse_privileges);
	check_caps(&rights, ALL_CAPS, ALL_CAPS, 0, 0);
	remove_program();
}

static void nothing_on_a_nosuid_mount(void)
{
	struct rights rights;

	go_home();
	check_call(mount("none", "/tmp/home", "tmpfs", MS_NOSUID, "mode=755"));
	copy_program(PROGRAM, 0, GROUP, 06755);
	rights = rights_after(be_user);
	check_ids(rights.uids, USER, USER);
	check_ids(rights.gids, USER, USER);
	check_caps(&rights, 0, 0, 0, 0);
	check_eq(rights.secure, 0);
	rights = rights_after(give_up_all);
	check_caps(&rights, ALL_CAPS, ALL_CAPS, 0, 0);
	check_call(mount("none", "/tmp/home", NULL, MS_REMOUNT | MS_BIND, NULL));
	rights = rights_after(be_user);
	check_ids(rights.uids, USER, 0);
	check_call(chdir("/"));
	check_call(umount2("/tmp/home", 0));
	check_call(rmdir("/tmp/home"));
}

static void nothing_with_shared_directories(void)
{
	struct rights rights;

	make_program(0, GROUP, 06755);
	rights = rights_by(be_user, CLONE_FS);
	check_ids(rights.uids, USER, USER);
	check_ids(rights.gids, USER, USER);
	check_caps(&rights, 0, 0, 0, 0);
	check_eq(rights.secure, 1); /* all the same */
	rights = rights_by(be_user, CLONE_FILES);
	check_ids(rights.uids, USER, 0);
	check_caps(&rights, ALL_CAPS, ALL_CAPS, 0, 0);
	remove_program();
}

static void id_only_with_shared_directories_and_setuid(void)
{
	struct rights rights;

	make_program(0, GROUP, 06755);
	rights = rights_by(be_user_with_setuid, CLONE_FS);
	check_ids(rights.uids, USER, 0);
	check_ids(rights.gids, USER, GROUP);
	check_caps(&rights, CAP(CAP_SETUID), CAP(CAP_SETUID), CAP(CAP_SETUID), 0);
	check_eq(rights.secure, 1);
	remove_program();
}

/* ---- capabilities of the file ---- */

#define EFFECTIVE 1u

static long set_file_caps(uint32_t flags, unsigned long permitted, unsigned long inheritable)
{
	uint32_t caps[5] = {0x02000000 | flags, permitted, inheritable, permitted >> 32,
			    inheritable >> 32};

	return raw5(SYS_setxattr, PROGRAM, "security.capability", caps, sizeof(caps), 0);
}

static void be_user_who_inherits_two(void)
{
	check_eq(set_caps(ALL_CAPS, ALL_CAPS, TWO), 0);
	be_user();
}

static void file_gives_capabilities(void)
{
	struct rights rights;

	make_program(0, 0, 0755);
	check_eq(set_file_caps(EFFECTIVE, CAP(CAP_KILL) | CAP(40), 0), 0);
	rights = rights_after(be_user);
	check_ids(rights.uids, USER, USER);
	check_caps(&rights, CAP(CAP_KILL) | CAP(40), CAP(CAP_KILL) | CAP(40), 0, 0);
	check_eq(rights.secure, 1);
	check_eq(rights.dumpable, 0);
	check_eq(set_file_caps(0, CAP(CAP_KILL), 0), 0);
	check_caps_after(be_user, 0, CAP(CAP_KILL), 0);
	check_caps_after(be_user_without_new, 0, 0, 0);
	check_caps_after(be_user_with_two, 0, CAP(CAP_KILL), TWO);
	remove_program();
}

static void file_gives_what_is_inherited(void)
{
	make_program(0, 0, 0755);
	check_eq(set_file_caps(EFFECTIVE, 0, CAP(CAP_SYSLOG) | CAP(CAP_CHOWN)), 0);
	check_caps_after(be_user, 0, 0, 0);
	check_caps_after(be_user_who_inherits_two, CAP(CAP_SYSLOG), CAP(CAP_SYSLOG), TWO);
	remove_program();
}

static void file_needs_the_bounding_set(void)
{
	pid_t pid;

	make_program(0, 0, 0755);
	check_eq(set_file_caps(0, TWO, 0), 0);
	check_caps_after(be_user_without_kill, 0, CAP(CAP_SYSLOG), 0);
	check_eq(set_file_caps(EFFECTIVE, TWO, 0), 0);
	pid = tap_fork();
	if (pid == 0) {
		be_user_without_kill();
		_exit(-try_exec(PROGRAM));
	}
	check_exits(pid, EPERM);
	remove_program();
}

/* Revision 3 names the root user of the namespace that they are for. */
static void file_capabilities_for_another_root(void)
{
	uint32_t caps[6] = {0x03000000 | EFFECTIVE, CAP(CAP_KILL), 0, 0, 0, USER};

	make_program(0, 0, 0755);
	check_eq(raw5(SYS_setxattr, PROGRAM, "security.capability", caps, sizeof(caps), 0), 0);
	check_caps_after(be_user, 0, 0, 0);
	caps[5] = 0;
	check_eq(raw5(SYS_setxattr, PROGRAM, "security.capability", caps, sizeof(caps), 0), 0);
	check_caps_after(be_user, CAP(CAP_KILL), CAP(CAP_KILL), 0);
	remove_program();
}

static void file_capabilities_and_root(void)
{
	struct rights rights;

	make_program(0, 0, 04755);
	check_eq(set_file_caps(EFFECTIVE, CAP(CAP_KILL), 0), 0);
	check_caps_after(NULL, ALL_CAPS, ALL_CAPS, 0);
	rights = rights_after(be_user);
	check_ids(rights.uids, USER, 0);
	check_caps(&rights, CAP(CAP_KILL), CAP(CAP_KILL), 0, 0);
	remove_program();
}

/* ---- personality ---- */

static void ask_for_fixed_addresses(void)
{
	check_call(personality(ADDR_NO_RANDOMIZE));
}

static void ask_for_fixed_addresses_as_user(void)
{
	ask_for_fixed_addresses();
	be_user();
}

static void ask_for_fixed_addresses_as_two(void)
{
	ask_for_fixed_addresses();
	be_two_users();
}

static void personality_is_not_handed_on(void)
{
	make_program(0, 0, 04755);
	check_eq(rights_after(ask_for_fixed_addresses_as_user).personality, 0);
	/* By the bit, whether or not it gives anything. */
	check_eq(rights_after(ask_for_fixed_addresses).personality, 0);
	set_program(0, 0, 0755);
	check_eq(rights_after(ask_for_fixed_addresses).personality, ADDR_NO_RANDOMIZE);
	check_eq(rights_after(ask_for_fixed_addresses_as_two).personality, ADDR_NO_RANDOMIZE);
	remove_program();
}

static void addresses_are_not_fixed_for_the_privileged(void)
{
	unsigned long first;
	int same = 0;

	make_program(0, 0, 0755);
	first = rights_after(ask_for_fixed_addresses_as_user).stack;
	check_eq(rights_after(ask_for_fixed_addresses_as_user).stack, first);
	set_program(0, 0, 04755);
	first = rights_after(ask_for_fixed_addresses_as_user).stack;
	for (int i = 0; i < 4; i++)
		same += rights_after(ask_for_fixed_addresses_as_user).stack >> 12 == first >> 12;
	check(same < 4);
	remove_program();
}

static const struct test_case cases[] = {
	TEST(root_program_gives_all,
	     "setuid-exec: root's set-user-id program has all capabilities"),
	TEST(bounding_set_limits_it, "setuid-exec: the bounding set limits what exec gives"),
	TEST(inheritable_ones_come_back,
	     "setuid-exec: inheritable ones outside the bounding set come back for root alone"),
	TEST(other_users_program_takes_effective_ones,
	     "setuid-exec: another user's program leaves root permitted ones only"),
	TEST(group_program_gives_no_capability,
	     "setuid-exec: a set-group-id program gives a group and takes ambient ones"),
	TEST(both_bits, "setuid-exec: both bits give both ids"),
	TEST(ambient_ones_are_kept, "setuid-exec: ambient capabilities are kept and effective"),
	TEST(ambient_ones_go_with_a_new_id, "setuid-exec: ambient capabilities go with a new id"),
	TEST(without_root_rules, "setuid-exec: with SECBIT_NOROOT user 0 gets nothing"),
	TEST(keepcaps_ends_at_exec, "setuid-exec: keepcaps ends at exec, its lock stays"),
	TEST(without_fixup_exec_still_takes,
	     "setuid-exec: capabilities kept over setuid are lost at exec"),
	TEST(root_gets_back_what_it_gave_up,
	     "setuid-exec: root gets back what it gave up, and is not dumpable"),
	TEST(root_by_real_id_only, "setuid-exec: root by its real id alone has permitted ones"),
	TEST(two_users_are_secure,
	     "setuid-exec: different real and effective ids are secure, not dumpable"),
	TEST(two_users_lose_ambient_ones,
	     "setuid-exec: different real and effective ids lose ambient ones"),
	TEST(two_users_without_new_privileges,
	     "setuid-exec: no_new_privs takes an effective id that differs"),
	TEST(nothing_with_no_new_privs, "setuid-exec: with no_new_privs the bits give nothing"),
	TEST(root_with_no_new_privs_gains_nothing,
	     "setuid-exec: with no_new_privs root does not get back what it gave up"),
	TEST(nothing_on_a_nosuid_mount, "setuid-exec: on a nosuid mount the bits give nothing"),
	TEST(nothing_with_shared_directories,
	     "setuid-exec: who shares its directories with a process gets nothing"),
	TEST(id_only_with_shared_directories_and_setuid,
	     "setuid-exec: sharing directories with CAP_SETUID gives ids, not capabilities"),
	TEST(file_gives_capabilities, "setuid-exec: a file gives its own capabilities"),
	TEST(file_gives_what_is_inherited,
	     "setuid-exec: a file gives inheritable ones to who has them inheritable"),
	TEST(file_needs_the_bounding_set,
	     "setuid-exec: a file's effective ones outside the bounding set are EPERM"),
	TEST(file_capabilities_for_another_root,
	     "setuid-exec: a file's capabilities for another namespace's root say nothing"),
	TEST(file_capabilities_and_root,
	     "setuid-exec: set-user-id root with capabilities gives no more than these"),
	TEST(personality_is_not_handed_on,
	     "setuid-exec: the bits clear what a personality says of addresses"),
	TEST(addresses_are_not_fixed_for_the_privileged,
	     "setuid-exec: addresses of set-user-id programs cannot be fixed"),
};

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), helper);
}
