/*
 * Signals and threads: masks and pending sets of each one's own, which thread gets a signal to the
 * process, and signals that meet a clone.
 */
#include "raw_threads.h"

#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>

#define BIT(number) (1UL << ((number)-1))

static struct thread threads[4];
static volatile long results[8];
static volatile int step;

static UNUSED long raw_mask(int how, unsigned long set)
{
	return raw4(SYS_rt_sigprocmask, how, &set, NULL, 8);
}

static UNUSED unsigned long raw_pending(void)
{
	unsigned long set = 0;

	raw2(SYS_rt_sigpending, &set, 8);
	return set;
}

static long to_thread(const struct thread *thread, int number)
{
	return raw3(SYS_tgkill, getpid(), thread->tid, number);
}

/* ---- masks and pending sets ---- */

static int reads_mask(void *unused)
{
	unsigned long mask = 0;

	(void)unused;
	raw4(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, 8);
	results[0] = (long)mask;
	results[1] = (long)raw_pending();
	raw_mask(SIG_SETMASK, 0);
	return 0;
}

static void mask_is_inherited(void)
{
	block_signal(SIGUSR1);
	check_call(raise(SIGUSR1)); /* by tkill: it is this thread's */
	block_signal(SIGUSR2);
	check_call(kill(getpid(), SIGUSR2));
	set_handler(SIGUSR2, count_signal, 0);
	check_call(sigqueue(getpid(), SIGUSR2, (union sigval){0}));
	thread_start(&threads[0], reads_mask, NULL);
	thread_join(&threads[0]);
	check_eq(results[0] & (long)(BIT(SIGUSR1) | BIT(SIGUSR2)), BIT(SIGUSR1) | BIT(SIGUSR2));
	check_eq(results[1], BIT(SIGUSR2));
	check(is_blocked(SIGUSR1) && is_pending(SIGUSR1));
	check_eq(caught[SIGUSR2], 1);
	check(!is_pending(SIGUSR2));
}

static int shows_pending(void *unused)
{
	(void)unused;
	set(&step, 1);
	raw_await(&step, 2);
	results[0] = (long)raw_pending();
	set(&step, 3);
	return wait_to_go(NULL);
}

static void pending_of_one(void)
{
	pid_t pid = getpid();
	pid_t tid;

	block_signal(SIGUSR1);
	block_signal(SIGUSR2);
	thread_start(&threads[0], shows_pending, NULL);
	tid = (pid_t)threads[0].tid;
	raw_await(&step, 1);
	check_eq(to_thread(&threads[0], SIGUSR1), 0);
	check_call(kill(pid, SIGUSR2));
	set(&step, 2);
	raw_await(&step, 3);
	check_eq(results[0], BIT(SIGUSR1) | BIT(SIGUSR2));
	check_eq(raw_pending(), BIT(SIGUSR2));
	check_eq(thread_number(pid, tid, "SigPnd:", 16), BIT(SIGUSR1));
	check_eq(thread_number(pid, tid, "ShdPnd:", 16), BIT(SIGUSR2));
	check_eq(thread_number(pid, pid, "SigPnd:", 16), 0);
	check_eq(thread_number(pid, pid, "ShdPnd:", 16), BIT(SIGUSR2));
	/* Its own goes with it. */
	let_go(threads, 1);
	check_eq(raw_pending(), BIT(SIGUSR2));
}

static int sleeps_unblocked(void *unused)
{
	(void)unused;
	raw_mask(SIG_UNBLOCK, BIT(SIGUSR1));
	set(&step, 1);
	results[0] = raw0(SYS_pause);
	results[1] = raw_gettid();
	return 0;
}

static volatile long handler_tid;

static void note_tid(int number)
{
	handler_tid = raw_gettid();
	add(&caught[number], 1);
}

static void goes_to_who_has_it_unblocked(void)
{
	set_handler(SIGUSR1, note_tid, 0);
	block_signal(SIGUSR1);
	start_waiting(threads, 3);
	thread_start(&threads[3], sleeps_unblocked, NULL);
	raw_await(&step, 1);
	await_thread_state(getpid(), (pid_t)threads[3].tid, 'S');
	check_call(kill(getpid(), SIGUSR1));
	thread_join(&threads[3]);
	check_eq(results[0], -EINTR);
	check_eq(handler_tid, threads[3].tid);
	check_eq(caught[SIGUSR1], 1);
	let_go(threads, 3);
}

