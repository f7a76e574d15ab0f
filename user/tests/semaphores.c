/* System V semaphores: what semop and semtimedop do, who waits, and who goes on first. */
#include "semaphores.h"

enum { PAGE = 4096 };

static void up_and_down(void)
{
	int id = new_set(2);

	check_eq(value_of(id, 0), 0);
	check_eq(raw_semop(id, 0, 3, 0), 0);
	check_eq(raw_semop(id, 1, SEMVMX_, 0), 0);
	check_eq(raw_semop(id, 0, -2, 0), 0);
	check_eq(value_of(id, 0), 1);
	check_eq(value_of(id, 1), SEMVMX_);
	check_eq(raw_semop(id, 0, -1, 0), 0);
	check_eq(raw_semop(id, 0, 0, 0), 0);
	remove_set(id);
}

static void down_waits(void)
{
	int id = new_set(1);
	pid_t pid = operating_child(id, 0, -2, 0);

	await_growth_waiters(id, 0, 1);
	check_eq(raw_semop(id, 0, 1, 0), 0);
	check_eq(growth_waiters(id, 0), 1);
	check_eq(value_of(id, 0), 1);
	check_eq(raw_semop(id, 0, 2, 0), 0);
	check_eq(growth_waiters(id, 0), 0);
	check_eq(value_of(id, 0), 1);
	check_exits(pid, 0);
	remove_set(id);
}

static void zero_is_waited_for(void)
{
	int id = new_set(1);
	pid_t pid;

	set_value(id, 0, 2);
	pid = operating_child(id, 0, 0, 0);
	await_zero_waiters(id, 0, 1);
	check_eq(raw_semop(id, 0, -1, 0), 0);
	check_eq(zero_waiters(id, 0), 1);
	check_eq(raw_semop(id, 0, -1, 0), 0);
	check_eq(zero_waiters(id, 0), 0);
	check_exits(pid, 0);
	remove_set(id);
}

static void nowait(void)
{
	int id = new_set(1);

	check_eq(raw_semop(id, 0, -1, IPC_NOWAIT), -EAGAIN);
	check_eq(raw_semop(id, 0, 0, IPC_NOWAIT), 0);
	set_value(id, 0, 1);
	check_eq(raw_semop(id, 0, 0, IPC_NOWAIT), -EAGAIN);
	check_eq(raw_semop(id, 0, -2, IPC_NOWAIT), -EAGAIN);
	check_eq(value_of(id, 0), 1);
	remove_set(id);
}

static void all_or_nothing(void)
{
	int id = new_set(3);

	set_value(id, 0, 5);
	check_eq(raw_semop2(id, OP(0, -5, 0), OP(1, -1, IPC_NOWAIT)), -EAGAIN);
	check_eq(value_of(id, 0), 5);
	check_eq(raw_semop2(id, OP(2, 7, 0), OP(0, 0, IPC_NOWAIT)), -EAGAIN);
	check_eq(value_of(id, 2), 0);
	check_eq(raw_semop2(id, OP(0, -5, 0), OP(1, SEMVMX_, 0)), 0);
	check_eq(raw_semop2(id, OP(0, 1, 0), OP(1, 1, 0)), -ERANGE);
	check_eq(value_of(id, 0), 0);
	check_eq(value_of(id, 1), SEMVMX_);
	remove_set(id);
}

static void a_waiting_call_holds_nothing(void)
{
	int id = new_set(2);
	pid_t pid;

	set_value(id, 0, 1);
	pid = operating_child2(id, OP(0, -1, 0), OP(1, -1, 0));
	await_growth_waiters(id, 1, 1);
	check_eq(growth_waiters(id, 0), 0);
	check_eq(value_of(id, 0), 1);
	check_eq(raw_semop(id, 0, -1, IPC_NOWAIT), 0);
	check_eq(raw_semop(id, 1, 1, 0), 0);
	check_eq(growth_waiters(id, 0), 1);
	check_eq(growth_waiters(id, 1), 0);
	check_eq(value_of(id, 1), 1);
	check_eq(raw_semop(id, 0, 1, 0), 0);
	check_exits(pid, 0);
	check_eq(value_of(id, 0), 0);
	check_eq(value_of(id, 1), 0);
	remove_set(id);
}

