/*
 * Robust mutexes: an owner that ends without unlocking leaves EOWNERDEAD to the next. The kernel finds what it held
 * by walking the list that the C library told it of (set_robust_list).
 */
#include "pthreads.h"

struct common {
	pthread_mutex_t mutex;
	volatile long a, b; /* equal, except in the midst of a change */
	volatile int tid, held;
};

static struct common own;

static void make_robust(pthread_mutex_t *mutex, int type, int shared)
{
	pthread_mutexattr_t attributes;
	int robust;

	check_eq(pthread_mutexattr_init(&attributes), 0);
	check_eq(pthread_mutexattr_getrobust(&attributes, &robust), 0);
	check_eq(robust, PTHREAD_MUTEX_STALLED);
	check_eq(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST), 0);
	check_eq(pthread_mutexattr_settype(&attributes, type), 0);
	check_eq(pthread_mutexattr_setpshared(&attributes, shared), 0);
	check_eq(pthread_mutex_init(mutex, &attributes), 0);
	check_eq(pthread_mutexattr_destroy(&attributes), 0);
}

static struct common *make_common(void)
{
	struct common *common = tap_shared(sizeof(*common));

	make_robust(&common->mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_PROCESS_SHARED);
	return common;
}

static void *die_holding(void *mutex)
{
	check_eq(pthread_mutex_lock(mutex), 0);
	return NULL;
}

static void *lock_it(void *mutex)
{
	return (void *)(long)pthread_mutex_lock(mutex);
}

static void repair(pthread_mutex_t *mutex)
{
	check_eq(pthread_mutex_consistent(mutex), 0);
	check_eq(pthread_mutex_unlock(mutex), 0);
	check_eq(pthread_mutex_lock(mutex), 0);
	check_eq(pthread_mutex_unlock(mutex), 0);
}

static void thread_ends(void)
{
	make_robust(&own.mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_PROCESS_PRIVATE);
	for (int i = 0; i < 50; i++) {
		join(start(die_holding, &own.mutex));
		check_eq(pthread_mutex_lock(&own.mutex), EOWNERDEAD);
		repair(&own.mutex);
	}
	check_eq(pthread_mutex_consistent(&own.mutex), EINVAL);
}

static void try_and_timed_lock(void)
{
	struct timespec late = from_now(CLOCK_REALTIME, 3600 * 1000);

	make_robust(&own.mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_PROCESS_PRIVATE);
	join(start(die_holding, &own.mutex));
	check_eq(pthread_mutex_trylock(&own.mutex), EOWNERDEAD);
	repair(&own.mutex);
	join(start(die_holding, &own.mutex));
	check_eq(pthread_mutex_timedlock(&own.mutex, &late), EOWNERDEAD);
	repair(&own.mutex);
}

static void not_repaired(void)
{
	make_robust(&own.mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_PROCESS_PRIVATE);
	join(start(die_holding, &own.mutex));
	check_eq(pthread_mutex_lock(&own.mutex), EOWNERDEAD);
	check_eq(pthread_mutex_unlock(&own.mutex), 0);
	check_eq(pthread_mutex_lock(&own.mutex), ENOTRECOVERABLE);
	check_eq((long)join(start(lock_it, &own.mutex)), ENOTRECOVERABLE);
	check_eq(pthread_mutex_trylock(&own.mutex), ENOTRECOVERABLE); /* glibc keeps it then */
	check_eq(pthread_mutex_destroy(&own.mutex), 0);
}

static void *wait_for_it(void *argument)
{
	tell_tid(&own.tid);
	return lock_it(&own.mutex);
}

/* One waiter: neither library wakes a second one. */
static void waiter_when_not_repaired(void)
{
	pthread_t waiter;

	make_robust(&own.mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_PROCESS_PRIVATE);
	join(start(die_holding, &own.mutex));
	check_eq(pthread_mutex_lock(&own.mutex), EOWNERDEAD);
	waiter = start(wait_for_it, NULL);
	await_asleep(&own.tid);
	check_eq(pthread_mutex_unlock(&own.mutex), 0);
	check_eq((long)join(waiter), ENOTRECOVERABLE);
}