static int unblocks_late(void *unused)
{
	(void)unused;
	raw_await(&step, 1);
	raw_mask(SIG_UNBLOCK, BIT(SIGUSR1));
	return 0;
}

static void goes_to_who_unblocks_it(void)
{
	set_handler(SIGUSR1, note_tid, 0);
	block_signal(SIGUSR1);
	thread_start(&threads[0], unblocks_late, NULL);
	check_call(kill(getpid(), SIGUSR1));
	check(is_pending(SIGUSR1));
	set(&step, 1);
	thread_join(&threads[0]);
	check_eq(handler_tid, threads[0].tid);
	check(!is_pending(SIGUSR1));
}

/* A signal that one thread was woken for, and that leaves before it takes it, is taken by another. */
static int leaves_with_signal(void *unused)
{
	(void)unused;
	set(&step, 1);
	while (get(&step) != 2)
		raw0(SYS_sched_yield);
	raw_mask(SIG_BLOCK, BIT(SIGUSR1));
	return 0;
}

static void none_is_lost_with_a_thread(void)
{
	set_handler(SIGUSR1, count_signal, 0);
	for (int i = 0; i < 100; i++) {
		set(&step, 0);
		block_signal(SIGUSR1);
		unblock_signal(SIGUSR1);
		thread_start(&threads[0], leaves_with_signal, NULL);
		raw_await(&step, 1);
		check_call(kill(getpid(), SIGUSR1));
		set(&step, 2);
		thread_join(&threads[0]);
		raw_await(&caught[SIGUSR1], i + 1);
		check_eq(caught[SIGUSR1], i + 1);
	}
}

/* ---- waiting for signals ---- */

static volatile int taken;

static int takes_one(void *unused)
{
	unsigned long set = BIT(SIGUSR1);

	(void)unused;
	/* One that another took may have woken this one. */
	while (raw4(SYS_rt_sigtimedwait, &set, NULL, NULL, 8) != SIGUSR1)
		;
	add(&taken, 1);
	return 0;
}

static void one_waiter_takes_one(void)
{
	block_signal(SIGUSR1);
	for (int i = 0; i < 4; i++)
		thread_start(&threads[i], takes_one, NULL);
	for (int i = 0; i < 4; i++)
		await_thread_state(getpid(), (pid_t)threads[i].tid, 'S');
	for (int i = 0; i < 4; i++) {
		check_call(kill(getpid(), SIGUSR1));
		tap_await(&taken, i + 1);
		settle();
		check_eq(taken, i + 1);
	}
	for (int i = 0; i < 4; i++)
		thread_join(&threads[i]);
	check(!is_pending(SIGUSR1));
}

static void a_waiter_takes_its_own(void)
{
	unsigned long signals = BIT(SIGUSR1);
	const struct timespec none = {0, 0};

	block_signal(SIGUSR1);
	thread_start(&threads[0], takes_one, NULL);
	await_thread_state(getpid(), (pid_t)threads[0].tid, 'S');
	check_call(raise(SIGUSR1)); /* this thread's, not the waiter's */
	settle();
	check_eq(taken, 0);
	check_eq(to_thread(&threads[0], SIGUSR1), 0);
	thread_join(&threads[0]);
	check_eq(taken, 1);
	check_eq(raw4(SYS_rt_sigtimedwait, &signals, NULL, &none, 8), SIGUSR1);
}

static void own_ones_come_first(void)
{
	unsigned long signals = BIT(SIGRTMIN) | BIT(SIGUSR1);

	block_all_signals();
	check_call(kill(getpid(), SIGUSR1));
	check_call(kill(getpid(), SIGRTMIN));
	check_eq(raw2(SYS_tkill, raw_gettid(), SIGRTMIN), 0);
	check_eq(raw4(SYS_rt_sigtimedwait, &signals, NULL, NULL, 8), SIGRTMIN);
	check_eq(raw4(SYS_rt_sigtimedwait, &signals, NULL, NULL, 8), SIGUSR1);
	check_eq(raw4(SYS_rt_sigtimedwait, &signals, NULL, NULL, 8), SIGRTMIN);
}