static void one_semaphore_twice(void)
{
	int id = new_set(1);

	check_eq(raw_semop2(id, OP(0, 1, 0), OP(0, -1, 0)), 0);
	check_eq(raw_semop2(id, OP(0, -1, IPC_NOWAIT), OP(0, 1, 0)), -EAGAIN);
	check_eq(raw_semop2(id, OP(0, 0, 0), OP(0, 1, 0)), 0);
	check_eq(value_of(id, 0), 1);
	check_eq(raw_semop2(id, OP(0, 0, IPC_NOWAIT), OP(0, 1, 0)), -EAGAIN);
	check_eq(raw_semop2(id, OP(0, -1, 0), OP(0, 0, 0)), 0);
	check_eq(raw_semop2(id, OP(0, SEMVMX_, 0), OP(0, 1, 0)), -ERANGE);
	check_eq(raw_semop2(id, OP(0, SEMVMX_, 0), OP(0, -SEMVMX_ - 1, IPC_NOWAIT)), -EAGAIN);
	check_eq(value_of(id, 0), 0);
	remove_set(id);
}

/* Two semaphores whose numbers differ by 64. */
static void far_apart(void)
{
	int id = new_set(130);

	check_eq(raw_semop2(id, OP(1, 4, 0), OP(65, 5, 0)), 0);
	check_eq(raw_semop2(id, OP(1, -4, 0), OP(65, -6, IPC_NOWAIT)), -EAGAIN);
	check_eq(value_of(id, 1), 4);
	check_eq(raw_semop2(id, OP(65, -5, 0), OP(129, 1, 0)), 0);
	check_eq(value_of(id, 65), 0);
	check_eq(value_of(id, 129), 1);
	remove_set(id);
}

static void the_flag_of_what_blocks(void)
{
	int id = new_set(2);
	pid_t pid = operating_child2(id, OP(0, -1, 0), OP(1, -1, IPC_NOWAIT));

	await_growth_waiters(id, 0, 1);
	check_eq(raw_semop(id, 0, 1, 0), 0);
	check_exits(pid, EAGAIN);
	check_eq(value_of(id, 0), 1);
	remove_set(id);
}

static void too_large_while_it_waits(void)
{
	int id = new_set(2);
	pid_t pid = operating_child2(id, OP(0, -1, 0), OP(1, SEMVMX_, 0));

	await_growth_waiters(id, 0, 1);
	check_eq(raw_semop2(id, OP(1, 1, 0), OP(0, 1, 0)), 0);
	check_exits(pid, ERANGE);
	check_eq(value_of(id, 0), 1);
	check_eq(value_of(id, 1), 1);
	remove_set(id);
}

static void values_end_at_the_top(void)
{
	int id = new_set(1);

	check_eq(raw_semop(id, 0, SEMVMX_, 0), 0);
	check_eq(raw_semop(id, 0, 1, 0), -ERANGE);
	check_eq(raw_semop(id, 0, 1, IPC_NOWAIT), -ERANGE);
	check_eq(raw_semop(id, 0, SEMVMX_, 0), -ERANGE);
	check_eq(value_of(id, 0), SEMVMX_);
	check_eq(raw_semop(id, 0, -SEMVMX_ - 1, IPC_NOWAIT), -EAGAIN);
	remove_set(id);
}

static void numbers_of_operations(void)
{
	static struct sembuf ops[600];
	int id = new_set(1);

	for (int i = 0; i < 600; i++)
		ops[i] = OP(0, 1, 0);
	check_eq(raw3(SYS_semop, id, ops, 0), -EINVAL);
	check_eq(raw3(SYS_semop, id, ops, 64), 0);
	check_eq(raw3(SYS_semop, id, ops, 65), 0);
	check_eq(raw3(SYS_semop, id, ops, 500), 0);
	check_eq(value_of(id, 0), 629);
	check_eq(raw3(SYS_semop, id, ops, 501), -E2BIG);
	check_eq(raw3(SYS_semop, id, ops, -1), -E2BIG);
	check_eq(raw3(SYS_semop, id, ops, 1ul << 31), -E2BIG);
	check_eq(raw3(SYS_semop, id, NULL, 501), -E2BIG);
	check_eq(raw3(SYS_semop, id, NULL, 0), -EINVAL);
	check_eq(value_of(id, 0), 629);
	remove_set(id);
}

