/*
 * SEM_UNDO: what a process did to semaphores is taken back when it ends. What is shared by
 * CLONE_SYSVSEM is in clone-sysvsem.c.
 */
#include "semaphores.h"

enum { PAGE = 4096 };

/* Runs operations on set id in a child that then ends well. */
static void in_a_child(void (*body)(int id), int id)
{
	pid_t pid = tap_fork();

	if (pid == 0) {
		body(id);
		_exit(0);
	}
	check_exits(pid, 0);
}

static void take_two_give_one(int id)
{
	check_eq(raw_semop(id, 0, -1, SEM_UNDO), 0);
	check_eq(raw_semop(id, 0, -1, SEM_UNDO), 0);
	check_eq(raw_semop(id, 0, 1, SEM_UNDO), 0);
	check_eq(raw_semop(id, 1, 3, SEM_UNDO), 0);
	check_eq(raw_semop(id, 2, 1, 0), 0);
	check_eq(value_of(id, 0), 4);
	check_eq(value_of(id, 1), 3);
}

static void undone_at_exit(void)
{
	int id = new_set(3);

	set_value(id, 0, 5);
	in_a_child(take_two_give_one, id);
	check_eq(value_of(id, 0), 5);
	check_eq(value_of(id, 1), 0);
	check_eq(value_of(id, 2), 1);
	remove_set(id);
}

/* A child that has taken one of semaphore 0, to be undone, and sleeps. */
static pid_t holding_child(int id)
{
	pid_t pid = tap_fork();

	if (pid == 0) {
		check_eq(raw_semop2(id, OP(0, -1, SEM_UNDO), OP(1, 1, 0)), 0);
		for (;;)
			pause();
	}
	check_eq(raw_semop(id, 1, -1, 0), 0);
	return pid;
}

static void undone_when_killed(void)
{
	static const int signals[] = {SIGKILL, SIGTERM, SIGSEGV};
	int id = new_set(2);
	pid_t pid;

	set_value(id, 0, 1);
	for (int i = 0; i < 3; i++) {
		pid = holding_child(id);
		check_eq(value_of(id, 0), 0);
		check_call(kill(pid, signals[i]));
		check_killed(pid, signals[i]);
		check_eq(value_of(id, 0), 1);
	}
	remove_set(id);
}

static void undoing_lets_go(void)
{
	int id = new_set(2);
	pid_t holder, waiter;

	set_value(id, 0, 1);
	holder = holding_child(id);
	waiter = operating_child(id, 0, -1, 0);
	await_growth_waiters(id, 0, 1);
	check_call(kill(holder, SIGKILL));
	check_exits(waiter, 0);
	check_eq(value_of(id, 0), 0);
	check_killed(holder, SIGKILL);
	remove_set(id);
}

static void give_one(int id)
{
	check_eq(raw_semop(id, 0, 1, SEM_UNDO), 0);
}

static void undoing_lets_go_who_waits_for_zero(void)
{
	int id = new_set(1);
	pid_t waiter;

	set_value(id, 0, 1);
	waiter = operating_child2(id, OP(0, 0, 0), OP(0, 7, 0));
	await_zero_waiters(id, 0, 1);
	in_a_child(give_one, id);
	check_eq(zero_waiters(id, 0), 1);
	check_eq(value_of(id, 0), 1);
	check_eq(raw_semop(id, 0, -1, 0), 0);
	check_exits(waiter, 0);
	in_a_child(give_one, id);
	check_eq(value_of(id, 0), 7);
	remove_set(id);
}

static void undone_before_anybody_hears_of_the_end(void)
{
	int id = new_set(2), gate[2];
	pid_t pid;

	set_value(id, 0, 1);
	make_pipe(gate);
	pid = holding_child(id);
	check_call(close(gate[1]));
	check_call(kill(pid, SIGKILL));
	check_eof(gate[0]);
	check_eq(value_of(id, 0), 1);
	check_killed(pid, SIGKILL);
	remove_set(id);
}

