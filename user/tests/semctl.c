/*
 * System V semaphores as objects: semget and semctl, identifiers and keys, permissions, limits, and
 * what /proc says of them.
 */
#include "proc.h"
#include "rights.h"
#include "semaphores.h"

enum { PAGE = 4096, USER = 4242, OTHER = 4243, KEY = 0x54494e45, CAP_IPC_OWNER = 15 };

#define LIMITS   "/proc/sys/kernel/sem"
#define SETS     "/proc/sysvipc/sem"
#define DEFAULTS "32000\t1024000000\t500\t32000\n"

static long get_set(int key, int n, int flags)
{
	return raw3(SYS_semget, key, n, flags);
}

static long ctl(int id, int number, int command, void *argument)
{
	return raw_semctl(id, number, command, (unsigned long)argument);
}

/* --- semget --- */

static void keys(void)
{
	int id = get_set(KEY, 3, IPC_CREAT | 0600);

	check(id >= 0);
	check_eq(get_set(KEY, 3, 0), id);
	check_eq(get_set(KEY, 2, IPC_CREAT | 0600), id);
	check_eq(get_set(KEY, 0, 0600), id);
	check_eq(get_set(KEY, 3, IPC_EXCL), id);
	check_eq(get_set(KEY, 4, 0), -EINVAL);
	check_eq(get_set(KEY, 3, IPC_CREAT | IPC_EXCL | 0600), -EEXIST);
	check_eq(get_set(KEY, 4, IPC_CREAT | IPC_EXCL), -EEXIST);
	check_eq(set_stat(id).sem_perm.__key, KEY);
	remove_set(id);
	check_eq(get_set(KEY, 3, 0), -ENOENT);
	check_eq(get_set(KEY, 0, 0), -ENOENT);
}

static void many_keys(void)
{
	enum { MANY = 300 };
	int ids[MANY];

	for (int i = 0; i < MANY; i++)
		ids[i] = check_call(semget(KEY + i * 256, 1, IPC_CREAT | IPC_EXCL | 0600));
	for (int i = 0; i < MANY; i += 3)
		remove_set(ids[i]);
	for (int i = 0; i < MANY; i++)
		check_eq(get_set(KEY + i * 256, 1, 0), i % 3 ? ids[i] : -ENOENT);
	for (int i = 0; i < MANY; i++)
		if (i % 3)
			remove_set(ids[i]);
}

static void private_sets(void)
{
	int a = get_set(IPC_PRIVATE, 1, 0600);
	int b = get_set(IPC_PRIVATE, 1, IPC_CREAT | IPC_EXCL | 0600);

	check(a >= 0 && b >= 0 && a != b);
	check_eq(set_stat(a).sem_perm.__key, 0);
	remove_set(a);
	remove_set(b);
}

static void numbers_of_semaphores(void)
{
	int id;

	check_eq(get_set(IPC_PRIVATE, 0, 0600), -EINVAL);
	check_eq(get_set(KEY, 0, IPC_CREAT | 0600), -EINVAL);
	check_eq(get_set(KEY, -1, IPC_CREAT | 0600), -EINVAL);
	check_eq(get_set(KEY, -1, 0), -EINVAL);
	check_eq(get_set(KEY, 32001, 0), -EINVAL);
	check_eq(get_set(KEY, 0x7fffffff, IPC_CREAT | 0600), -EINVAL);
	id = get_set(KEY, 32000, IPC_CREAT | 0600);
	check(id >= 0);
	check_eq(set_stat(id).sem_nsems, 32000);
	check_eq(raw_semop(id, 31999, 7, SEM_UNDO), 0);
	check_eq(value_of(id, 31999), 7);
	check_eq(value_of(id, 32000), -EINVAL);
	remove_set(id);
}

static void a_removed_id_is_not_given_soon(void)
{
	int first = new_set(1), id = first;

	for (int i = 0; i < 200; i++) {
		remove_set(id);
		id = new_set(1);
		check(id != first);
		check_eq(value_of(first, 0), -EINVAL);
	}
	remove_set(id);
}

/* --- Values --- */