static void no_such_semaphore(void)
{
	int id = new_set(3);

	check_eq(raw_semop(id, 3, 1, 0), -EFBIG);
	check_eq(raw_semop(id, 65535, 0, 0), -EFBIG);
	check_eq(raw_semop2(id, OP(0, 1, 0), OP(3, -1, IPC_NOWAIT)), -EFBIG);
	check_eq(raw_semop(id, 3, 1, SEM_UNDO), -EFBIG);
	check_eq(value_of(id, 0), 0);
	remove_set(id);
}

static void no_such_set(void)
{
	int id = new_set(1);

	remove_set(id);
	check_eq(raw_semop(id, 0, 1, 0), -EINVAL);
	check_eq(raw_semop(id, 0, 1, SEM_UNDO), -EINVAL);
	check_eq(raw_semop(-1, 0, 1, 0), -EINVAL);
	check_eq(raw_semop(0x7fffffff, 0, 1, 0), -EINVAL);
	check_eq(raw_semop_within(id, 0, 1, 0, 0), -EINVAL);
}

static void bad_pointers(void)
{
	char *page =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct sembuf *ops = (struct sembuf *)(page + PAGE) - 100;
	int id = new_set(1);

	check_call(mprotect(page + PAGE, PAGE, PROT_NONE));
	check_eq(raw3(SYS_semop, id, UNMAPPED_ADDRESS, 1), -EFAULT);
	check_eq(raw3(SYS_semop, id, KERNEL_ADDRESS, 1), -EFAULT);
	check_eq(raw3(SYS_semop, id, ops, 101), -EFAULT);
	check_eq(raw3(SYS_semop, id, ops, 100), 0);
	check_eq(raw3(SYS_semop, id, ops + 99, 2), -EFAULT);
	check_eq(raw3(SYS_semop, -1, UNMAPPED_ADDRESS, 1), -EFAULT);
	remove_set(id);
}

static void time_outs_that_are_none(void)
{
	static const struct timespec wrong[] = {{-1, 0}, {0, -1}, {0, 1000000000}};
	struct sembuf op = OP(0, 1, 0);
	int id = new_set(1);

	for (int i = 0; i < 3; i++) {
		check_eq(raw4(SYS_semtimedop, id, &op, 1, &wrong[i]), -EINVAL);
		check_eq(raw4(SYS_semtimedop, id, UNMAPPED_ADDRESS, 1, &wrong[i]), -EFAULT);
		check_eq(raw4(SYS_semtimedop, id, &op, 501, &wrong[i]), -E2BIG);
	}
	check_eq(raw4(SYS_semtimedop, id, &op, 501, UNMAPPED_ADDRESS), -EFAULT);
	check_eq(raw4(SYS_semtimedop, -1, &op, 0, KERNEL_ADDRESS), -EFAULT);
	check_eq(value_of(id, 0), 0);
	check_eq(raw4(SYS_semtimedop, id, &op, 1, NULL), 0);
	check_eq(value_of(id, 0), 1);
	remove_set(id);
}

static void time_outs(void)
{
	int id = new_set(1);
	long long start = tap_now();

	check_eq(raw_semop_within(id, 0, -1, 0, 0), -EAGAIN);
	check_eq(raw_semop_within(id, 0, -1, 0, 20 * MILLISECOND), -EAGAIN);
	check(tap_now() - start >= 20 * MILLISECOND);
	set_value(id, 0, 1);
	check_eq(raw_semop_within(id, 0, 0, 0, 5 * MILLISECOND), -EAGAIN);
	check_eq(raw_semop_within(id, 0, -1, 0, 0), 0);
	check_eq(growth_waiters(id, 0), 0);
	check_eq(zero_waiters(id, 0), 0);
	remove_set(id);
}

