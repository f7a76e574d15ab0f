/*
 * Making threads, waiting for them and letting go of them: many at once, many in a row, what their attributes
 * promise, and what the kernel knows of each: its name, its clock, its processors, its priority.
 */
#include "pthreads.h"

#include <sys/resource.h>

static struct gate gate = GATE;
static volatile int counter;

static void *wait_at_gate(void *argument)
{
	gate_wait(&gate);
	return argument;
}

static void *count_up(void *argument)
{
	add(&counter, 1);
	return argument;
}

/* ---- many ---- */

static void many_at_once(void)
{
	pthread_t threads[MANY];

	start_many(threads, MANY, wait_at_gate);
	check_eq(count_threads(), MANY + 1);
	tap_await(&gate.waiting, MANY);
	gate_open(&gate);
	for (long i = 0; i < MANY; i++)
		check_eq((long)join(threads[i]), i);
	await_threads(1);
}

static void one_after_the_other(void)
{
	for (long i = 0; i < 500; i++)
		check_eq((long)join(start(count_up, (void *)i)), i);
	check_eq(counter, 500);
	await_threads(1);
}

static void detached_storm(void)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int state;

	check_eq(pthread_attr_init(&attributes), 0);
	check_eq(pthread_attr_setstacksize(&attributes, SMALL_STACK), 0);
	check_eq(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED), 0);
	check_eq(pthread_attr_getdetachstate(&attributes, &state), 0);
	check_eq(state, PTHREAD_CREATE_DETACHED);
	for (int i = 0; i < 300; i++)
		check_eq(pthread_create(&thread, &attributes, count_up, NULL), 0);
	tap_await(&counter, 300);
	await_threads(1);
	check_eq(counter, 300);
}

static void *detach_oneself(void *argument)
{
	check_eq(pthread_detach(pthread_self()), 0);
	add(&counter, 1);
	return NULL;
}

static void detached_later(void)
{
	for (int i = 0; i < 100; i++) {
		check_eq(pthread_detach(start(count_up, NULL)), 0);
		start(detach_oneself, NULL);
	}
	tap_await(&counter, 200);
	await_threads(1);
}

/* Each makes three more, until the depth is 0. Returns how many there were from here down. */
static void *grow(void *depth)
{
	pthread_t children[3];
	long sum = 1;

	for (int i = 0; i < 3 && depth; i++)
		children[i] = start(grow, (char *)depth - 1);
	for (int i = 0; i < 3 && depth; i++)
		sum += (long)join(children[i]);
	return (void *)sum;
}

static void tree_of_threads(void)
{
	check_eq((long)grow((void *)4), 1 + 3 + 9 + 27 + 81);
	await_threads(1);
}

static void *join_the_other(void *argument)
{
	return join(*(pthread_t *)argument);
}

static void joined_by_a_sibling(void)
{
	pthread_t waiting = start(wait_at_gate, (void *)7);
	pthread_t joiner = start(join_the_other, &waiting);

	tap_await(&gate.waiting, 1);
	gate_open(&gate);
	check_eq((long)join(joiner), 7);
}

static void try_and_timed_join(void)
{
	pthread_t thread = start(wait_at_gate, (void *)8);
	struct timespec soon = from_now(CLOCK_REALTIME, 5);
	void *result = NULL;

	check_eq(pthread_tryjoin_np(thread, &result), EBUSY);
	check_eq(pthread_timedjoin_np(thread, &result, &LONG_AGO), ETIMEDOUT);
	check_eq(pthread_timedjoin_np(thread, &result, &soon), ETIMEDOUT);
	check(result == NULL);
	gate_open(&gate);
	soon = from_now(CLOCK_REALTIME, 40000);
	check_eq(pthread_timedjoin_np(thread, &result, &soon), 0);
	check_eq((long)result, 8);
}

static int leave_from_below(const void *a, const void *b)
{
	pthread_exit(*(void *const *)a);
}

static void *exit_deep(void *argument)
{
	void *both[] = {argument, argument};

	qsort(both, 2, sizeof(both[0]), leave_from_below);
	return NULL;
}

static void exit_from_below(void)
{
	check_eq((long)join(start(exit_deep, (void *)11)), 11);
}

static void *see_myself(void *id)
{
	check(!pthread_equal(pthread_self(), *(pthread_t *)id));
	check_eq(raw0(SYS_getpid), getpid());
	check(raw_gettid() != getpid());
	*(pthread_t *)id = pthread_self();
	return NULL;
}

