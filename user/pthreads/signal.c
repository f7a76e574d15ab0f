/*
 * Signals and threads: which thread a signal goes to, what each has blocked, and timers that make threads.
 */
#include "pthreads.h"

static struct gate gate = GATE;
static volatile int tid, counter, handled_by, wrong;

static sigset_t set_of(int number)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, number);
	return signals;
}

static void note_thread(int number)
{
	set(&handled_by, raw_gettid());
	add(&caught[number], 1);
}

/* ---- to a thread ---- */

static __thread volatile int mine;

static void count_mine(int number)
{
	mine++;
	add(&caught[number], 1);
}

static void *count_own(void *argument)
{
	gate_wait(&gate);
	check_eq(mine, (long)argument % 3 + 1);
	return NULL;
}

static void kill_finds_the_thread(void)
{
	pthread_t threads[20];
	int sent = 0;

	set_handler(SIGUSR1, count_mine, SA_RESTART);
	start_many(threads, 20, count_own);
	tap_await(&gate.waiting, 20);
	for (int i = 0; i < 20; i++) {
		for (int j = 0; j <= i % 3; j++) {
			check_eq(pthread_kill(threads[i], SIGUSR1), 0);
			tap_await(&caught[SIGUSR1], ++sent);
		}
		check_eq(pthread_kill(threads[i], 0), 0);
	}
	check_eq(pthread_kill(threads[0], 1000), EINVAL);
	check_eq(mine, 0);
	gate_open(&gate);
	join_many(threads, 20);
}

static void *raise_here(void *argument)
{
	check_call(raise(SIGUSR1));
	check_eq(handled_by, raw_gettid());
	return NULL;
}

static void raise_is_for_oneself(void)
{
	pthread_t thread;

	set_handler(SIGUSR1, note_thread, 0);
	thread = start(raise_here, NULL);
	join(thread);
	check_eq(caught[SIGUSR1], 1);
}

static int ends[2];

static void *read_until_interrupted(void *argument)
{
	char byte;

	tell_tid(&tid);
	check_errno(read(ends[0], &byte, 1), EINTR);
	return NULL;
}

static void *read_on(void *argument)
{
	char byte;

	tell_tid(argument);
	check_eq(read(ends[0], &byte, 1), 1);
	return NULL;
}

static void interrupts_that_thread_only(void)
{
	static volatile int other;
	pthread_t reader, interrupted;

	make_pipe(ends);
	set_handler(SIGUSR1, note_thread, 0);
	reader = start(read_on, (void *)&other);
	await_asleep(&other);
	interrupted = start(read_until_interrupted, NULL);
	await_asleep(&tid);
	check_eq(pthread_kill(interrupted, SIGUSR1), 0);
	join(interrupted);
	check_eq(handled_by, tid);
	give_byte(ends[1], 'x');
	join(reader);
}

#define STORM 200

static pthread_t partners[4];

static void *storm(void *number)
{
	int me = (long)number, error;

	gate_wait(&gate);
	for (int i = 0; i < STORM; i++) {
		while ((error = pthread_kill(partners[(me + 1 + i) % 4], SIGRTMIN)) == EAGAIN)
			sched_yield();
		check_eq(error, 0);
	}
	add(&counter, 1);
	tap_await(&counter, 4);
	return NULL;
}

static void storm_of_signals(void)
{
	set_handler(SIGRTMIN, count_signal, SA_RESTART);
	start_many(partners, 4, storm);
	gate_open(&gate);
	join_many(partners, 4);
	check_eq(caught[SIGRTMIN], 4 * STORM);
}

/* ---- masks ---- */

static void *has_mask_of_maker(void *argument)
{
	sigset_t signals = set_of(SIGUSR2);

	check(is_blocked(SIGUSR1));
	check(!is_blocked(SIGUSR2));
	check_eq(pthread_sigmask(SIG_BLOCK, &signals, NULL), 0);
	check_eq(pthread_sigmask(77, &signals, NULL), EINVAL);
	check(is_blocked(SIGUSR2));
	return NULL;
}