static void fork_inherits_nothing(void)
{
	int id = new_set(1);
	pid_t pid;

	set_value(id, 0, 2);
	pid = tap_fork();
	if (pid == 0) {
		check_eq(raw_semop(id, 0, -1, SEM_UNDO), 0);
		check_exits(operating_child(id, 0, -1, SEM_UNDO), 0);
		check_eq(value_of(id, 0), 1);
		check_exits(operating_child(id, 0, 0, IPC_NOWAIT), EAGAIN);
		check_eq(value_of(id, 0), 1);
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(value_of(id, 0), 2);
	remove_set(id);
}

static void kept_by_exec(void)
{
	char number[16];
	int id = new_set(2);
	pid_t pid;

	set_value(id, 0, 3);
	snprintf(number, sizeof(number), "%d", id);
	pid = tap_fork();
	if (pid == 0) {
		check_eq(raw_semop(id, 0, -1, SEM_UNDO), 0);
		raw_exec_helper("hold", number, NULL);
		_exit(126);
	}
	check_eq(raw_semop(id, 1, -1, 0), 0);
	check_eq(value_of(id, 0), 1);
	check_call(kill(pid, SIGKILL));
	check_killed(pid, SIGKILL);
	check_eq(value_of(id, 0), 3);
	remove_set(id);
}

/* The helper, after the exec: takes one more, and stays. */
static int hold(int argc, char **argv)
{
	int id = atoi(argv[1]);

	if (raw_semop2(id, OP(0, -1, SEM_UNDO), OP(1, 1, 0)))
		return 1;
	for (;;)
		pause();
}

/* --- Adjustments and their limits --- */

static void take_all(int id)
{
	check_eq(raw_semop(id, 0, 5, SEM_UNDO), 0);
	check_eq(raw_semop(id, 0, -5, 0), 0);
	check_eq(raw_semop(id, 1, -1, SEM_UNDO), 0);
	check_eq(raw_semop(id, 1, SEMVMX_, 0), 0);
}

static void values_keep_within_their_limits(void)
{
	int id = new_set(2);

	set_value(id, 0, 2);
	set_value(id, 1, 1);
	in_a_child(take_all, id);
	check_eq(value_of(id, 0), 0);
	check_eq(value_of(id, 1), SEMVMX_);
	remove_set(id);
}

static void exceed_downwards(int id)
{
	check_eq(raw_semop(id, 0, SEMVMX_, SEM_UNDO), 0);
	check_eq(raw_semop(id, 0, -SEMVMX_, 0), 0);
	check_eq(raw_semop(id, 0, 1, SEM_UNDO), 0);
	check_eq(raw_semop(id, 0, 1, SEM_UNDO), -ERANGE);
	check_eq(value_of(id, 0), 1);
	check_eq(raw_semop2(id, OP(1, 1, SEM_UNDO), OP(0, 1, SEM_UNDO)), -ERANGE);
	check_eq(value_of(id, 1), 0);
	check_eq(raw_semop(id, 0, 1, 0), 0);
}

static void exceed_upwards(int id)
{
	check_eq(raw_semop(id, 0, SEMVMX_, 0), 0);
	check_eq(raw_semop(id, 0, -SEMVMX_, SEM_UNDO), 0);
	check_eq(raw_semop(id, 0, 1, 0), 0);
	check_eq(raw_semop(id, 0, -1, SEM_UNDO), -ERANGE);
	check_eq(value_of(id, 0), 1);
	check_eq(raw_semop(id, 0, -1, 0), 0);
}

static void adjustments_have_limits(void)
{
	int id = new_set(2);

	in_a_child(exceed_downwards, id);
	check_eq(value_of(id, 0), 0);
	check_eq(value_of(id, 1), 0);
	in_a_child(exceed_upwards, id);
	check_eq(value_of(id, 0), SEMVMX_);
	remove_set(id);
}

static void fail_in_the_middle(int id)
{
	check_eq(raw_semop2(id, OP(0, 1, SEM_UNDO), OP(1, -1, IPC_NOWAIT | SEM_UNDO)), -EAGAIN);
	check_eq(raw_semop2(id, OP(0, 1, SEM_UNDO), OP(0, SEMVMX_, SEM_UNDO)), -ERANGE);
	check_eq(raw_semop2(id, OP(0, 0, SEM_UNDO), OP(0, 0, SEM_UNDO | IPC_NOWAIT)), 0);
	check_eq(raw_semop(id, 0, 3, 0), 0);
}

static void a_failed_call_leaves_nothing_to_undo(void)
{
	int id = new_set(2);

	in_a_child(fail_in_the_middle, id);
	check_eq(value_of(id, 0), 3);
	check_eq(value_of(id, 1), 0);
	remove_set(id);
}

static void some_with_and_some_without(int id)
{
	check_eq(raw_semop2(id, OP(0, 2, SEM_UNDO), OP(0, 3, 0)), 0);
	check_eq(raw_semop2(id, OP(1, 2, 0), OP(1, 3, SEM_UNDO)), 0);
}

static void each_operation_says_for_itself(void)
{
	int id = new_set(2);

	in_a_child(some_with_and_some_without, id);
	check_eq(value_of(id, 0), 3);
	check_eq(value_of(id, 1), 2);
	remove_set(id);
}

static void give_and_set_value(int id)
{
	check_eq(raw_semop2(id, OP(0, 2, SEM_UNDO), OP(1, 2, SEM_UNDO)), 0);
	set_value(id, 0, 9);
	check_eq(raw_semop(id, 0, 1, SEM_UNDO), 0);
}

static void setval_forgets(void)
{
	int id = new_set(2);

	in_a_child(give_and_set_value, id);
	check_eq(value_of(id, 0), 9);
	check_eq(value_of(id, 1), 0);
	remove_set(id);
}

static void give_and_set_all(int id)
{
	unsigned short values[2] = {6, 7};

	check_eq(raw_semop2(id, OP(0, 2, SEM_UNDO), OP(1, 2, SEM_UNDO)), 0);
	check_eq(raw_semctl(id, 0, SETALL, (unsigned long)values), 0);
}

static void setall_forgets(void)
{
	int id = new_set(2);

	in_a_child(give_and_set_all, id);
	check_eq(value_of(id, 0), 6);
	check_eq(value_of(id, 1), 7);
	remove_set(id);
}

static void setting_forgets_for_all(void)
{
	int id = new_set(2);
	pid_t a, b;

	set_value(id, 0, 2);
	a = holding_child(id);
	b = holding_child(id);
	set_value(id, 0, 5);
	check_call(kill(a, SIGKILL));
	check_call(kill(b, SIGKILL));
	check_killed(a, SIGKILL);
	check_killed(b, SIGKILL);
	check_eq(value_of(id, 0), 5);
	remove_set(id);
}

static void several_processes(void)
{
	int id = new_set(2);
	pid_t a, b;

	set_value(id, 0, 2);
	a = holding_child(id);
	b = holding_child(id);
	check_eq(value_of(id, 0), 0);
	check_call(kill(a, SIGKILL));
	check_killed(a, SIGKILL);
	check_eq(value_of(id, 0), 1);
	check_call(kill(b, SIGKILL));
	check_killed(b, SIGKILL);
	check_eq(value_of(id, 0), 2);
	remove_set(id);
}

enum { SETS = 50 };

static int sets[SETS];

static void give_to_all_sets(int unused)
{
	for (int i = 0; i < SETS; i++)
		check_eq(raw_semop(sets[i], i % 3, i + 1, SEM_UNDO), 0);
	for (int i = 0; i < SETS; i += 5)
		remove_set(sets[i]);
}

static void several_sets(void)
{
	for (int i = 0; i < SETS; i++)
		sets[i] = new_set(3);
	in_a_child(give_to_all_sets, 0);
	for (int i = 0; i < SETS; i++) {
		check_eq(value_of(sets[i], i % 3), i % 5 ? 0 : -EINVAL);
		if (i % 5)
			remove_set(sets[i]);
	}
}

enum { KEY = 0x7465 };

static void give_and_remove(int id)
{
	int fresh;

	check_eq(raw_semop(id, 0, 4, SEM_UNDO), 0);
	remove_set(id);
	fresh = check_call(semget(KEY, 1, IPC_CREAT | IPC_EXCL | 0600));
	check_eq(raw_semop(fresh, 0, 9, 0), 0);
}

static void removal_forgets(void)
{
	int id = check_call(semget(KEY, 1, IPC_CREAT | IPC_EXCL | 0600));

	in_a_child(give_and_remove, id);
	id = check_call(semget(KEY, 1, 0));
	check_eq(value_of(id, 0), 9);
	remove_set(id);
}

static void the_waiter_s_own(void)
{
	int id = new_set(2);
	pid_t pid = tap_fork();

	if (pid == 0) {
		check_eq(raw_semop(id, 0, -1, SEM_UNDO), 0);
		check_eq(raw_semop(id, 1, 1, 0), 0);
		for (;;)
			pause();
	}
	await_growth_waiters(id, 0, 1);
	check_eq(raw_semop(id, 0, 1, 0), 0);
	check_eq(raw_semop(id, 1, -1, 0), 0);
	check_eq(value_of(id, 0), 0);
	check_call(kill(pid, SIGKILL));
	check_killed(pid, SIGKILL);
	check_eq(value_of(id, 0), 1);
	remove_set(id);
}

static void killed_while_it_waits(void)
{
	int id = new_set(2);
	pid_t pid = tap_fork();

	if (pid == 0) {
		check_eq(raw_semop(id, 1, 2, SEM_UNDO), 0);
		raw_semop2(id, OP(1, 5, SEM_UNDO), OP(0, -1, SEM_UNDO));
		_exit(1);
	}
	await_growth_waiters(id, 0, 1);
	check_eq(value_of(id, 1), 2);
	check_call(kill(pid, SIGKILL));
	check_killed(pid, SIGKILL);
	check_eq(value_of(id, 0), 0);
	check_eq(value_of(id, 1), 0);
	remove_set(id);
}

static void who_and_when(void)
{
	int id = new_set(3);
	time_t before;
	pid_t pid;

	set_value(id, 0, 1);
	pid = holding_child(id);
	set_value(id, 2, 1);
	check_exits(operating_child(id, 0, 0, 0), 0);
	check_eq(raw_semctl(id, 2, GETPID, 0), getpid());
	before = time(NULL);
	check_call(kill(pid, SIGKILL));
	check_killed(pid, SIGKILL);
	check_eq(raw_semctl(id, 0, GETPID, 0), pid);
	check_eq(raw_semctl(id, 1, GETPID, 0), getpid());
	check(set_stat(id).sem_otime >= before);
	remove_set(id);
}

static void undone_without_permission(void)
{
	struct semid_ds ds;
	int id = new_set(2);
	pid_t pid;

	set_value(id, 0, 1);
	ds = set_stat(id);
	ds.sem_perm.uid = 1000;
	check_eq(raw_semctl(id, 0, IPC_SET, (unsigned long)&ds), 0);
	pid = tap_fork();
	if (pid == 0) {
		check_call(setuid(1000));
		check_eq(raw_semop2(id, OP(0, -1, SEM_UNDO), OP(1, 1, 0)), 0);
		for (;;)
			pause();
	}
	check_eq(raw_semop(id, 1, -1, 0), 0);
	ds.sem_perm.uid = 0;
	check_eq(raw_semctl(id, 0, IPC_SET, (unsigned long)&ds), 0);
	check_call(kill(pid, SIGKILL));
	check_killed(pid, SIGKILL);
	check_eq(value_of(id, 0), 1);
	remove_set(id);
}

static int give_in_a_vfork_child(void *id)
{
	return raw_semop(*(int *)id, 0, 1, SEM_UNDO) ? 1 : 0;
}

static void a_vfork_child_has_its_own(void)
{
	int id = new_set(1);
	pid_t pid;

	check_eq(raw_semop(id, 0, 1, SEM_UNDO), 0);
	pid = vfork_call(give_in_a_vfork_child, &id);
	check_exits(pid, 0);
	check_eq(value_of(id, 0), 1);
	remove_set(id);
}

/* --- Many at once --- */

enum { CALLERS = 6, ROUNDS = 60 };

/* Each of its children dies somewhere in the middle. */
static void hold_and_die(int id, unsigned int seed)
{
	for (int i = 0; i < ROUNDS; i++) {
		pid_t pid = tap_fork();

		if (pid == 0) {
			raw_semop2(id, OP(0, -1, SEM_UNDO), OP(1, 1, SEM_UNDO));
			if ((i + seed) % 3 == 0)
				raw_semop2(id, OP(0, 1, SEM_UNDO), OP(1, -1, SEM_UNDO));
			if ((i + seed) % 3 == 1)
				_exit(0);
			raw2(SYS_kill, raw0(SYS_getpid), SIGKILL);
		}
		tap_wait(pid);
	}
}

static void many_die_with_what_they_hold(void)
{
	int id = new_set(2);
	pid_t pids[CALLERS];

	set_value(id, 0, 2);
	for (int i = 0; i < CALLERS; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			hold_and_die(id, i);
			_exit(0);
		}
	}
	for (int i = 0; i < CALLERS; i++)
		check_exits(pids[i], 0);
	check_eq(value_of(id, 0), 2);
	check_eq(value_of(id, 1), 0);
	remove_set(id);
}