static int reads_signalfd(void *fd)
{
	struct signalfd_siginfo info;

	results[0] = raw3(SYS_read, (long)fd, &info, sizeof(info));
	results[1] = info.ssi_signo;
	return 0;
}

/* A signalfd gives each reader what is the reader's. */
static void signalfd_of_a_thread(void)
{
	sigset_t signals;
	long fd;

	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGUSR2);
	block_signal(SIGUSR1);
	block_signal(SIGUSR2);
	fd = check_call(signalfd(-1, &signals, SFD_NONBLOCK));
	check_call(raise(SIGUSR1));
	thread_start(&threads[0], reads_signalfd, (void *)fd);
	thread_join(&threads[0]);
	check_eq(results[0], -EAGAIN);
	check_call(kill(getpid(), SIGUSR2));
	thread_start(&threads[0], reads_signalfd, (void *)fd);
	thread_join(&threads[0]);
	check_eq(results[0], sizeof(struct signalfd_siginfo));
	check_eq(results[1], SIGUSR2);
	check(is_pending(SIGUSR1) && !is_pending(SIGUSR2));
}

/* ---- deadly ones, faults ---- */

static void kills_all(void *number)
{
	start_waiting(threads, 3);
	to_thread(&threads[1], (int)(long)number);
	for (;;)
		pause();
}

static void deadly_to_one(void)
{
	static const long numbers[] = {SIGTERM, SIGKILL, SIGUSR1, SIGABRT, SIGALRM, 40};

	for (size_t i = 0; i < TAP_COUNT(numbers); i++)
		check_dies(kills_all, (void *)numbers[i], (int)numbers[i]);
}

static volatile int fault_value;

static void step_over(int number, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)number;
	handler_tid = raw_gettid();
	results[2] = (long)info->si_addr;
	uc->uc_mcontext.gregs[16] += 2; /* the fault is a mov of two bytes */
}

static int faults(void *unused)
{
	(void)unused;
	__asm__ volatile("movl %%ecx, (%%rax)" ::"a"(UNMAPPED_ADDRESS), "c"(fault_value)
			 : "memory");
	return 0;
}

static void faults_are_the_threads_own(void)
{
	set_info_handler(SIGSEGV, step_over, 0);
	start_waiting(threads, 2);
	thread_start(&threads[2], faults, NULL);
	thread_join(&threads[2]);
	check_eq(handler_tid, threads[2].tid);
	check_eq(results[2], (long)UNMAPPED_ADDRESS);
	let_go(threads, 2);
}

static int asks_for_altstack(void *unused)
{
	stack_t stack = {0};

	(void)unused;
	results[0] = raw2(SYS_sigaltstack, NULL, &stack);
	results[1] = stack.ss_flags;
	results[2] = (long)stack.ss_sp;
	return 0;
}

static void altstack_is_not_inherited(void)
{
	stack_t stack = {.ss_sp = (char *)new_stack() - STACK_SIZE, .ss_size = STACK_SIZE};

	check_call(sigaltstack(&stack, NULL));
	thread_start(&threads[0], asks_for_altstack, NULL);
	thread_join(&threads[0]);
	check_eq(results[0], 0);
	check_eq(results[1], SS_DISABLE);
	check_eq(results[2], 0);
}

/* ---- signals that meet a clone ---- */

static int nothing(void *unused)
{
	(void)unused;
	return 0;
}

static void storm_of_signals(int which)
{
	const struct itimerval fast = {{0, 300}, {0, 300}}, off = {{0, 0}, {0, 0}};
	void *stack = new_stack();

	set_handler(SIGALRM, count_signal, SA_RESTART);
	check_call(setitimer(ITIMER_REAL, &fast, NULL));
	for (int i = 0; i < 300 || get(&caught[SIGALRM]) < 20; i++) {
		volatile int word = 1;
		long tid = which ? raw_fork()
				 : raw_clone_call(THREAD_FLAGS, stack, NULL, (int *)&word, 0,
						  nothing, NULL);

		if (tid == 0)
			raw_exit(0);
		check(tid > 0);
		while (!which && get(&word))
			raw_futex_wait(&word, 1);
		if (which)
			check_exits((pid_t)tid, 0);
	}
	check_call(setitimer(ITIMER_REAL, &off, NULL));
}