static void masks(void)
{
	block_signal(SIGUSR1);
	join(start(has_mask_of_maker, NULL));
	check(!is_blocked(SIGUSR2));
	check(is_blocked(SIGUSR1));
}

static void *wait_blocking(void *argument)
{
	block_signal(SIGUSR1);
	gate_wait(&gate);
	return NULL;
}

static void *wait_open(void *argument)
{
	tell_tid(&tid);
	unblock_signal(SIGUSR1);
	gate_wait(&gate);
	return NULL;
}

static void to_the_process(void)
{
	pthread_t blocking[10], open;

	block_signal(SIGUSR1);
	set_handler(SIGUSR1, note_thread, SA_RESTART);
	start_many(blocking, 10, wait_blocking);
	open = start(wait_open, NULL);
	tap_await(&gate.waiting, 11);
	for (int i = 1; i <= 20; i++) {
		check_call(kill(getpid(), SIGUSR1));
		tap_await(&caught[SIGUSR1], i);
		check_eq(handled_by, tid);
	}
	gate_open(&gate);
	join_many(blocking, 10);
	join(open);
}

static void *pending_here(void *argument)
{
	block_signal(SIGUSR1);
	gate_wait(&gate);
	check(is_pending(SIGUSR1));
	unblock_signal(SIGUSR1);
	check_eq(handled_by, raw_gettid());
	return NULL;
}

static void pending_in_one_thread(void)
{
	pthread_t thread;

	set_handler(SIGUSR1, note_thread, SA_RESTART);
	thread = start(pending_here, NULL);
	tap_await(&gate.waiting, 1);
	check_eq(pthread_kill(thread, SIGUSR1), 0);
	check(!is_pending(SIGUSR1));
	check_eq(caught[SIGUSR1], 0);
	gate_open(&gate);
	join(thread);
	check_eq(caught[SIGUSR1], 1);
}

/* ---- waiting for signals ---- */

static void *take_signals(void *argument)
{
	sigset_t signals = set_of(SIGRTMIN + 1);
	siginfo_t info;

	for (int i = 0; i < 100; i++) {
		check_eq(sigwaitinfo(&signals, &info), SIGRTMIN + 1);
		check_eq(info.si_code, SI_QUEUE);
		check_eq(info.si_pid, getpid());
		check_eq(info.si_value.sival_int, i);
	}
	check_errno(sigtimedwait(&signals, &info, &(struct timespec){0, 1000000}), EAGAIN);
	return NULL;
}

static void queued_to_a_waiter(void)
{
	pthread_t thread;

	block_signal(SIGRTMIN + 1);
	thread = start(take_signals, NULL);
	for (int i = 0; i < 100; i++)
		check_call(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = i}));
	join(thread);
}

static void *take_one(void *argument)
{
	sigset_t signals = set_of(SIGUSR2);
	int number;

	check_eq(sigwait(&signals, &number), 0);
	check_eq(number, SIGUSR2);
	add(&counter, 1);
	return NULL;
}

static void one_waiter_each(void)
{
	pthread_t threads[10];

	block_signal(SIGUSR2);
	start_many(threads, 10, take_one);
	for (int i = 1; i <= 10; i++) {
		check_call(kill(getpid(), SIGUSR2));
		tap_await(&counter, i);
		check(!is_pending(SIGUSR2));
	}
	join_many(threads, 10);
}

/* ---- what ends or stops all ---- */

static void *sleep_for_ever(void *argument)
{
	for (;;)
		pause();
	return NULL;
}

static void *die_of(void *number)
{
	char *volatile nowhere = UNMAPPED_ADDRESS;

	if ((long)number == SIGABRT)
		abort();
	if ((long)number == SIGSEGV)
		*nowhere = 1;
	pthread_kill(pthread_self(), (long)number);
	return NULL;
}

static void die_in_a_thread(void *number)
{
	pthread_t threads[10];

	start_many(threads, 10, sleep_for_ever);
	start(die_of, number);
	join(threads[0]);
}