#define SEVERAL 100

static pthread_mutex_t several[SEVERAL];

static void *hold_several(void *argument)
{
	for (int i = 0; i < SEVERAL; i++)
		check_eq(pthread_mutex_lock(&several[i]), 0);
	for (int i = 0; i < SEVERAL; i += 3)
		check_eq(pthread_mutex_unlock(&several[i]), 0);
	return NULL;
}

static void all_that_it_held(void)
{
	for (int i = 0; i < SEVERAL; i++)
		make_robust(&several[i], PTHREAD_MUTEX_NORMAL, PTHREAD_PROCESS_PRIVATE);
	join(start(hold_several, NULL));
	for (int i = 0; i < SEVERAL; i++)
		check_eq(pthread_mutex_lock(&several[i]), i % 3 ? EOWNERDEAD : 0);
}

static void *hold_twice(void *mutex)
{
	check_eq(pthread_mutex_lock(mutex), 0);
	check_eq(pthread_mutex_lock(mutex), 0);
	return NULL;
}

static void *try_it(void *mutex)
{
	return (void *)(long)pthread_mutex_trylock(mutex);
}

static void recursive(void)
{
	make_robust(&own.mutex, PTHREAD_MUTEX_RECURSIVE, PTHREAD_PROCESS_PRIVATE);
	join(start(hold_twice, &own.mutex));
	check_eq(pthread_mutex_lock(&own.mutex), EOWNERDEAD);
	check_eq(pthread_mutex_consistent(&own.mutex), 0);
	check_eq((long)join(start(try_it, &own.mutex)), EBUSY);
	check_eq(pthread_mutex_unlock(&own.mutex), 0);
	check_eq((long)join(start(try_it, &own.mutex)), 0);
}

/* ---- the owner is another process ---- */

static void hold(struct common *common)
{
	check_eq(pthread_mutex_lock(&common->mutex), 0);
	set(&common->held, 1);
}

static void hold_and_exit(void *common)
{
	hold(common);
	_exit(5);
}

static void hold_and_stay(void *common)
{
	hold(common);
	for (;;)
		pause();
}

static void hold_and_exec(void *common)
{
	hold(common);
	exec_helper("exit", "6");
}

static void check_left(struct common *common)
{
	check_eq(pthread_mutex_lock(&common->mutex), EOWNERDEAD);
	repair(&common->mutex);
}

static void process_exits(void)
{
	struct common *common = make_common();

	check_exits(tap_child(hold_and_exit, common), 5);
	check_left(common);
}

static void process_is_killed(void)
{
	struct common *common = make_common();
	pid_t child = tap_child(hold_and_stay, common);

	tap_await(&common->held, 1);
	check_eq(pthread_mutex_trylock(&common->mutex), EBUSY);
	check_call(kill(child, SIGKILL));
	check_killed(child, SIGKILL);
	check_left(common);
}

static void process_execs(void)
{
	struct common *common = make_common();

	check_exits(tap_child(hold_and_exec, common), 6);
	check_left(common);
}

static void hold_in_a_thread(void *argument)
{
	struct common *common = argument;

	start(die_holding, &common->mutex);
	for (;;)
		pause();
}

static void thread_of_a_process_ends(void)
{
	struct common *common = make_common();
	pid_t child = tap_child(hold_in_a_thread, common);
	int error;

	while ((error = pthread_mutex_lock(&common->mutex)) == 0) {
		check_eq(pthread_mutex_unlock(&common->mutex), 0);
		sched_yield();
	}
	check_eq(error, EOWNERDEAD);
	repair(&common->mutex);
	check_call(kill(child, SIGKILL));
	check_killed(child, SIGKILL);
}

static void wait_in_common(void *argument)
{
	struct common *common = argument;

	tell_tid(&common->tid);
	check_left(common);
}