static void who_am_i(void)
{
	pthread_t id = pthread_self(), thread;

	check_eq(raw_gettid(), getpid());
	thread = start(see_myself, &id);
	join(thread);
	check(pthread_equal(thread, id));
}

/* ---- stacks ---- */

struct stack {
	char *low;
	size_t size;
};

static struct stack own_stack(void)
{
	pthread_attr_t attributes;
	struct stack stack;
	void *low;

	check_eq(pthread_getattr_np(pthread_self(), &attributes), 0);
	check_eq(pthread_attr_getstack(&attributes, &low, &stack.size), 0);
	check_eq(pthread_attr_destroy(&attributes), 0);
	stack.low = low;
	return stack;
}

static void *use_whole_stack(void *size)
{
	struct stack stack = own_stack();
	char *here = __builtin_frame_address(0);

	check(here > stack.low && here < stack.low + stack.size);
	check(stack.size >= (size_t)size);
	for (char *at = here - 2048; at > stack.low; at -= 4096)
		*(volatile char *)at = 1;
	*(volatile char *)stack.low = 1;
	return NULL;
}

static void stack_of_the_size_asked_for(void)
{
	static const size_t sizes[] = {32768, 65536, 1 << 20, 16 << 20};
	pthread_attr_t attributes;
	pthread_t thread;
	size_t size;

	check_eq(pthread_attr_init(&attributes), 0);
	check_eq(pthread_attr_setstacksize(&attributes, 1), EINVAL);
	for (int i = 0; i < 4; i++) {
		check_eq(pthread_attr_setstacksize(&attributes, sizes[i]), 0);
		check_eq(pthread_attr_getstacksize(&attributes, &size), 0);
		check_eq(size, sizes[i]);
		check_eq(pthread_create(&thread, &attributes, use_whole_stack,
					(void *)(sizes[i] - 8192)),
			 0);
		join(thread);
	}
}

static void *return_frame(void *argument)
{
	return __builtin_frame_address(0);
}