static void fatal_to_all(void)
{
	static const int signals[] = {SIGTERM, SIGABRT, SIGSEGV, SIGKILL};

	for (int i = 0; i < 4; i++)
		check_dies(die_in_a_thread, (void *)(long)signals[i], signals[i]);
}

static void *count_on(void *number)
{
	for (;;) {
		add(number, 1);
		sched_yield();
	}
	return NULL;
}

static void count_in_threads(void *numbers)
{
	start(count_on, numbers);
	start(count_on, (int *)numbers + 1);
	sleep_for_ever(NULL);
}

static void stop_stops_all(void)
{
	int *numbers = tap_shared(2 * sizeof(*numbers)), before[2], status;
	pid_t pid = tap_child(count_in_threads, numbers);

	for (int i = 0; i < 2; i++)
		tap_await(&numbers[i], 5);
	check_call(kill(pid, SIGSTOP));
	check_eq(waitpid(pid, &status, WUNTRACED), pid);
	check(WIFSTOPPED(status));
	before[0] = get(&numbers[0]);
	before[1] = get(&numbers[1]);
	settle();
	check_eq(get(&numbers[0]), before[0]);
	check_eq(get(&numbers[1]), before[1]);
	check_call(kill(pid, SIGCONT));
	for (int i = 0; i < 2; i++)
		tap_await(&numbers[i], before[i] + 5);
	check_call(kill(pid, SIGKILL));
	check_killed(pid, SIGKILL);
}

static void *has_no_alternate_stack(void *argument)
{
	stack_t stack;

	check_call(sigaltstack(NULL, &stack));
	check_eq(stack.ss_flags, SS_DISABLE);
	return NULL;
}

static void alternate_stacks(void)
{
	static char bytes[16384];
	stack_t stack = {.ss_sp = bytes, .ss_size = sizeof(bytes)};

	check_call(sigaltstack(&stack, NULL));
	join(start(has_no_alternate_stack, NULL));
	check_call(sigaltstack(NULL, &stack));
	check_eq(stack.ss_flags, 0);
}

/* ---- timers that make threads ---- */

static void on_timer(union sigval value)
{
	if (value.sival_ptr != &gate || raw_gettid() == getpid())
		add(&wrong, 1);
	add(&counter, 1);
}

static void timer_threads(void)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD,
		.sigev_notify_function = on_timer,
		.sigev_value.sival_ptr = &gate,
	};
	struct itimerspec often = {{0, 2000000}, {0, 2000000}}, once = {{0, 0}, {0, 1}};
	timer_t timer;

	check_call(timer_create(CLOCK_MONOTONIC, &event, &timer));
	check_call(timer_settime(timer, 0, &once, NULL));
	tap_await(&counter, 1);
	check_call(timer_settime(timer, 0, &often, NULL));
	tap_await(&counter, 6);
	check_call(timer_delete(timer));
	check_eq(wrong, 0);
}

static const struct test_case cases[] = {
	TEST(kill_finds_the_thread, "a signal for a thread is handled by that thread"),
	TEST(raise_is_for_oneself, "raise is for the thread that calls it"),
	TEST(interrupts_that_thread_only, "it ends that thread's system call and nobody else's"),
	TEST(storm_of_signals, "four threads send each other queued signals, and none is lost"),
	TEST(masks, "a thread begins with its maker's mask, and has its own from there"),
	TEST(to_the_process, "a signal for the process goes to the thread that has it open"),
	TEST(pending_in_one_thread, "one for a thread that blocks it is pending there alone"),
	TEST(queued_to_a_waiter, "a thread in sigwaitinfo gets what is queued, in order"),
	TEST(one_waiter_each, "of ten threads in sigwait each signal wakes one"),
	TEST(fatal_to_all, "a signal that ends one thread ends all"),
	TEST(stop_stops_all, "a stop stops all threads, and SIGCONT continues them"),
	TEST(alternate_stacks, "an alternate stack is its thread's own"),
	TEST(timer_threads, "a timer calls its function in a thread"),
};

SUITE(signal, cases);