static void one_value(void)
{
	int id = new_set(2);

	check_eq(raw_semctl(id, 1, SETVAL, 5), 0);
	check_eq(raw_semctl(id, 1, SETVAL, 0xffffffff00000006ul), 0);
	check_eq(value_of(id, 1), 6);
	check_eq(value_of(id, 0), 0);
	check_eq(raw_semctl(id, 1, SETVAL, SEMVMX_), 0);
	check_eq(raw_semctl(id, 1, SETVAL, SEMVMX_ + 1), -ERANGE);
	check_eq(raw_semctl(id, 1, SETVAL, -1), -ERANGE);
	check_eq(raw_semctl(id, 2, SETVAL, -1), -ERANGE);
	check_eq(raw_semctl(-1, 2, SETVAL, -1), -EINVAL);
	check_eq(raw_semctl(id, 2, SETVAL, 1), -EINVAL);
	check_eq(raw_semctl(id, -1, SETVAL, 1), -EINVAL);
	check_eq(value_of(id, 1), SEMVMX_);
	remove_set(id);
	check_eq(raw_semctl(id, 1, SETVAL, -1), -ERANGE);
	check_eq(raw_semctl(id, 1, SETVAL, 1), -EINVAL);
}

static void numbers_that_are_none(void)
{
	static const int commands[] = {GETVAL, GETPID, GETNCNT, GETZCNT};
	int id = new_set(2);

	for (int i = 0; i < 4; i++) {
		check_eq(raw_semctl(id, 1, commands[i], 0), 0);
		check_eq(raw_semctl(id, 2, commands[i], 0), -EINVAL);
		check_eq(raw_semctl(id, -1, commands[i], 0), -EINVAL);
		check_eq(raw_semctl(-1, 0, commands[i], 0), -EINVAL);
		check_eq(raw_semctl(id ^ 1 << 20, 0, commands[i], 0), -EINVAL);
	}
	remove_set(id);
}

static void all_values(void)
{
	enum { MANY = 1000 };
	static unsigned short set_to[MANY], got[MANY + 1];
	int id = new_set(MANY);

	for (int i = 0; i < MANY; i++)
		set_to[i] = i * 31;
	got[MANY] = 99;
	check_eq(ctl(id, -7, SETALL, set_to), 0);
	check_eq(ctl(id, 9999, GETALL, got), 0);
	check(memcmp(set_to, got, sizeof(set_to)) == 0);
	check_eq(got[MANY], 99);
	check_eq(raw_semctl(id, MANY - 1, GETPID, 0), getpid());
	set_to[0] = 1;
	set_to[MANY - 1] = SEMVMX_ + 1;
	check_eq(ctl(id, 0, SETALL, set_to), -ERANGE);
	check_eq(value_of(id, 0), 0);
	remove_set(id);
	check_eq(ctl(id, 0, SETALL, set_to), -EINVAL);
	check_eq(ctl(id, 0, GETALL, got), -EINVAL);
}

static void setall_lets_go(void)
{
	unsigned short values[3] = {1, 0, 2};
	int id = new_set(3);
	pid_t pids[3];

	set_value(id, 1, 1);
	pids[0] = operating_child(id, 0, -1, 0);
	pids[1] = operating_child(id, 1, 0, 0);
	pids[2] = operating_child2(id, OP(0, -1, 0), OP(2, -2, 0));
	await_growth_waiters(id, 0, 2);
	await_zero_waiters(id, 1, 1);
	check_eq(ctl(id, 0, SETALL, values), 0);
	check_exits(pids[1], 0);
	check_eq(value_of(id, 0), 0);
	values[0] = 1;
	values[2] = 2;
	check_eq(ctl(id, 0, SETALL, values), 0);
	check_exits(pids[0], 0);
	check_exits(pids[2], 0);
	remove_set(id);
}