static void stack_of_ones_own(void)
{
	char *stack =
		mmap(NULL, 131072, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_attr_t attributes;
	pthread_t thread;
	char *frame;

	check(stack != MAP_FAILED);
	check_eq(pthread_attr_init(&attributes), 0);
	check_eq(pthread_attr_setstack(&attributes, stack, 131072), 0);
	for (int i = 0; i < 20; i++) {
		check_eq(pthread_create(&thread, &attributes, return_frame, NULL), 0);
		frame = join(thread);
		check(frame > stack && frame < stack + 131072);
		memset(stack, 0x55, 131072); /* nobody is on it any more */
	}
	check_call(munmap(stack, 131072));
}

static struct stack watched;

static void on_overflow(int number, siginfo_t *info, void *context)
{
	char *at = info->si_addr;

	_exit(at < watched.low && at >= watched.low - 4096 && info->si_code == SEGV_ACCERR ? 23
											   : 24);
}

static void *fall_off_the_stack(void *argument)
{
	static char other_stack[16384];
	stack_t alternate = {.ss_sp = other_stack, .ss_size = sizeof(other_stack)};

	if (argument) {
		check_call(sigaltstack(&alternate, NULL));
		set_info_handler(SIGSEGV, on_overflow, SA_ONSTACK);
	}
	watched = own_stack();
	for (volatile char *at = watched.low;; at--)
		*at = 1;
	return NULL;
}

static void overflow(void *with_handler)
{
	join(start(fall_off_the_stack, with_handler));
}

static void guard_page(void)
{
	check_dies(overflow, NULL, SIGSEGV);
	check_exits(tap_child(overflow, &watched), 23);
}

/* ---- what can be refused ---- */

static void too_many_for_the_user(void)
{
	struct rlimit limit = {6, 6};
	pthread_t threads[6];
	int made = 0, error;

	check_call(setrlimit(RLIMIT_NPROC, &limit));
	check_call(setresuid(4321, 4321, 4321));
	while ((error = pthread_create(&threads[made], NULL, wait_at_gate, NULL)) == 0)
		check(++made < 6);
	check_eq(error, EAGAIN);
	check_eq(made, 5);
	gate_open(&gate);
	join_many(threads, made);
	await_threads(1);
	join(start(count_up, NULL));
	check_eq(counter, 1);
}

static void no_memory_for_a_stack(void)
{
	struct rlimit limit = {256 << 20, 256 << 20};
	pthread_attr_t attributes;
	pthread_t thread;

	check_call(setrlimit(RLIMIT_AS, &limit));
	check_eq(pthread_attr_init(&attributes), 0);
	check_eq(pthread_attr_setstacksize(&attributes, 512 << 20), 0);
	for (int i = 0; i < 20; i++)
		check_eq(pthread_create(&thread, &attributes, count_up, NULL), EAGAIN);
	check_eq(count_threads(), 1);
	join(start(count_up, NULL));
	check_eq(counter, 1);
}

/* ---- scheduling ---- */

static void *tell_priority(void *argument)
{
	struct sched_param param;
	int policy;

	check_eq(pthread_getschedparam(pthread_self(), &policy, &param), 0);
	check_eq(raw1(SYS_sched_getscheduler, 0), policy);
	return (void *)(long)(policy * 1000 + param.sched_priority);
}

static void set_scheduling(pthread_attr_t *attributes, int policy, int priority)
{
	struct sched_param param = {.sched_priority = priority};

	check_eq(pthread_attr_init(attributes), 0);
	check_eq(pthread_attr_setinheritsched(attributes, PTHREAD_EXPLICIT_SCHED), 0);
	check_eq(pthread_attr_setschedpolicy(attributes, policy), 0);
	check_eq(pthread_attr_setschedparam(attributes, &param), 0);
}

static void explicit_scheduling(void)
{
	static const int policies[] = {SCHED_FIFO, SCHED_RR};
	pthread_attr_t attributes;
	pthread_t thread;

	for (int i = 0; i < 2; i++) {
		set_scheduling(&attributes, policies[i], 7 + i);
		check_eq(pthread_create(&thread, &attributes, tell_priority, NULL), 0);
		check_eq((long)join(thread), policies[i] * 1000 + 7 + i);
	}
	check_eq((long)tell_priority(NULL), SCHED_OTHER * 1000);
}

static void inherited_scheduling(void)
{
	struct sched_param param = {.sched_priority = 5}, none = {0};

	check_eq(pthread_setschedparam(pthread_self(), SCHED_RR, &param), 0);
	check_eq((long)join(start(tell_priority, NULL)), SCHED_RR * 1000 + 5);
	check_eq(pthread_setschedparam(pthread_self(), SCHED_OTHER, &none), 0);
	check_eq((long)join(start(tell_priority, NULL)), SCHED_OTHER * 1000);
}

static void refused_scheduling(void)
{
	pthread_attr_t attributes;
	pthread_t thread;

	set_scheduling(&attributes, SCHED_FIFO, 7);
	check_call(setresuid(4321, 4321, 4321));
	for (int i = 0; i < 20; i++)
		check_eq(pthread_create(&thread, &attributes, count_up, NULL), EPERM);
	await_threads(1);
	check_eq(counter, 0);
	check_eq((long)join(start(tell_priority, NULL)), SCHED_OTHER * 1000);
}

static void *tell_priority_later(void *argument)
{
	gate_wait(&gate);
	return tell_priority(NULL);
}

static void scheduling_of_another(void)
{
	struct sched_param param = {.sched_priority = 3};
	pthread_t thread = start(tell_priority_later, NULL);
	int policy;

	check_eq(pthread_setschedparam(thread, SCHED_FIFO, &param), 0);
	check_eq(pthread_setschedprio(thread, 4), 0);
	check_eq(pthread_getschedparam(thread, &policy, &param), 0);
	check_eq(policy, SCHED_FIFO);
	check_eq(param.sched_priority, 4);
	param.sched_priority = 1000;
	check_eq(pthread_setschedparam(thread, SCHED_FIFO, &param), EINVAL);
	gate_open(&gate);
	check_eq((long)join(thread), SCHED_FIFO * 1000 + 4);
	check_eq((long)tell_priority(NULL), SCHED_OTHER * 1000);
}

static void *run_on_each(void *argument)
{
	cpu_set_t all, one;

	check_eq(pthread_getaffinity_np(pthread_self(), sizeof(all), &all), 0);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		check_eq(pthread_setaffinity_np(pthread_self(), sizeof(one), &one), 0);
		check_eq(sched_getcpu(), cpu);
		add(&counter, 1);
	}
	return NULL;
}