static void long_time_outs(void)
{
	int id = new_set(1);
	pid_t pid = tap_fork();

	if (pid == 0) {
		struct timespec time = {0x7fffffffffffffff, 999999999};
		struct sembuf op = OP(0, -1, 0);

		_exit(-raw4(SYS_semtimedop, id, &op, 1, &time));
	}
	await_growth_waiters(id, 0, 1);
	check_eq(raw_semop(id, 0, 1, 0), 0);
	check_exits(pid, 0);
	remove_set(id);
}

/* A child that waits in this way, with a handler for SIGUSR1 that would restart other calls. */
static pid_t interruptible_child(int id, int change, long nanoseconds)
{
	pid_t pid = tap_fork();

	if (pid)
		return pid;
	set_handler(SIGUSR1, count_signal, SA_RESTART);
	if (nanoseconds)
		_exit(-raw_semop_within(id, 0, change, 0, nanoseconds));
	_exit(-raw_semop(id, 0, change, 0));
}

static void signals_end_a_wait(void)
{
	int id = new_set(1);
	pid_t pid = interruptible_child(id, -1, 0);

	await_growth_waiters(id, 0, 1);
	check_call(kill(pid, SIGUSR1));
	check_exits(pid, EINTR);
	pid = interruptible_child(id, -1, 1000000000000l);
	await_growth_waiters(id, 0, 1);
	check_call(kill(pid, SIGUSR1));
	check_exits(pid, EINTR);
	set_value(id, 0, 1);
	pid = interruptible_child(id, 0, 0);
	await_zero_waiters(id, 0, 1);
	check_call(kill(pid, SIGUSR1));
	check_exits(pid, EINTR);
	check_eq(zero_waiters(id, 0), 0);
	remove_set(id);
}

static void a_stop_ends_a_wait(void)
{
	int id = new_set(1), status;
	pid_t pid = operating_child(id, 0, -1, 0);

	await_growth_waiters(id, 0, 1);
	check_call(kill(pid, SIGSTOP));
	check_eq(waitpid(pid, &status, WUNTRACED), pid);
	check(WIFSTOPPED(status));
	check_eq(growth_waiters(id, 0), 0);
	check_call(kill(pid, SIGCONT));
	check_exits(pid, EINTR);
	remove_set(id);
}

static void killed_while_waiting(void)
{
	int id = new_set(2);
	pid_t pid = operating_child2(id, OP(0, 1, SEM_UNDO), OP(1, -1, 0));

	await_growth_waiters(id, 1, 1);
	check_call(kill(pid, SIGKILL));
	check_killed(pid, SIGKILL);
	check_eq(growth_waiters(id, 1), 0);
	check_eq(raw_semop(id, 1, 1, 0), 0);
	check_eq(value_of(id, 0), 0);
	check_eq(value_of(id, 1), 1);
	remove_set(id);
}

static void removal_wakes_all(void)
{
	int id = new_set(2);
	pid_t pids[5];

	set_value(id, 1, 1);
	pids[0] = operating_child(id, 0, -1, 0);
	pids[1] = operating_child(id, 1, 0, 0);
	pids[2] = operating_child2(id, OP(0, -1, 0), OP(1, -1, SEM_UNDO));
	pids[3] = operating_child2(id, OP(0, 0, 0), OP(1, 0, 0));
	pids[4] = tap_fork();
	if (pids[4] == 0)
		_exit(-raw_semop_within(id, 0, -1, SEM_UNDO, 1000000000000l));
	await_growth_waiters(id, 0, 3);
	await_zero_waiters(id, 1, 2);
	remove_set(id);
	for (int i = 0; i < 5; i++)
		check_exits(pids[i], EIDRM);
}

/* --- Order --- */

/* A child that waits for so much of semaphore 0, and then writes down when it got it. */
static pid_t queueing_child(int id, int amount, volatile int *place, volatile int *turn)
{
	pid_t pid = tap_fork();

	if (pid == 0) {
		if (raw_semop(id, 0, -amount, 0))
			_exit(1);
		set(place, add(turn, 1));
		_exit(0);
	}
	return pid;
}

enum { QUEUE = 4 };

static void first_come_first_served(void)
{
	volatile int *places = tap_shared(PAGE), *turn = places + QUEUE;
	int id = new_set(1);
	pid_t pids[QUEUE];

	for (int i = 0; i < QUEUE; i++) {
		pids[i] = queueing_child(id, 1, &places[i], turn);
		await_growth_waiters(id, 0, i + 1);
	}
	for (int i = 0; i < QUEUE; i++) {
		check_eq(raw_semop(id, 0, 1, 0), 0);
		check_exits(pids[i], 0);
		check_eq(places[i], i + 1);
	}
	remove_set(id);
}