static void bad_pointers(void)
{
	char *page =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int id = new_set(4);

	check_call(mprotect(page + PAGE, PAGE, PROT_READ));
	for (int i = 0; i < 2; i++) {
		void *bad = i ? KERNEL_ADDRESS : UNMAPPED_ADDRESS;

		check_eq(ctl(id, 0, IPC_STAT, bad), -EFAULT);
		check_eq(ctl(id, 0, IPC_SET, bad), -EFAULT);
		check_eq(ctl(id & 0x7fff, 0, SEM_STAT, bad), -EFAULT);
		check_eq(ctl(id & 0x7fff, 0, SEM_STAT_ANY, bad), -EFAULT);
		check_eq(ctl(id, 0, GETALL, bad), -EFAULT);
		check_eq(ctl(id, 0, SETALL, bad), -EFAULT);
		check_eq(ctl(0, 0, IPC_INFO, bad), -EFAULT);
		check_eq(ctl(0, 0, SEM_INFO, bad), -EFAULT);
	}
	check_eq(ctl(id, 0, GETALL, page + PAGE - 8), 0);
	check_eq(ctl(id, 0, GETALL, page + PAGE - 6), -EFAULT);
	check_eq(ctl(id, 0, IPC_STAT, page + PAGE - sizeof(struct semid_ds)), 0);
	check_eq(ctl(id, 0, IPC_STAT, page + PAGE - sizeof(struct semid_ds) + 1), -EFAULT);
	/* What is wrong with the set comes before the pointer, but for IPC_SET. */
	check_eq(ctl(0x7ffffff, 0, IPC_STAT, UNMAPPED_ADDRESS), -EINVAL);
	check_eq(ctl(0x7ffffff, 0, IPC_SET, UNMAPPED_ADDRESS), -EFAULT);
	check_eq(ctl(-1, 0, IPC_SET, UNMAPPED_ADDRESS), -EINVAL);
	check_eq(ctl(-1, 0, IPC_INFO, UNMAPPED_ADDRESS), -EINVAL);
	remove_set(id);
}

static void unknown_commands(void)
{
	static const int commands[] = {4, 5, 10, 21, 99, 0x100 | IPC_STAT, -1, 0x7fffffff};
	int id = new_set(1);

	for (unsigned int i = 0; i < TAP_COUNT(commands); i++)
		check_eq(raw_semctl(id, 0, commands[i], 0), -EINVAL);
	remove_set(id);
}

/* --- IPC_STAT, IPC_SET, IPC_RMID --- */

static void stat_is_whole(void)
{
	struct semid_ds ds;
	int id = get_set(KEY, 7, IPC_CREAT | 0751);

	memset(&ds, 0xff, sizeof(ds));
	check_eq(sizeof(ds), 104);
	check_eq(ctl(id, 99, IPC_STAT, &ds), 0);
	check_eq(ds.sem_perm.__key, KEY);
	check_eq(ds.sem_perm.mode, 0751);
	check_eq(ds.sem_perm.uid, 0);
	check_eq(ds.sem_perm.cgid, 0);
	check_eq(ds.sem_nsems, 7);
	check_eq(ds.sem_otime, 0);
	check_eq(((unsigned short *)&ds)[12], id >> 15);
	check_eq(((long *)&ds)[12], 0);
	remove_set(id);
}

static void set_changes_the_owner(void)
{
	struct semid_ds ds;
	int id = new_set(1);

	ds = set_stat(id);
	ds.sem_perm.uid = USER;
	ds.sem_perm.gid = OTHER;
	ds.sem_perm.cuid = OTHER;
	ds.sem_perm.mode = 07432;
	ds.sem_nsems = 9;
	check_eq(ctl(id, 0, IPC_SET, &ds), 0);
	ds = set_stat(id);
	check_eq(ds.sem_perm.uid, USER);
	check_eq(ds.sem_perm.gid, OTHER);
	check_eq(ds.sem_perm.cuid, 0);
	check_eq(ds.sem_perm.mode, 0432);
	check_eq(ds.sem_nsems, 1);
	ds.sem_perm.uid = -1;
	check_eq(ctl(id, 0, IPC_SET, &ds), -EINVAL);
	ds.sem_perm.uid = 0;
	ds.sem_perm.gid = -1;
	check_eq(ctl(id, 0, IPC_SET, &ds), -EINVAL);
	check_eq(set_stat(id).sem_perm.uid, USER);
	remove_set(id);
	check_eq(ctl(id, 0, IPC_SET, &ds), -EINVAL);
	check_eq(ctl(id, 0, IPC_RMID, NULL), -EINVAL);
}

static void by_index(void)
{
	struct semid_ds ds;
	int id = get_set(KEY, 3, IPC_CREAT | 0600), index = id & 0x7fff;

	check_eq(ctl(index, 0, SEM_STAT, &ds), id);
	check_eq(ds.sem_nsems, 3);
	check_eq(ctl(index | 5 << 15, 0, SEM_STAT, &ds), id);
	check_eq(ctl(index, 0, SEM_STAT_ANY, &ds), id);
	check_eq(ctl(32767, 0, SEM_STAT, &ds), -EINVAL);
	check_eq(ctl(-1, 0, SEM_STAT_ANY, &ds), -EINVAL);
	remove_set(id);
	check_eq(ctl(index, 0, SEM_STAT, &ds), -EINVAL);
}