static void await_process_asleep(pid_t pid)
{
	char path[64], text[512], *state;
	int fd, n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (;;) {
		fd = check_call(open(path, O_RDONLY));
		n = check_call(read(fd, text, sizeof(text) - 1));
		close(fd);
		text[n] = '\0';
		state = strrchr(text, ')');
		check(state);
		if (state[2] == 'S')
			return;
		sched_yield();
	}
}

static void waiter_is_woken(void)
{
	struct common *common = make_common();
	pid_t owner = tap_child(hold_and_stay, common), waiter;

	tap_await(&common->held, 1);
	waiter = tap_child(wait_in_common, common);
	tap_await(&common->tid, 1);
	await_process_asleep(waiter);
	check_call(kill(owner, SIGKILL));
	check_killed(owner, SIGKILL);
	check_exits(waiter, 0);
}

/* Takes the mutex, mends what the last owner left half done, and dies in the midst of a change. */
static void change_and_die(void *argument)
{
	struct common *common = argument;
	int error = pthread_mutex_lock(&common->mutex);

	check(error == 0 || error == EOWNERDEAD);
	if (error == EOWNERDEAD) {
		check_eq(common->a, common->b + 1);
		common->b++;
		check_eq(pthread_mutex_consistent(&common->mutex), 0);
	}
	check_eq(common->a, common->b);
	common->a++;
	kill(getpid(), SIGKILL);
}

static void storm_of_dying_owners(void)
{
	struct common *common = make_common();
	pid_t children[40];

	for (int i = 0; i < 40; i++)
		children[i] = tap_child(change_and_die, common);
	for (int i = 0; i < 40; i++)
		check_killed(children[i], SIGKILL);
	check_eq(common->a, 40);
	check_eq(common->b, 39);
	check_left(common);
}

/* ---- with a condition variable ---- */

static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

static void *wait_on_condition(void *argument)
{
	long error;

	check_eq(pthread_mutex_lock(&own.mutex), 0);
	set(&own.held, 1);
	error = pthread_cond_wait(&condition, &own.mutex);
	check_eq(pthread_mutex_consistent(&own.mutex), 0);
	check_eq(pthread_mutex_unlock(&own.mutex), 0);
	return (void *)error;
}

static void *signal_and_die(void *argument)
{
	check_eq(pthread_mutex_lock(&own.mutex), 0);
	check_eq(pthread_cond_signal(&condition), 0);
	return NULL;
}

static void condition_wait(void)
{
	pthread_t waiter;

	make_robust(&own.mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_PROCESS_PRIVATE);
	waiter = start(wait_on_condition, NULL);
	tap_await(&own.held, 1);
	join(start(signal_and_die, NULL));
	check_eq((long)join(waiter), EOWNERDEAD);
	check_eq(pthread_mutex_lock(&own.mutex), 0);
}

static const struct test_case cases[] = {
	TEST(thread_ends, "a thread that ends with a robust mutex leaves EOWNERDEAD to the next"),
	TEST(try_and_timed_lock, "trylock and timedlock hear of it as well"),
	TEST(not_repaired, "one unlocked without being made consistent is ENOTRECOVERABLE"),
	TEST(waiter_when_not_repaired, "who waits for it then is told so"),
	TEST(all_that_it_held, "all that a thread held is found, and nothing that it had given up"),
	TEST(recursive, "of a recursive one, what the dead owner counted is forgotten"),
	TEST(process_exits, "a process that exits with one in shared memory leaves EOWNERDEAD"),
	TEST(process_is_killed, "so does one that is killed"),
	TEST(process_execs, "and one that execs"),
	TEST(thread_of_a_process_ends, "and a thread whose process lives on"),
	TEST(waiter_is_woken, "a process that waits is woken by the owner's death"),
	TEST(storm_of_dying_owners,
	     "forty processes die in turn, and each mends what the last one left"),
	TEST(condition_wait, "a condition's waiter hears of it as it gets the mutex back"),
};

SUITE(robust, cases);