static void a_smaller_wish_passes(void)
{
	int id = new_set(1);
	pid_t large = operating_child(id, 0, -2, 0), small;

	await_growth_waiters(id, 0, 1);
	small = operating_child(id, 0, -1, 0);
	await_growth_waiters(id, 0, 2);
	check_eq(raw_semop(id, 0, 1, 0), 0);
	check_exits(small, 0);
	check_eq(growth_waiters(id, 0), 1);
	check_eq(raw_semop(id, 0, 2, 0), 0);
	check_exits(large, 0);
	check_eq(value_of(id, 0), 0);
	remove_set(id);
}

static void the_older_takes_all(void)
{
	int id = new_set(1);
	pid_t large = operating_child(id, 0, -2, 0), small;

	await_growth_waiters(id, 0, 1);
	small = operating_child(id, 0, -1, 0);
	await_growth_waiters(id, 0, 2);
	check_eq(raw_semop(id, 0, 2, 0), 0);
	check_exits(large, 0);
	check_eq(growth_waiters(id, 0), 1);
	check_eq(value_of(id, 0), 0);
	check_eq(raw_semop(id, 0, 1, 0), 0);
	check_exits(small, 0);
	remove_set(id);
}

static void one_rise_for_many(void)
{
	int id = new_set(1);
	pid_t pids[QUEUE];

	for (int i = 0; i < QUEUE; i++)
		pids[i] = operating_child(id, 0, -1, 0);
	await_growth_waiters(id, 0, QUEUE);
	check_eq(raw_semop(id, 0, QUEUE - 1, 0), 0);
	check_eq(growth_waiters(id, 0), 1);
	check_eq(value_of(id, 0), 0);
	set_value(id, 0, 3);
	for (int i = 0; i < QUEUE; i++)
		check_exits(pids[i], 0);
	check_eq(value_of(id, 0), 2);
	remove_set(id);
}

/* Who waits for zero and then raises came first, and yet does not keep the other from its zero. */
static void zeros_are_seen_before_they_pass(void)
{
	int id = new_set(1);
	pid_t locker, watcher;

	set_value(id, 0, 1);
	locker = operating_child2(id, OP(0, 0, 0), OP(0, 1, 0));
	await_zero_waiters(id, 0, 1);
	watcher = operating_child(id, 0, 0, 0);
	await_zero_waiters(id, 0, 2);
	check_eq(raw_semop(id, 0, -1, 0), 0);
	check_exits(locker, 0);
	check_exits(watcher, 0);
	check_eq(value_of(id, 0), 1);
	remove_set(id);
}

/* The zero is there only between what two waiters do. */
static void a_zero_in_passing(void)
{
	int id = new_set(2);
	pid_t taker, watcher;

	set_value(id, 1, 1);
	taker = operating_child2(id, OP(0, -1, 0), OP(1, -1, 0));
	await_growth_waiters(id, 0, 1);
	watcher = operating_child(id, 1, 0, 0);
	await_zero_waiters(id, 1, 1);
	check_eq(raw_semop(id, 0, 1, 0), 0);
	check_exits(taker, 0);
	check_exits(watcher, 0);
	remove_set(id);
}

static void one_lets_the_next_go(void)
{
	int id = new_set(QUEUE + 1);
	pid_t pids[QUEUE];

	/* The last link of the chain waits first. */
	for (int i = QUEUE - 1; i >= 0; i--) {
		pids[i] = operating_child2(id, OP(i, -1, 0), OP(i + 1, 1, 0));
		await_growth_waiters(id, i, 1);
	}
	check_eq(raw_semop(id, 0, 1, 0), 0);
	for (int i = 0; i < QUEUE; i++)
		check_exits(pids[i], 0);
	check_eq(value_of(id, QUEUE), 1);
	remove_set(id);
}

/* --- What is remembered --- */