static void info(void)
{
	struct seminfo before, info;
	int id, highest;

	check(ctl(0, 0, SEM_INFO, &before) >= 0);
	id = new_set(11);
	memset(&info, 0xff, sizeof(info));
	highest = ctl(0, 0, IPC_INFO, &info);
	check(highest >= (id & 0x7fff));
	check_eq(info.semmni, 32000);
	check_eq(info.semmns, 1024000000);
	check_eq(info.semmsl, 32000);
	check_eq(info.semopm, 500);
	check_eq(info.semvmx, 32767);
	check_eq(info.semmnu, 1024000000);
	check_eq(info.semmap, 1024000000);
	check_eq(info.semume, 500);
	check_eq(info.semusz, 20);
	check_eq(info.semaem, 32767);
	check_eq(ctl(id, 0, SEM_INFO, &info), highest);
	check_eq(info.semusz, before.semusz + 1);
	check_eq(info.semaem, before.semaem + 11);
	check_eq(info.semume, 500);
	remove_set(id);
	check_eq(ctl(0, 0, SEM_INFO, &info), 0);
	check_eq(info.semusz, before.semusz);
	check_eq(info.semaem, before.semaem);
}

/* --- Permissions --- */

static void become(uid_t uid, gid_t gid)
{
	check_eq(raw2(SYS_setgroups, 0, NULL), 0);
	check_eq(raw3(SYS_setresgid, gid, gid, gid), 0);
	check_eq(raw3(SYS_setresuid, uid, uid, uid), 0);
}

/* What uid may do to set id: rights are bits of 4 to read and 2 to alter. */
static void check_rights(int id, uid_t uid, gid_t gid, int rights)
{
	pid_t pid = tap_fork();
	unsigned short values[2] = {0, 0};
	struct semid_ds ds;
	long read = rights & 4 ? 0 : -EACCES, alter = rights & 2 ? 0 : -EACCES;

	if (pid) {
		check_exits(pid, 0);
		return;
	}
	become(uid, gid);
	check_eq(ctl(id, 0, GETVAL, NULL), read);
	check_eq(ctl(id, 0, GETNCNT, NULL), read);
	check_eq(ctl(id, 0, GETALL, values), read);
	check_eq(ctl(id, 0, GETALL, UNMAPPED_ADDRESS), read ? read : -EFAULT);
	check_eq(ctl(id, 0, IPC_STAT, &ds), read);
	check_eq(ctl(id & 0x7fff, 0, SEM_STAT, &ds), read ? read : id);
	check_eq(ctl(id & 0x7fff, 0, SEM_STAT_ANY, &ds), id);
	check_eq(raw_semop(id, 0, 0, 0), read);
	check_eq(ctl(id, 2, GETVAL, NULL), read ? read : -EINVAL);
	check_eq(raw_semctl(id, 0, SETVAL, 0), alter);
	check_eq(ctl(id, 0, SETALL, values), alter);
	check_eq(raw_semop(id, 0, 1, 0), alter);
	check_eq(raw_semop(id, 0, -1, 0), alter);
	check_eq(raw_semop(id, 1, 1, SEM_UNDO), alter);
	check_eq(raw_semop2(id, OP(0, 0, 0), OP(1, 1, 0)), alter);
	check_eq(raw_semctl(id, 2, SETVAL, 0), -EINVAL);
	check_eq(raw_semop(id, 2, 1, 0), -EFBIG);
	check_eq(get_set(KEY, 0, 0), id);
	check_eq(get_set(KEY, 0, 0444), read ? read : id);
	check_eq(get_set(KEY, 0, 0222), alter ? alter : id);
	check_eq(get_set(KEY, 0, 0666), read || alter ? -EACCES : id);
	check_eq(get_set(KEY, 3, 0666), -EINVAL);
	_exit(0);
}

static int set_with_mode(int mode)
{
	struct semid_ds ds;
	int id = get_set(KEY, 2, IPC_CREAT | mode);

	check(id >= 0);
	ds = set_stat(id);
	ds.sem_perm.uid = USER;
	ds.sem_perm.gid = USER;
	check_eq(ctl(id, 0, IPC_SET, &ds), 0);
	return id;
}

