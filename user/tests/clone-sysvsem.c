/*
 * CLONE_SYSVSEM: tasks that share what is to be undone to semaphores. It is undone when the last of
 * them ends, or leaves by unshare.
 */
#include "semaphores.h"

enum { PAGE = 4096, KCMP_SYSVSEM = 6, SHARED = CLONE_SYSVSEM | SIGCHLD, QUEUE = 4 };

/* Words that the processes of a case share: what has been reached, what they may do. */
static volatile int *reached, *allowed;
static int id;

static void begin(int n)
{
	reached = tap_shared(PAGE);
	allowed = reached + 1;
	id = new_set(n);
}

static int same_list(pid_t a, pid_t b)
{
	return raw5(SYS_kcmp, a, b, KCMP_SYSVSEM, 0, 0) == 0;
}

/* A child of fork's kind with these flags: 0 in the child, which goes on in the same place. */
static pid_t forked(unsigned long flags)
{
	pid_t pid = raw_clone(flags, NULL, NULL, NULL, 0);

	check(pid >= 0);
	return pid;
}

static int stay(void *unused)
{
	for (;;)
		raw0(SYS_pause);
	return 0;
}

static void end(pid_t pid)
{
	check_call(kill(pid, SIGKILL));
	check_killed(pid, SIGKILL);
}

/* --- Who has which list --- */

static void the_same_before_the_first_use(void)
{
	pid_t with = clone_call(SHARED, stay, NULL), without = clone_call(SIGCHLD, stay, NULL);
	pid_t another = clone_call(SIGCHLD, stay, NULL);

	check(same_list(getpid(), with));
	check(!same_list(getpid(), without));
	check(same_list(without, another));
	end(with);
	end(without);
	end(another);
}

static void a_fork_has_none(void)
{
	pid_t pid, another;

	begin(1);
	check_eq(raw_semop(id, 0, 1, SEM_UNDO), 0);
	pid = clone_call(SIGCHLD, stay, NULL);
	another = clone_call(SIGCHLD, stay, NULL);
	check(!same_list(getpid(), pid));
	check(same_list(pid, another));
	end(pid);
	end(another);
	remove_set(id);
}

static void no_use_no_list(void)
{
	pid_t pid;

	begin(1);
	check_eq(raw_semop(id, 0, 1, 0), 0);
	pid = clone_call(SIGCHLD, stay, NULL);
	check(same_list(getpid(), pid));
	check_eq(raw_semop(id, 0, -2, SEM_UNDO | IPC_NOWAIT), -EAGAIN);
	check(!same_list(getpid(), pid));
	end(pid);
	remove_set(id);
}

static void threads_have_their_process_s(void)
{
	pid_t pid = clone_call(SIGCHLD, stay, NULL), other;
	long tid;

	tid = raw_clone_call(THREAD_FLAGS & ~(CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID),
			     new_stack(), NULL, NULL, 0, stay, NULL);
	check(tid > 0);
	other = raw_clone_call(CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, new_stack(), NULL, NULL, 0,
			       stay, NULL);
	check(other > 0);
	check(same_list(getpid(), tid));
	check(!same_list(getpid(), other));
	check(!same_list(getpid(), pid));
	check(same_list(other, pid));
	end(pid);
}

static void a_grandchild_shares(void)
{
	pid_t pid;

	begin(1);
	pid = forked(SHARED);
	if (pid == 0) {
		pid_t grandchild = forked(SHARED);

		if (grandchild == 0)
			stay(NULL);
		check(same_list(getppid(), grandchild));
		end(grandchild);
		_exit(0);
	}
	check_exits(pid, 0);
	remove_set(id);
}

static void by_clone3(void)
{
	struct clone_args args = {.flags = CLONE_SYSVSEM, .exit_signal = SIGCHLD};
	pid_t pid = raw_clone3(&args, sizeof(args));

	if (pid == 0)
		stay(NULL);
	check(pid > 0);
	check(same_list(getpid(), pid));
	end(pid);
}