static void signals_do_not_fail_threads(void)
{
	storm_of_signals(0);
}

static void signals_do_not_fail_forks(void)
{
	storm_of_signals(1);
}

static int is_interrupted(void *unused)
{
	(void)unused;
	while (raw0(SYS_pause) != -EINTR)
		;
	add(&taken, 1);
	return 0;
}

static void wakes_one_only(void)
{
	set_handler(SIGUSR1, count_signal, 0);
	for (int i = 0; i < 4; i++)
		thread_start(&threads[i], is_interrupted, NULL);
	for (int i = 0; i < 4; i++)
		await_thread_state(getpid(), (pid_t)threads[i].tid, 'S');
	block_signal(SIGUSR1);
	for (int i = 0; i < 4; i++) {
		check_call(kill(getpid(), SIGUSR1));
		tap_await(&taken, i + 1);
		settle();
		check_eq(taken, i + 1);
		check_eq(caught[SIGUSR1], i + 1);
	}
}

static void numbers_that_name_no_thread(void)
{
	pid_t pid = tap_fork();

	if (pid == 0)
		_exit(0);
	await_zombie(pid);
	start_waiting(threads, 1);
	check_eq(raw3(SYS_tgkill, pid, threads[0].tid, 0), -ESRCH);
	check_eq(raw3(SYS_tgkill, threads[0].tid, threads[0].tid, 0), -ESRCH);
	check_eq(raw3(SYS_tgkill, getpid(), pid, 0), -ESRCH);
	check_eq(raw3(SYS_tgkill, pid, pid, 0), 0);
	check_eq(raw3(SYS_tgkill, 0, threads[0].tid, 0), -EINVAL);
	check_eq(raw3(SYS_tgkill, -1, threads[0].tid, 0), -EINVAL);
	check_eq(raw3(SYS_tgkill, getpid(), 0, 0), -EINVAL);
	check_eq(raw3(SYS_tgkill, getpid(), -1, 0), -EINVAL);
	check_eq(raw3(SYS_tgkill, getpid(), threads[0].tid, 65), -EINVAL);
	check_eq(raw3(SYS_tgkill, getpid(), threads[0].tid, -1), -EINVAL);
	check_eq(raw2(SYS_tkill, threads[0].tid, 0), 0);
	check_eq(raw2(SYS_tkill, NO_SUCH_PID, 65), -ESRCH);
	check_eq(raw2(SYS_tkill, 0, 65), -EINVAL);
	let_go(threads, 1);
	check_eq(raw2(SYS_tkill, threads[0].tid, 0), -ESRCH);
	check_exits(pid, 0);
}

static const struct test_case cases[] = {
	TEST(mask_is_inherited,
	     "thread-signals: a thread begins with its maker's mask, and nothing pending"),
	TEST(pending_of_one,
	     "thread-signals: what one has pending is not the others', and goes with it"),
	TEST(goes_to_who_has_it_unblocked,
	     "thread-signals: kill reaches the one that does not block"),
	TEST(goes_to_who_unblocks_it,
	     "thread-signals: a blocked one goes to the first who unblocks it"),
	TEST(none_is_lost_with_a_thread, "thread-signals: none is lost with a thread that leaves"),
	TEST(one_waiter_takes_one, "thread-signals: of several sigtimedwaits one takes it"),
	TEST(a_waiter_takes_its_own, "thread-signals: sigtimedwait does not take another's"),
	TEST(own_ones_come_first, "thread-signals: a thread's own come before the process's"),
	TEST(signalfd_of_a_thread, "thread-signals: a signalfd reads what is its reader's"),
	TEST(deadly_to_one, "thread-signals: a deadly one to a thread ends all"),
	TEST(faults_are_the_threads_own, "thread-signals: a fault is the thread's that made it"),
	TEST(altstack_is_not_inherited,
	     "thread-signals: a thread begins without an alternate stack"),
	TEST(signals_do_not_fail_threads,
	     "thread-signals: a storm of them fails no thread's creation"),
	TEST(signals_do_not_fail_forks, "thread-signals: a storm of them fails no fork"),
	TEST(wakes_one_only, "thread-signals: one to the process interrupts one of many sleepers"),
	TEST(numbers_that_name_no_thread,
	     "thread-signals: numbers that name no thread of the process"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