static void last_process(void)
{
	int id = new_set(2);
	pid_t pid;

	check_eq(raw_semctl(id, 0, GETPID, 0), 0);
	check_eq(raw_semop(id, 0, 1, 0), 0);
	check_eq(raw_semctl(id, 0, GETPID, 0), getpid());
	check_eq(raw_semctl(id, 1, GETPID, 0), 0);
	pid = operating_child2(id, OP(0, -1, 0), OP(1, 0, 0));
	check_exits(pid, 0);
	check_eq(raw_semctl(id, 0, GETPID, 0), pid);
	check_eq(raw_semctl(id, 1, GETPID, 0), pid);
	check_eq(raw_semop2(id, OP(1, 1, 0), OP(0, -1, IPC_NOWAIT)), -EAGAIN);
	check_eq(raw_semctl(id, 1, GETPID, 0), pid);
	set_value(id, 1, 1);
	check_eq(raw_semctl(id, 1, GETPID, 0), getpid());
	remove_set(id);
}

static void last_process_is_who_waited(void)
{
	int id = new_set(1);
	pid_t pid = operating_child(id, 0, -1, 0);

	await_growth_waiters(id, 0, 1);
	check_eq(raw_semctl(id, 0, GETPID, 0), 0);
	check_eq(raw_semop(id, 0, 1, 0), 0);
	check_eq(raw_semctl(id, 0, GETPID, 0), pid);
	check_exits(pid, 0);
	check_eq(raw_semctl(id, 0, GETPID, 0), pid);
	remove_set(id);
}

static void times(void)
{
	time_t before = time(NULL);
	int id = new_set(1);
	time_t made = set_stat(id).sem_ctime;

	check(made >= before && made <= time(NULL));
	check_eq(set_stat(id).sem_otime, 0);
	check_eq(raw_semop(id, 0, -1, IPC_NOWAIT), -EAGAIN);
	set_value(id, 0, 0);
	check_eq(set_stat(id).sem_otime, 0);
	before = time(NULL);
	check_eq(raw_semop(id, 0, 0, 0), 0);
	check(set_stat(id).sem_otime >= before && set_stat(id).sem_otime <= time(NULL));
	remove_set(id);
}

static void a_set_value_that_lets_go_is_an_operation(void)
{
	int id = new_set(1);
	pid_t pid = operating_child(id, 0, -1, 0);

	await_growth_waiters(id, 0, 1);
	check_eq(set_stat(id).sem_otime, 0);
	set_value(id, 0, 1);
	check(set_stat(id).sem_otime != 0);
	check_exits(pid, 0);
	remove_set(id);
}

static void waiters_are_counted_where_they_block(void)
{
	int id = new_set(3);
	pid_t pids[3];

	set_value(id, 0, 1);
	set_value(id, 2, 1);
	pids[0] = operating_child2(id, OP(0, -1, 0), OP(1, -1, 0));
	pids[1] = operating_child2(id, OP(2, 0, 0), OP(1, -1, 0));
	pids[2] = operating_child2(id, OP(1, 0, 0), OP(2, 0, 0));
	await_growth_waiters(id, 1, 1);
	await_zero_waiters(id, 2, 2);
	check_eq(growth_waiters(id, 0), 0);
	check_eq(growth_waiters(id, 2), 0);
	check_eq(zero_waiters(id, 1), 0);
	check_eq(raw_semop(id, 2, -1, 0), 0);
	check_exits(pids[2], 0);
	check_eq(growth_waiters(id, 1), 2);
	check_eq(zero_waiters(id, 2), 0);
	remove_set(id);
	check_exits(pids[0], EIDRM);
	check_exits(pids[1], EIDRM);
}

/* --- Threads, sets, processes --- */

static int waiting_thread(void *id)
{
	return raw_semop(*(int *)id, 0, -1, 0) ? 1 : 0;
}

static void threads_wait(void)
{
	static struct thread threads[QUEUE];
	static int id;

	id = new_set(1);
	for (int i = 0; i < QUEUE; i++)
		thread_start(&threads[i], waiting_thread, &id);
	await_growth_waiters(id, 0, QUEUE);
	check_eq(raw_semop(id, 0, QUEUE, 0), 0);
	check_eq(raw_semctl(id, 0, GETPID, 0), getpid());
	for (int i = 0; i < QUEUE; i++)
		thread_join(&threads[i]);
	check_eq(value_of(id, 0), 0);
	remove_set(id);
}