static void owner_group_and_others(void)
{
	for (int rights = 0; rights <= 6; rights += 2) {
		int id = set_with_mode(rights << 6);

		check_rights(id, USER, OTHER, rights);
		check_rights(id, OTHER, USER, 0);
		remove_set(id);
		id = set_with_mode(rights << 3);
		check_rights(id, OTHER, USER, rights);
		check_rights(id, USER, USER, 0);
		check_rights(id, OTHER, OTHER, 0);
		remove_set(id);
		id = set_with_mode(rights);
		check_rights(id, OTHER, OTHER, rights);
		check_rights(id, USER, USER, 0);
		check_rights(id, OTHER, USER, 0);
		remove_set(id);
	}
}

static void creators_are_owners(void)
{
	volatile int *id = tap_shared(PAGE);
	struct semid_ds ds;
	pid_t pid = tap_fork();

	if (pid == 0) {
		become(USER, USER);
		*id = get_set(KEY, 2, IPC_CREAT | 0640);
		check(*id >= 0);
		_exit(0);
	}
	check_exits(pid, 0);
	ds = set_stat(*id);
	check_eq(ds.sem_perm.cuid, USER);
	check_eq(ds.sem_perm.cgid, USER);
	ds.sem_perm.uid = ds.sem_perm.gid = 77;
	check_eq(ctl(*id, 0, IPC_SET, &ds), 0);
	check_rights(*id, USER, OTHER, 6);
	check_rights(*id, OTHER, USER, 4);
	check_rights(*id, 77, OTHER, 6);
	check_rights(*id, OTHER, 77, 4);
	check_rights(*id, OTHER, OTHER, 0);
	remove_set(*id);
}