/* Children that have something to undo in a set end while it is removed. */
static void exits_race_with_removal(void)
{
	volatile int *go = tap_shared(PAGE);

	for (int round = 1; round <= ROUNDS; round++) {
		int id = new_set(100), other = new_set(1);
		pid_t pids[CALLERS];

		for (int i = 0; i < CALLERS; i++) {
			pids[i] = tap_fork();
			if (pids[i] == 0) {
				raw_semop(other, 0, 1, SEM_UNDO);
				raw_semop(id, i, 1, SEM_UNDO);
				add(&go[1], 1);
				tap_await(go, round);
				_exit(0);
			}
		}
		tap_await(&go[1], round * CALLERS);
		set(go, round);
		remove_set(id);
		for (int i = 0; i < CALLERS; i++)
			check_exits(pids[i], 0);
		check_eq(value_of(other, 0), 0);
		remove_set(other);
	}
}

static const struct test_case cases[] = {
	TEST(undone_at_exit, "the sum of what was done is undone at exit"),
	TEST(undone_when_killed, "undone when a signal kills"),
	TEST(undoing_lets_go, "undoing lets somebody go who waits"),
	TEST(undoing_lets_go_who_waits_for_zero, "undoing and who waits for zero"),
	TEST(undone_before_anybody_hears_of_the_end, "undone before the end shows at a pipe"),
	TEST(fork_inherits_nothing, "a forked child has nothing of its parent's to undo"),
	TEST(kept_by_exec, "exec keeps what is to be undone"),
	TEST(values_keep_within_their_limits, "undoing keeps a value within its limits"),
	TEST(adjustments_have_limits, "ERANGE for more than can be undone"),
	TEST(a_failed_call_leaves_nothing_to_undo, "a call that fails leaves nothing to undo"),
	TEST(each_operation_says_for_itself, "each operation says for itself whether it is undone"),
	TEST(setval_forgets, "SETVAL forgets what is to be undone to that semaphore"),
	TEST(setall_forgets, "SETALL forgets what is to be undone to all of them"),
	TEST(setting_forgets_for_all, "SETVAL forgets for every process"),
	TEST(several_processes, "several processes each undo their own"),
	TEST(several_sets, "what was done to many sets is undone"),
	TEST(removal_forgets, "a new set is not reached by what an old one left"),
	TEST(the_waiter_s_own, "what a waiter got is undone at its own end"),
	TEST(killed_while_it_waits, "what a killed waiter did not get is not undone"),
	TEST(who_and_when, "undoing counts as an operation of who ended"),
	TEST(undone_without_permission, "undone also by who may not operate any more"),
	TEST(a_vfork_child_has_its_own, "a vfork child has its own to undo"),
	TEST(many_die_with_what_they_hold, "many die with what they hold"),
	TEST(exits_race_with_removal, "exits race with removal"),
};

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), hold);
}