static void sets_are_apart(void)
{
	int a = new_set(1), b = new_set(1);
	pid_t pid = operating_child(a, 0, -1, 0);

	await_growth_waiters(a, 0, 1);
	check_eq(raw_semop(b, 0, 1, 0), 0);
	check_eq(growth_waiters(a, 0), 1);
	remove_set(b);
	check_eq(raw_semop(a, 0, 1, 0), 0);
	check_exits(pid, 0);
	remove_set(a);
}

static void a_set_outlives_its_maker(void)
{
	volatile int *id = tap_shared(PAGE);
	pid_t pid = tap_fork();

	if (pid == 0) {
		set(id, new_set(1));
		_exit(raw_semop(*id, 0, 4, 0) != 0);
	}
	check_exits(pid, 0);
	check_eq(value_of(*id, 0), 4);
	remove_set(*id);
}

static const struct test_case cases[] = {
	TEST(up_and_down, "semop: values rise and fall"),
	TEST(down_waits, "semop: who takes more than there is waits until there is enough"),
	TEST(zero_is_waited_for, "semop: zero is waited for"),
	TEST(nowait, "semop: IPC_NOWAIT fails where it would wait"),
	TEST(all_or_nothing, "semop: of several operations all are done or none"),
	TEST(a_waiting_call_holds_nothing, "semop: a call that waits holds nothing meanwhile"),
	TEST(one_semaphore_twice, "semop: operations on one semaphore are done in order"),
	TEST(far_apart, "semop: semaphores whose numbers differ by 64 are two"),
	TEST(the_flag_of_what_blocks, "semop: IPC_NOWAIT is the blocking operation's"),
	TEST(too_large_while_it_waits, "semop: a call that waits fails once it would overflow"),
	TEST(values_end_at_the_top, "semop: ERANGE above the largest value"),
	TEST(numbers_of_operations, "semop: none, many, too many and negative numbers of them"),
	TEST(no_such_semaphore, "semop: EFBIG for a number that the set has not"),
	TEST(no_such_set, "semop: EINVAL for a set that is not there"),
	TEST(bad_pointers, "semop: EFAULT for operations that cannot be read"),
	TEST(time_outs_that_are_none, "semtimedop: wrong times and bad pointers, in their order"),
	TEST(time_outs, "semtimedop: EAGAIN when the time is over"),
	TEST(long_time_outs, "semtimedop: the longest time of all"),
	TEST(signals_end_a_wait, "semop: EINTR from a handler, also with SA_RESTART"),
	TEST(a_stop_ends_a_wait, "semop: EINTR from a stop"),
	TEST(killed_while_waiting, "semop: who is killed while it waits has done nothing"),
	TEST(removal_wakes_all, "semop: EIDRM for all who wait when the set is removed"),
	TEST(first_come_first_served, "order: who came first is served first"),
	TEST(a_smaller_wish_passes, "order: a smaller wish passes a larger one"),
	TEST(the_older_takes_all, "order: the older one takes all it needs"),
	TEST(one_rise_for_many, "order: one rise lets several go, and no more than it can"),
	TEST(zeros_are_seen_before_they_pass, "order: who waits for zero sees it before it passes"),
	TEST(a_zero_in_passing, "order: a zero that a waiter makes is seen"),
	TEST(one_lets_the_next_go, "order: one who goes on lets the next go on"),
	TEST(last_process, "GETPID: who did the last operation"),
	TEST(last_process_is_who_waited, "GETPID: who waited, not who let it go"),
	TEST(times, "IPC_STAT: the time of the last operation and of the last change"),
	TEST(a_set_value_that_lets_go_is_an_operation,
	     "IPC_STAT: SETVAL counts as an operation if somebody goes on"),
	TEST(waiters_are_counted_where_they_block, "GETNCNT, GETZCNT: where a call blocks"),
	TEST(threads_wait, "threads: each waits for itself"),
	TEST(sets_are_apart, "sets: one does not wake another's waiters"),
	TEST(a_set_outlives_its_maker, "sets: one outlives its maker"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