static void affinity(void)
{
	cpu_set_t before, after, none;
	pthread_t threads[10];

	check_eq(pthread_getaffinity_np(pthread_self(), sizeof(before), &before), 0);
	start_many(threads, 10, run_on_each);
	join_many(threads, 10);
	check_eq(counter, 10 * CPU_COUNT(&before));
	check_eq(pthread_getaffinity_np(pthread_self(), sizeof(after), &after), 0);
	check(CPU_EQUAL(&before, &after));
	CPU_ZERO(&none);
	check_eq(pthread_setaffinity_np(pthread_self(), sizeof(none), &none), EINVAL);
}

/* ---- names and clocks ---- */

static volatile int tid;

static void *tell_tid_and_wait(void *argument)
{
	tell_tid(&tid);
	gate_wait(&gate);
	return NULL;
}

static void check_comm(int of, const char *wanted)
{
	char path[64], text[64] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/comm", of);
	fd = check_call(open(path, O_RDONLY));
	check(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	text[strcspn(text, "\n")] = '\0';
	if (strcmp(text, wanted) != 0)
		tap_fail(__FILE__, __LINE__, "%s is '%s', not '%s'", path, text, wanted);
}

static void names(void)
{
	pthread_t thread;
	char name[16];

	check_eq(pthread_setname_np(pthread_self(), "the-first"), 0);
	thread = start(tell_tid_and_wait, NULL);
	tap_await(&tid, 1);
	check_comm(tid, "the-first");
	check_eq(pthread_setname_np(thread, "fifteen letters"), 0);
	check_eq(pthread_setname_np(thread, "sixteen letters!"), ERANGE);
	check_eq(pthread_getname_np(thread, name, sizeof(name)), 0);
	check(strcmp(name, "fifteen letters") == 0);
	check_comm(tid, "fifteen letters");
	check_comm(getpid(), "the-first");
	gate_open(&gate);
	join(thread);
}

static long long time_of(clockid_t clock)
{
	struct timespec time;

	check_call(clock_gettime(clock, &time));
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void clocks(void)
{
	pthread_t thread = start(tell_tid_and_wait, NULL);
	clockid_t own, other;
	long long before, end;

	check_eq(pthread_getcpuclockid(pthread_self(), &own), 0);
	check_eq(pthread_getcpuclockid(thread, &other), 0);
	await_asleep(&tid);
	tap_await(&gate.waiting, 1);
	before = time_of(other);
	end = time_of(own) + 50 * 1000000;
	while (time_of(own) < end)
		;
	check(time_of(CLOCK_THREAD_CPUTIME_ID) >= end);
	check(before > 0);
	check(time_of(other) - before < 50 * 1000000);
	check(time_of(CLOCK_PROCESS_CPUTIME_ID) >= end + before);
	gate_open(&gate);
	join(thread);
}

static const struct test_case cases[] = {
	TEST(many_at_once, "200 threads exist at once, and each is joined with its own result"),
	TEST(one_after_the_other, "500 threads are made and joined one after the other"),
	TEST(detached_storm, "300 threads made detached all run, and are gone without a join"),
	TEST(detached_later, "a thread is detached while it runs, by others and by itself"),
	TEST(tree_of_threads, "threads make threads that make threads"),
	TEST(joined_by_a_sibling, "a thread is joined by one that did not make it"),
	TEST(try_and_timed_join, "a join that must not wait, or not for long, says so"),
	TEST(exit_from_below, "pthread_exit ends a thread from a function far below"),
	TEST(who_am_i, "a thread has its own number and its process's"),
	TEST(stack_of_the_size_asked_for,
	     "a stack has the size that was asked for, all of it usable"),
	TEST(stack_of_ones_own,
	     "a stack of the caller's own is used, and free again after the join"),
	TEST(guard_page, "below a thread's stack is a page whose use is SIGSEGV"),
	TEST(too_many_for_the_user, "threads count towards the limit of the user's processes"),
	TEST(no_memory_for_a_stack,
	     "without memory for its stack there is no thread, and no trace of it"),
	TEST(explicit_scheduling, "a thread starts with the real-time priority in its attributes"),
	TEST(inherited_scheduling, "without one it has its maker's"),
	TEST(refused_scheduling, "a priority that the user may not have is EPERM, and no thread"),
	TEST(scheduling_of_another, "a thread's priority is changed by another"),
	TEST(affinity, "threads run on the processors that they choose"),
	TEST(names, "a thread has a name of its own, in /proc as well"),
	TEST(clocks, "a thread's clock counts its own work and nobody else's"),
};

SUITE(create, cases);