static void who_may_remove(void)
{
	struct semid_ds ds;
	int id = set_with_mode(0666);
	pid_t pid = tap_fork();

	ds = set_stat(id);
	if (pid == 0) {
		become(OTHER, USER);
		check_eq(ctl(id, 0, IPC_RMID, NULL), -EPERM);
		check_eq(ctl(id, 0, IPC_SET, &ds), -EPERM);
		_exit(0);
	}
	check_exits(pid, 0);
	pid = tap_fork();
	if (pid == 0) {
		become(USER, OTHER);
		ds.sem_perm.mode = 0;
		check_eq(ctl(id, 0, IPC_SET, &ds), 0);
		check_eq(value_of(id, 0), -EACCES);
		check_eq(ctl(id, 0, IPC_RMID, NULL), 0);
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(value_of(id, 0), -EINVAL);
}

static void drop(unsigned long capability)
{
	struct rights rights;

	check_eq(read_caps(0, &rights), 0);
	check_eq(set_caps(rights.effective & ~capability, rights.permitted, rights.inheritable), 0);
}

static void capabilities(void)
{
	struct semid_ds ds;
	int id = set_with_mode(0);
	pid_t pid;

	ds = set_stat(id);
	pid = tap_fork();
	if (pid == 0) {
		check_eq(raw3(SYS_setresuid, 0, OTHER, 0), 0);
		check_eq(value_of(id, 0), -EACCES);
		check_eq(ctl(id, 0, IPC_SET, &ds), -EPERM);
		_exit(0);
	}
	check_exits(pid, 0);
	pid = tap_fork();
	if (pid == 0) {
		check_eq(raw5(SYS_prctl, 28, SECBIT_NO_SETUID_FIXUP, 0, 0, 0), 0);
		check_eq(raw3(SYS_setresuid, OTHER, OTHER, OTHER), 0);
		check_eq(value_of(id, 0), 0);
		check_eq(ctl(id, 0, IPC_SET, &ds), 0);
		drop(CAP(CAP_IPC_OWNER));
		check_eq(value_of(id, 0), -EACCES);
		check_eq(raw_semop(id, 0, 1, 0), -EACCES);
		check_eq(get_set(KEY, 0, 0400), -EACCES);
		check_eq(ctl(id, 0, IPC_SET, &ds), 0);
		drop(CAP(21)); /* CAP_SYS_ADMIN */
		check_eq(ctl(id, 0, IPC_SET, &ds), -EPERM);
		check_eq(ctl(id, 0, IPC_RMID, NULL), -EPERM);
		_exit(0);
	}
	check_exits(pid, 0);
	remove_set(id);
}

/* --- Limits --- */

static void limits_are_shown(void)
{
	check(strcmp(read_text(LIMITS), DEFAULTS) == 0);
}

static void limits_are_obeyed(void)
{
	struct sembuf ops[3] = {OP(0, 1, 0), OP(0, 1, 0), OP(0, 1, 0)};
	struct seminfo info;
	int a, b;

	check(ctl(0, 0, SEM_INFO, &info) >= 0);
	check_eq(info.semusz, 0);
	check_eq(try_write(LIMITS, "5 8 2 2"), 7);
	check(strcmp(read_text(LIMITS), "5\t8\t2\t2\n") == 0);
	check(ctl(0, 0, IPC_INFO, &info) >= 0);
	check_eq(info.semmsl, 5);
	check_eq(info.semmni, 2);
	check_eq(get_set(IPC_PRIVATE, 6, 0600), -EINVAL);
	a = get_set(IPC_PRIVATE, 5, 0600);
	check(a >= 0);
	check_eq(get_set(IPC_PRIVATE, 4, 0600), -ENOSPC);
	b = get_set(IPC_PRIVATE, 3, 0600);
	check(b >= 0);
	check_eq(get_set(IPC_PRIVATE, 1, 0600), -ENOSPC);
	check_eq(try_write(LIMITS, "5 9 2 2"), 7);
	check_eq(get_set(IPC_PRIVATE, 1, 0600), -ENOSPC);
	check_eq(raw3(SYS_semop, a, ops, 3), -E2BIG);
	check_eq(raw3(SYS_semop, a, ops, 2), 0);
	remove_set(b);
	check_eq(try_write(LIMITS, "5 9 2 1"), 7);
	check_eq(get_set(IPC_PRIVATE, 1, 0600), -ENOSPC);
	check_eq(try_write(LIMITS, "5 9 2 3"), 7);
	b = get_set(IPC_PRIVATE, 1, 0600);
	check(b >= 0);
	remove_set(a);
	remove_set(b);
	check_eq(try_write(LIMITS, DEFAULTS), strlen(DEFAULTS));
}

static void limits_are_checked(void)
{
	check_eq(try_write(LIMITS, "7"), 1);
	check(strcmp(read_text(LIMITS), "7\t1024000000\t500\t32000\n") == 0);
	check_eq(try_write(LIMITS, "32000 1024000000 500 32769"), -ERANGE);
	check_eq(try_write(LIMITS, "32000 1024000000 500 -1"), -ERANGE);
	check(strcmp(read_text(LIMITS), DEFAULTS) == 0);
	check_eq(try_write(LIMITS, "6 x"), -EINVAL);
	check(strcmp(read_text(LIMITS), "6\t1024000000\t500\t32000\n") == 0);
	check_eq(try_write(LIMITS, "32000 1024000000 500 32768"), 26);
	check_eq(try_write(LIMITS, DEFAULTS), strlen(DEFAULTS));
	check(strcmp(read_text(LIMITS), DEFAULTS) == 0);
}

static void negative_limits(void)
{
	struct sembuf op = OP(0, 1, 0);
	int id = new_set(1);

	check_eq(try_write(LIMITS, "-1 -1 -1 5"), 10);
	check_eq(get_set(IPC_PRIVATE, 1, 0600), -EINVAL);
	check_eq(raw3(SYS_semop, id, &op, 1), 0);
	check_eq(try_write(LIMITS, "10 -1 0 5"), 9);
	check_eq(get_set(IPC_PRIVATE, 1, 0600), -ENOSPC);
	check_eq(raw3(SYS_semop, id, &op, 1), -E2BIG);
	check_eq(raw3(SYS_semop, id, &op, 0), -EINVAL);
	check_eq(try_write(LIMITS, DEFAULTS), strlen(DEFAULTS));
	remove_set(id);
}

/* --- /proc/sysvipc/sem --- */

/* The line of a set; NULL if there is none. */
static const char *line_of_set(int id)
{
	const char *at = read_text(SETS);

	while ((at = strchr(at, '\n')) && *++at)
		if (strtol(at + 10, NULL, 10) == id)
			return at;
	return NULL;
}

static void a_line_for_each_set(void)
{
	static const char head[] = "       key      semid perms      nsems   uid   gid  cuid  cgid"
				   "      otime      ctime\n";
	char line[200];
	struct semid_ds ds;
	int id = set_with_mode(0642), other = new_set(1);

	check(strncmp(read_text(SETS), head, strlen(head)) == 0);
	check_eq(raw_semop(id, 0, 1, 0), 0);
	ds = set_stat(id);
	snprintf(line, sizeof(line), "%10d %10d  %4o %10d %5u %5u %5u %5u %10ld %10ld\n", KEY, id,
		 0642, 2, USER, USER, 0, 0, (long)ds.sem_otime, (long)ds.sem_ctime);
	check(line_of_set(id));
	check(strncmp(line_of_set(id), line, strlen(line)) == 0);
	check(line_of_set(other));
	remove_set(id);
	check(!line_of_set(id));
	remove_set(other);
	check(strcmp(read_text(SETS), head) == 0);
}

static void many_lines(void)
{
	enum { MANY = 200 };
	int ids[MANY];

	for (int i = 0; i < MANY; i++)
		ids[i] = new_set(i + 1);
	for (int i = 0; i < MANY; i++)
		check(line_of_set(ids[i]));
	for (int i = 0; i < MANY; i++)
		remove_set(ids[i]);
}

/* --- Many at once --- */

static void made_and_removed_at_once(void)
{
	enum { CALLERS = 4, ROUNDS = 300 };
	pid_t pids[CALLERS];

	for (int i = 0; i < CALLERS; i++) {
		pids[i] = tap_fork();
		if (pids[i])
			continue;
		for (int round = 0; round < ROUNDS; round++) {
			long id = get_set(KEY + round % 3, 4, IPC_CREAT | 0600);

			check(id >= 0);
			raw_semctl(id, 0, SETVAL, 1);
			raw_semop(id, 0, -1, IPC_NOWAIT | (round & 1 ? SEM_UNDO : 0));
			raw_semctl(id, 0, IPC_RMID, 0);
		}
		_exit(0);
	}
	for (int i = 0; i < CALLERS; i++)
		check_exits(pids[i], 0);
	for (int i = 0; i < 3; i++)
		check_eq(get_set(KEY + i, 0, 0), -ENOENT);
}

static const struct test_case cases[] = {
	TEST(keys, "semget: a key, and what its set is asked for"),
	TEST(many_keys, "semget: many keys"),
	TEST(private_sets, "semget: IPC_PRIVATE makes another one each time"),
	TEST(numbers_of_semaphores, "semget: none, too many, negative, as many as there may be"),
	TEST(a_removed_id_is_not_given_soon, "semget: an identifier is not soon given again"),
	TEST(one_value, "SETVAL: values and numbers out of range"),
	TEST(numbers_that_are_none, "GETVAL and others: EINVAL for wrong numbers and sets"),
	TEST(all_values, "SETALL and GETALL: all values, or none"),
	TEST(setall_lets_go, "SETALL: who waits goes on"),
	TEST(bad_pointers, "EFAULT for bad pointers, in its order"),
	TEST(unknown_commands, "EINVAL for unknown commands"),
	TEST(stat_is_whole, "IPC_STAT: the whole structure"),
	TEST(set_changes_the_owner, "IPC_SET: owner and mode, and no more"),
	TEST(by_index, "SEM_STAT, SEM_STAT_ANY: a set by its index"),
	TEST(info, "IPC_INFO, SEM_INFO: limits and use"),
	TEST(owner_group_and_others, "permissions: owner, group and others"),
	TEST(creators_are_owners, "permissions: the creator and its group"),
	TEST(who_may_remove, "permissions: who may change and remove"),
	TEST(capabilities, "permissions: CAP_IPC_OWNER and CAP_SYS_ADMIN"),
	TEST(limits_are_shown, "limits: what they are at first"),
	TEST(limits_are_obeyed, "limits: each is obeyed"),
	TEST(limits_are_checked, "limits: what cannot be written"),
	TEST(negative_limits, "limits: negative ones"),
	TEST(a_line_for_each_set, "/proc/sysvipc/sem: a line for each set"),
	TEST(many_lines, "/proc/sysvipc/sem: many lines"),
	TEST(made_and_removed_at_once, "made and removed by several at once"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