/* --- When it is undone --- */

static void take(int amount)
{
	check_eq(raw_semop(id, 0, -amount, SEM_UNDO), 0);
}

static void the_child_ends_first(void)
{
	pid_t pid;

	begin(1);
	set_value(id, 0, 5);
	pid = tap_fork();
	if (pid == 0) {
		take(1);
		pid = forked(SHARED);
		if (pid == 0) {
			take(2);
			_exit(0);
		}
		check_exits(pid, 0);
		check_eq(value_of(id, 0), 2);
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(value_of(id, 0), 5);
	remove_set(id);
}

static void the_parent_ends_first(void)
{
	pid_t pid;

	begin(2);
	set_value(id, 0, 5);
	pid = tap_fork();
	if (pid == 0) {
		take(1);
		if (forked(SHARED) == 0) {
			take(2);
			add(reached, 1);
			tap_await(allowed, 1);
			_exit(0);
		}
		tap_await(reached, 1);
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(value_of(id, 0), 2);
	set(allowed, 1);
	check_eq(raw_semop(id, 0, -5, 0), 0);
	remove_set(id);
}

static void without_the_flag_each_undoes_its_own(void)
{
	pid_t pid;

	begin(1);
	set_value(id, 0, 5);
	pid = tap_fork();
	if (pid == 0) {
		take(1);
		pid = forked(SIGCHLD);
		if (pid == 0) {
			take(2);
			_exit(0);
		}
		check_exits(pid, 0);
		check_eq(value_of(id, 0), 4);
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(value_of(id, 0), 5);
	remove_set(id);
}

/* The list is there though nobody has used it when it is shared. */
static void shared_before_the_first_use(void)
{
	pid_t pid;

	begin(1);
	set_value(id, 0, 5);
	pid = tap_fork();
	if (pid == 0) {
		pid = forked(SHARED);
		if (pid == 0) {
			take(2);
			_exit(0);
		}
		check_exits(pid, 0);
		check_eq(value_of(id, 0), 3);
		take(1);
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(value_of(id, 0), 5);
	remove_set(id);
}

static void one_gives_what_the_other_took(void)
{
	pid_t pid;

	begin(1);
	set_value(id, 0, 1);
	pid = tap_fork();
	if (pid == 0) {
		take(1);
		pid = forked(SHARED);
		if (pid == 0)
			_exit(-raw_semop(id, 0, 1, SEM_UNDO));
		check_exits(pid, 0);
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(value_of(id, 0), 1);
	remove_set(id);
}

static void setval_forgets_what_is_shared(void)
{
	pid_t pid;

	begin(1);
	set_value(id, 0, 5);
	pid = tap_fork();
	if (pid == 0) {
		take(1);
		pid = forked(SHARED);
		if (pid == 0) {
			set_value(id, 0, 9);
			_exit(0);
		}
		check_exits(pid, 0);
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(value_of(id, 0), 9);
	remove_set(id);
}

static int take_one(void *unused)
{
	return raw_semop(id, 0, -1, SEM_UNDO) ? 1 : 0;
}

static void a_thread_s_end_undoes_nothing(void)
{
	pid_t pid;

	begin(1);
	set_value(id, 0, 5);
	pid = tap_fork();
	if (pid == 0) {
		static struct thread threads[3];

		for (int i = 0; i < 3; i++) {
			thread_start(&threads[i], take_one, NULL);
			thread_join(&threads[i]);
			check_eq(value_of(id, 0), 4 - i);
		}
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(value_of(id, 0), 5);
	remove_set(id);
}

static void a_thread_of_its_own(void)
{
	long tid;

	begin(1);
	set_value(id, 0, 5);
	take(1);
	tid = raw_clone_call(CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, new_stack(), NULL, NULL, 0,
			     take_one, NULL);
	check(tid > 0);
	while (raw3(SYS_tgkill, getpid(), tid, 0) == 0)
		raw0(SYS_sched_yield);
	check_eq(value_of(id, 0), 4);
	remove_set(id);
}

static void vfork_with_the_flag(void)
{
	pid_t pid;

	begin(1);
	set_value(id, 0, 5);
	pid = tap_fork();
	if (pid == 0) {
		pid = clone_call(CLONE_VM | CLONE_VFORK | SHARED, take_one, NULL);
		check_exits(pid, 0);
		check_eq(value_of(id, 0), 4);
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(value_of(id, 0), 5);
	remove_set(id);
}

/* --- exec --- */

static void exec_goes_on_sharing(void)
{
	char number[16];
	pid_t pid;

	begin(2);
	set_value(id, 0, 5);
	snprintf(number, sizeof(number), "%d", id);
	take(1);
	pid = forked(SHARED);
	if (pid == 0) {
		raw_exec_helper("take", number, NULL);
		_exit(126);
	}
	check_eq(raw_semop(id, 1, -1, 0), 0);
	check(same_list(getpid(), pid));
	end(pid);
	check_eq(value_of(id, 0), 2);
	remove_set(id);
}

/* The helper, after the exec. */
static int take_two_and_stay(int argc, char **argv)
{
	if (raw_semop2(atoi(argv[1]), OP(0, -2, SEM_UNDO), OP(1, 1, 0)))
		return 1;
	return stay(NULL);
}

static int exec_from_a_thread(void *number)
{
	raw_exec_helper("take", number, NULL);
	return 1;
}

static void exec_ends_the_other_threads(void)
{
	static char number[16];
	pid_t pid;

	begin(2);
	set_value(id, 0, 5);
	snprintf(number, sizeof(number), "%d", id);
	pid = tap_fork();
	if (pid == 0) {
		struct thread thread;

		take(1);
		thread_start(&thread, exec_from_a_thread, number);
		stay(NULL);
	}
	check_eq(raw_semop(id, 1, -1, 0), 0);
	check_eq(value_of(id, 0), 2);
	end(pid);
	check_eq(value_of(id, 0), 5);
	remove_set(id);
}

/* --- unshare --- */

static void unshare_alone_undoes(void)
{
	begin(1);
	set_value(id, 0, 5);
	check_eq(raw1(SYS_unshare, CLONE_SYSVSEM), 0);
	take(2);
	check_eq(raw1(SYS_unshare, CLONE_SYSVSEM), 0);
	check_eq(value_of(id, 0), 5);
	take(1);
	check_eq(value_of(id, 0), 4);
	check_eq(raw1(SYS_unshare, CLONE_SYSVSEM | CLONE_FS | CLONE_FILES), 0);
	check_eq(value_of(id, 0), 5);
	remove_set(id);
}

static void unshare_parts(void)
{
	pid_t pid;

	begin(1);
	set_value(id, 0, 5);
	take(1);
	pid = forked(SHARED);
	if (pid == 0) {
		take(1);
		check_eq(raw1(SYS_unshare, CLONE_SYSVSEM), 0);
		check(!same_list(getpid(), getppid()));
		check_eq(value_of(id, 0), 3);
		take(1);
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(value_of(id, 0), 3);
	check_eq(raw1(SYS_unshare, CLONE_SYSVSEM), 0);
	check_eq(value_of(id, 0), 5);
	remove_set(id);
}

static void unshare_lets_go(void)
{
	pid_t waiter;

	begin(1);
	set_value(id, 0, 1);
	take(1);
	waiter = operating_child(id, 0, -1, 0);
	await_growth_waiters(id, 0, 1);
	check_eq(raw1(SYS_unshare, CLONE_SYSVSEM), 0);
	check_exits(waiter, 0);
	remove_set(id);
}

static int unshare_in_a_thread(void *unused)
{
	return raw1(SYS_unshare, CLONE_SYSVSEM) ? 1 : 0;
}

static void a_thread_parts(void)
{
	static struct thread thread;

	begin(1);
	set_value(id, 0, 5);
	take(1);
	thread_start(&thread, unshare_in_a_thread, NULL);
	thread_join(&thread);
	check_eq(value_of(id, 0), 4);
	check_eq(raw1(SYS_unshare, CLONE_SYSVSEM), 0);
	check_eq(value_of(id, 0), 5);
	remove_set(id);
}

static void a_refused_unshare_undoes_nothing(void)
{
	static struct thread thread;

	begin(1);
	set_value(id, 0, 5);
	take(1);
	thread_start(&thread, stay, NULL);
	check_eq(raw1(SYS_unshare, CLONE_SYSVSEM | CLONE_THREAD), -EINVAL);
	check_eq(raw1(SYS_unshare, CLONE_SYSVSEM | CLONE_PARENT), -EINVAL);
	check(same_list(getpid(), thread.tid));
	check_eq(value_of(id, 0), 4);
	remove_set(id);
}

/* --- Waiting, removal --- */

static void one_waits_while_another_ends(void)
{
	pid_t waiter, pid;

	begin(2);
	set_value(id, 1, 5);
	pid = tap_fork();
	if (pid == 0) {
		waiter = forked(SHARED);
		if (waiter == 0)
			_exit(-raw_semop2(id, OP(1, -1, SEM_UNDO), OP(0, -1, SEM_UNDO)));
		check_eq(raw_semop(id, 1, -1, SEM_UNDO), 0);
		await_growth_waiters(id, 0, 1);
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(value_of(id, 1), 4);
	check_eq(growth_waiters(id, 0), 1);
	check_eq(raw_semop(id, 0, 1, 0), 0);
	/* The waiter got both, and undoes all three as it ends. */
	check_eq(raw_semop2(id, OP(1, -5, 0), OP(0, -1, 0)), 0);
	remove_set(id);
}

static void removed_while_one_waits(void)
{
	pid_t pid;

	begin(2);
	check_eq(raw_semop(id, 1, 1, SEM_UNDO), 0);
	pid = forked(SHARED);
	if (pid == 0)
		_exit(-raw_semop2(id, OP(1, 1, SEM_UNDO), OP(0, -1, SEM_UNDO)));
	await_growth_waiters(id, 0, 1);
	remove_set(id);
	check_exits(pid, EIDRM);
	id = new_set(1);
	take(0);
	check_eq(raw_semop(id, 0, 2, SEM_UNDO), 0);
	check_eq(raw1(SYS_unshare, CLONE_SYSVSEM), 0);
	check_eq(value_of(id, 0), 0);
	remove_set(id);
}

/* --- Many at once --- */

enum { ROUNDS = 100 };

static int give_and_take(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		if (raw_semop(id, i % 3, 1, SEM_UNDO))
			return 1;
		if (i % 4 && raw_semop(id, i % 3, -1, SEM_UNDO))
			return 1;
	}
	return 0;
}

static void many_share_one(void)
{
	pid_t pid;

	begin(3);
	pid = tap_fork();
	if (pid == 0) {
		pid_t pids[QUEUE];

		for (int i = 0; i < QUEUE; i++)
			pids[i] = clone_call(SHARED | (i & 1 ? CLONE_VM : 0), give_and_take, NULL);
		check_eq(give_and_take(NULL), 0);
		for (int i = 0; i < QUEUE; i++)
			check_exits(pids[i], 0);
		check_eq(value_of(id, 0) + value_of(id, 1) + value_of(id, 2),
			 (QUEUE + 1) * ROUNDS / 4);
		_exit(0);
	}
	check_exits(pid, 0);
	for (int i = 0; i < 3; i++)
		check_eq(value_of(id, i), 0);
	remove_set(id);
}

/* The first use of a set by several that share: one record must serve them all. */
static void they_begin_at_once(void)
{
	begin(1);
	for (int round = 1; round <= ROUNDS / 2; round++) {
		int set_id = new_set(1);
		pid_t pid = tap_fork(), pids[QUEUE];

		if (pid == 0) {
			for (int i = 0; i < QUEUE; i++) {
				pids[i] = forked(SHARED);
				if (pids[i] == 0) {
					tap_await(allowed, round);
					_exit(-raw_semop(set_id, 0, 1, SEM_UNDO));
				}
			}
			set(allowed, round);
			for (int i = 0; i < QUEUE; i++)
				check_exits(pids[i], 0);
			check_eq(value_of(set_id, 0), QUEUE);
			_exit(0);
		}
		check_exits(pid, 0);
		check_eq(value_of(set_id, 0), 0);
		remove_set(set_id);
	}
	remove_set(id);
}

/* Each parts from the others as soon as it has something to undo, or ends: once each is undone. */
static void they_part_at_once(void)
{
	begin(1);
	for (int round = 1; round <= ROUNDS / 2; round++) {
		pid_t pid = tap_fork(), pids[QUEUE];

		if (pid == 0) {
			for (int i = 0; i < QUEUE; i++) {
				pids[i] = forked(SHARED);
				if (pids[i] == 0) {
					raw_semop(id, 0, 1, SEM_UNDO);
					if (i & 1)
						raw1(SYS_unshare, CLONE_SYSVSEM);
					_exit(0);
				}
			}
			raw1(SYS_unshare, CLONE_SYSVSEM);
			for (int i = 0; i < QUEUE; i++)
				check_exits(pids[i], 0);
			check_eq(value_of(id, 0), 0);
			_exit(0);
		}
		check_exits(pid, 0);
	}
	check_eq(value_of(id, 0), 0);
	remove_set(id);
}

static const struct test_case cases[] = {
	TEST(the_same_before_the_first_use, "kcmp: with the flag the same list, before any use"),
	TEST(a_fork_has_none, "kcmp: a forked child has none"),
	TEST(no_use_no_list, "kcmp: without SEM_UNDO there is no list"),
	TEST(threads_have_their_process_s,
	     "kcmp: a thread has its process's, if made with the flag"),
	TEST(a_grandchild_shares, "kcmp: a grandchild shares too"),
	TEST(by_clone3, "kcmp: clone3 with the flag"),
	TEST(the_child_ends_first, "nothing is undone when the child ends first"),
	TEST(the_parent_ends_first, "nothing is undone when the parent ends first"),
	TEST(without_the_flag_each_undoes_its_own, "without the flag each undoes its own"),
	TEST(shared_before_the_first_use, "a list shared before its first use is one list"),
	TEST(one_gives_what_the_other_took, "one gives what the other took"),
	TEST(setval_forgets_what_is_shared, "SETVAL by one forgets it for all"),
	TEST(a_thread_s_end_undoes_nothing, "threads: the end of one undoes nothing"),
	TEST(a_thread_of_its_own, "threads: one made without the flag undoes its own"),
	TEST(vfork_with_the_flag, "vfork with the flag"),
	TEST(exec_goes_on_sharing, "exec: the new program goes on sharing"),
	TEST(exec_ends_the_other_threads, "exec: the end of the other threads undoes nothing"),
	TEST(unshare_alone_undoes, "unshare: who shares with nobody undoes at once"),
	TEST(unshare_parts, "unshare: who leaves others begins anew"),
	TEST(unshare_lets_go, "unshare: undoing lets somebody go who waits"),
	TEST(a_thread_parts, "unshare: a thread leaves its process's list"),
	TEST(a_refused_unshare_undoes_nothing, "unshare: a refused one undoes nothing"),
	TEST(one_waits_while_another_ends, "one waits while another one ends"),
	TEST(removed_while_one_waits, "the set is removed while one waits"),
	TEST(many_share_one, "many share one list and use it at once"),
	TEST(they_begin_at_once, "many that share use a set for the first time at once"),
	TEST(they_part_at_once, "many that share part and end at once"),
};

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), take_two_and_stay);
}
