/* Timers behind descriptors: reading, waiting, periods, clocks, the time of day being set. */
#include "helpers.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/timerfd.h>
#include <time.h>

#define SECOND      1000000000LL
#define MILLISECOND 1000000LL

#ifndef TFD_TIMER_CANCEL_ON_SET
#define TFD_TIMER_CANCEL_ON_SET 2
#endif

static struct itimerspec interval(long long value, long long period)
{
	return (struct itimerspec){
		.it_value = {value / SECOND, value % SECOND},
		.it_interval = {period / SECOND, period % SECOND},
	};
}

static long long ns(struct timespec t)
{
	return t.tv_sec * SECOND + t.tv_nsec;
}

static long long now(clockid_t clock)
{
	struct timespec t;

	check_eq(raw2(SYS_clock_gettime, clock, &t), 0);
	return ns(t);
}

static int create(clockid_t clock, int flags)
{
	long fd = raw2(SYS_timerfd_create, clock, flags);

	check(fd >= 0);
	return fd;
}

static long set_flags(int fd, int flags, long long value, long long period)
{
	struct itimerspec spec = interval(value, period);

	return raw4(SYS_timerfd_settime, fd, flags, &spec, NULL);
}

static void start(int fd, long long value, long long period)
{
	check_eq(set_flags(fd, 0, value, period), 0);
}

static struct itimerspec show(int fd)
{
	struct itimerspec spec;

	check_eq(raw2(SYS_timerfd_gettime, fd, &spec), 0);
	return spec;
}

static long long left(int fd)
{
	return ns(show(fd).it_value);
}

/* Periods, or a negated errno. */
static long take(int fd)
{
	uint64_t ticks = 0;
	long result = raw3(SYS_read, fd, &ticks, sizeof(ticks));

	return result == sizeof(ticks) ? (long)ticks : result;
}

static int is_ready(int fd, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int ready = check_call(poll(&p, 1, timeout_ms));

	if (ready)
		check_eq(p.revents, POLLIN);
	return ready;
}

static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME,
				   CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM};

/* ---- errors ---- */

static void bad_creation(void)
{
	static const clockid_t bad[] = {CLOCK_PROCESS_CPUTIME_ID,
					CLOCK_THREAD_CPUTIME_ID,
					CLOCK_MONOTONIC_RAW,
					CLOCK_REALTIME_COARSE,
					CLOCK_MONOTONIC_COARSE,
					CLOCK_TAI,
					10,
					-6};

	for (size_t i = 0; i < TAP_COUNT(bad); i++)
		check_eq(raw2(SYS_timerfd_create, bad[i], 0), -EINVAL);
	check_eq(raw2(SYS_timerfd_create, CLOCK_MONOTONIC, 1), -EINVAL);
	check_eq(raw2(SYS_timerfd_create, CLOCK_MONOTONIC, O_APPEND), -EINVAL);
}

static void bad_setting(void)
{
	static const struct itimerspec bad[] = {
		{.it_value = {0, SECOND}},
		{.it_value = {-1, 0}},
		{.it_interval = {0, -1}},
		{.it_interval = {-1, 0}},
	};
	struct itimerspec good = interval(100 * SECOND, 0);
	int fd = create(CLOCK_MONOTONIC, 0), ends[2];

	make_pipe(ends);
	for (size_t i = 0; i < TAP_COUNT(bad); i++)
		check_eq(raw4(SYS_timerfd_settime, fd, 0, &bad[i], NULL), -EINVAL);
	check_eq(raw4(SYS_timerfd_settime, fd, 4, &good, NULL), -EINVAL);
	check_eq(raw4(SYS_timerfd_settime, fd, 4, UNMAPPED_ADDRESS, NULL), -EFAULT);
	check_eq(raw4(SYS_timerfd_settime, -1, 0, &bad[0], NULL), -EINVAL);
	check_eq(raw4(SYS_timerfd_settime, -1, 0, &good, NULL), -EBADF);
	check_eq(raw4(SYS_timerfd_settime, ends[0], 0, &good, NULL), -EINVAL);
	check_eq(raw2(SYS_timerfd_gettime, -1, &good), -EBADF);
	check_eq(raw2(SYS_timerfd_gettime, ends[0], &good), -EINVAL);
	check_eq(raw2(SYS_timerfd_gettime, fd, KERNEL_ADDRESS), -EFAULT);
	check_eq(left(fd), 0);
	check_eq(raw4(SYS_timerfd_settime, fd, 0, &good, KERNEL_ADDRESS), -EFAULT);
	check(left(fd) > 90 * SECOND);
}

static void bad_reading(void)
{
	int fd = create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	char bytes[16];

	check_eq(raw3(SYS_read, fd, bytes, 7), -EINVAL);
	check_eq(take(fd), -EAGAIN);
	check_eq(raw3(SYS_write, fd, bytes, 8), -EINVAL);
	check_eq(raw4(SYS_pread64, fd, bytes, 8, 0), -ESPIPE);
	start(fd, 1, 0);
	check_eq(is_ready(fd, -1), 1);
	check_eq(raw3(SYS_read, fd, bytes, 7), -EINVAL);
	check_eq(raw3(SYS_read, fd, bytes, 16), 8);
	/* A bad buffer loses them. */
	start(fd, 1, 0);
	check_eq(is_ready(fd, -1), 1);
	check_eq(raw3(SYS_read, fd, UNMAPPED_ADDRESS, 8), -EFAULT);
	check_eq(take(fd), -EAGAIN);
}

static void alarm_clocks_need_a_capability(void)
{
	int fd = create(CLOCK_REALTIME_ALARM, 0);

	check_call(setuid(12345));
	check_eq(raw2(SYS_timerfd_create, CLOCK_REALTIME_ALARM, 0), -EPERM);
	check_eq(raw2(SYS_timerfd_create, CLOCK_BOOTTIME_ALARM, 0), -EPERM);
	check_eq(set_flags(fd, 0, SECOND, 0), -EPERM);
	check_eq(left(fd), 0);
}

static void descriptor_flags(void)
{
	int fd = create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	check_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	check_eq(fcntl(fd, F_GETFL) & (O_NONBLOCK | O_ACCMODE), O_NONBLOCK | O_RDWR);
	fd = create(CLOCK_MONOTONIC, 0);
	check_eq(fcntl(fd, F_GETFD), 0);
	check_eq(fcntl(fd, F_GETFL) & (O_NONBLOCK | O_ACCMODE), O_RDWR);
}

/* ---- expiring ---- */

static void every_clock(void)
{
	for (size_t i = 0; i < TAP_COUNT(clocks); i++) {
		int fd = create(clocks[i], 0);
		long long begin = now(clocks[i]);

		start(fd, 10 * MILLISECOND, 0);
		check(left(fd) <= 10 * MILLISECOND);
		check_eq(take(fd), 1);
		check(now(clocks[i]) - begin >= 10 * MILLISECOND);
		check_eq(left(fd), 0);
		check_eq(set_flags(fd, TFD_TIMER_ABSTIME, now(clocks[i]) + 5 * MILLISECOND, 0), 0);
		check_eq(take(fd), 1);
		check_eq(set_flags(fd, TFD_TIMER_ABSTIME, 1, 0), 0);
		check_eq(take(fd), 1);
	}
}

static void periods_are_counted(void)
{
	int fd = create(CLOCK_MONOTONIC, 0);
	long ticks;

	start(fd, 2 * MILLISECOND, 2 * MILLISECOND);
	tap_sleep_ms(40);
	ticks = take(fd);
	check(ticks >= 19);
	check_eq(ns(show(fd).it_interval), 2 * MILLISECOND);
	check(take(fd) >= 1);
	/* Reading the time left counts too. */
	tap_sleep_ms(20);
	check(left(fd) > 0 && left(fd) <= 2 * MILLISECOND);
	check(take(fd) >= 9);
}

static void nothing_before_it_is_set(void)
{
	int fd = create(CLOCK_MONOTONIC, TFD_NONBLOCK);

	check_eq(is_ready(fd, 0), 0);
	check_eq(take(fd), -EAGAIN);
	start(fd, MILLISECOND, 0);
	check_eq(is_ready(fd, -1), 1);
	start(fd, 0, 0);
	check_eq(is_ready(fd, 0), 0);
	check_eq(take(fd), -EAGAIN);
}

static void set_shows_the_old(void)
{
	struct itimerspec spec = interval(50 * SECOND, 0), old;
	int fd = create(CLOCK_MONOTONIC, 0);

	start(fd, 100 * SECOND, 7 * SECOND);
	check_eq(raw4(SYS_timerfd_settime, fd, 0, &spec, &old), 0);
	check(ns(old.it_value) > 90 * SECOND && ns(old.it_value) <= 100 * SECOND);
	check_eq(ns(old.it_interval), 7 * SECOND);
	check_eq(ns(show(fd).it_interval), 0);
}

static void poll_and_select_wait(void)
{
	int fd = create(CLOCK_MONOTONIC, 0);
	fd_set set;

	start(fd, 10 * MILLISECOND, 0);
	check_eq(is_ready(fd, -1), 1);
	check_eq(is_ready(fd, 0), 1);
	check_eq(take(fd), 1);
	check_eq(is_ready(fd, 0), 0);
	start(fd, 10 * MILLISECOND, 0);
	FD_ZERO(&set);
	FD_SET(fd, &set);
	check_eq(select(fd + 1, &set, NULL, NULL, NULL), 1);
	check(FD_ISSET(fd, &set));
}

static void epoll_tells_each_period(void)
{
	int fd = create(CLOCK_MONOTONIC, TFD_NONBLOCK), epoll = check_call(epoll_create1(0));
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u32 = 7};

	check_call(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	check_eq(epoll_wait(epoll, &event, 1, 0), 0);
	start(fd, 2 * MILLISECOND, 2 * MILLISECOND);
	for (int i = 0; i < 5; i++) {
		check_eq(epoll_wait(epoll, &event, 1, -1), 1);
		check_eq(event.events, EPOLLIN);
		check_eq(event.data.u32, 7);
		check(take(fd) >= 1);
	}
}

static volatile int reading;

static int read_in_thread(void *argument)
{
	uint64_t ticks;
	int fd = *(int *)argument;

	add(&reading, 1);
	if (raw3(SYS_read, fd, &ticks, 8) == 8)
		add(&reading, 100);
	return 0;
}

static void one_reader_of_two_gets_it(void)
{
	int fd = create(CLOCK_MONOTONIC, 0);
	struct thread threads[2];

	thread_start(&threads[0], read_in_thread, &fd);
	thread_start(&threads[1], read_in_thread, &fd);
	tap_await(&reading, 2);
	start(fd, MILLISECOND, 0);
	tap_await(&reading, 102);
	settle();
	check_eq(get(&reading), 102);
	start(fd, MILLISECOND, 0);
	tap_await(&reading, 202);
	thread_join(&threads[0]);
	thread_join(&threads[1]);
}

static void signal_interrupts_a_read(void)
{
	int fd = create(CLOCK_MONOTONIC, 0);
	struct thread thread;

	set_handler(SIGUSR1, count_signal, 0);
	thread_start(&thread, read_in_thread, &fd);
	tap_await(&reading, 1);
	while (get(&thread.word)) {
		raw3(SYS_tgkill, getpid(), thread.tid, SIGUSR1);
		raw_settle();
	}
	check_eq(get(&reading), 1);
}

static void shared_with_a_child(void)
{
	int fd = create(CLOCK_MONOTONIC, 0);
	pid_t pid;

	start(fd, 10 * MILLISECOND, 0);
	pid = tap_fork();
	if (pid == 0) {
		check_eq(take(fd), 1);
		start(fd, MILLISECOND, 0);
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(take(fd), 1);
}

static void closed_while_armed(void)
{
	for (int i = 0; i < 300; i++) {
		int fd = create(clocks[i % 3], 0);

		check_eq(set_flags(fd, 0, 1 + i * 1000, 1 + i), 0);
		check_call(close(fd));
	}
}

static void survives_exec(void)
{
	int fd = create(CLOCK_MONOTONIC, 0);
	char number[16];

	snprintf(number, sizeof(number), "%d", fd);
	start(fd, 20 * MILLISECOND, 0);
	check_exits(spawn_helper("read", number, NULL), 0);
}

/* ---- the time of day is set ---- */

static void set_clock_by(long long ns)
{
	struct timespec t;
	long long time = now(CLOCK_REALTIME) + ns;

	t.tv_sec = time / SECOND;
	t.tv_nsec = time % SECOND;
	check_call(clock_settime(CLOCK_REALTIME, &t));
}

static void absolute_follows_the_clock(void)
{
	int absolute = create(CLOCK_REALTIME, TFD_NONBLOCK);
	int relative = create(CLOCK_REALTIME, TFD_NONBLOCK);
	int steady = create(CLOCK_MONOTONIC, TFD_NONBLOCK);

	check_eq(set_flags(absolute, TFD_TIMER_ABSTIME, now(CLOCK_REALTIME) + 500 * SECOND, 0), 0);
	start(relative, 500 * SECOND, 0);
	start(steady, 500 * SECOND, 0);
	set_clock_by(1000 * SECOND);
	check_eq(is_ready(absolute, -1), 1);
	check_eq(take(absolute), 1);
	check_eq(is_ready(relative, 0), 0);
	check_eq(is_ready(steady, 0), 0);
	check(left(relative) > 400 * SECOND && left(relative) <= 500 * SECOND);
	set_clock_by(-1000 * SECOND);
	/* And the other way: it has longer to go. */
	check_eq(set_flags(absolute, TFD_TIMER_ABSTIME, now(CLOCK_REALTIME) + 20 * MILLISECOND, 0),
		 0);
	set_clock_by(-1000 * SECOND);
	check(left(absolute) > 900 * SECOND);
	tap_sleep_ms(50);
	check_eq(is_ready(absolute, 0), 0);
	set_clock_by(1000 * SECOND);
	check_eq(is_ready(absolute, -1), 1);
}

static void setting_cancels(void)
{
	int fd = create(CLOCK_REALTIME, TFD_NONBLOCK);
	int flags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
	long long end = now(CLOCK_REALTIME) + 5000 * SECOND;

	check_eq(set_flags(fd, flags, end, 0), 0);
	check_eq(is_ready(fd, 0), 0);
	set_clock_by(SECOND);
	check_eq(is_ready(fd, -1), 1);
	check_eq(take(fd), -ECANCELED);
	check_eq(take(fd), -EAGAIN);
	check(left(fd) > 4000 * SECOND);
	/* Not read before it is set anew: that tells it. */
	set_clock_by(-SECOND);
	check_eq(is_ready(fd, -1), 1);
	check_eq(set_flags(fd, flags, end, 0), -ECANCELED);
	check(left(fd) > 4000 * SECOND);
	check_eq(take(fd), -EAGAIN);
	/* Without the flag, or with a time from now, nobody is told. */
	check_eq(set_flags(fd, TFD_TIMER_ABSTIME, end, 0), 0);
	set_clock_by(SECOND);
	settle();
	check_eq(is_ready(fd, 0), 0);
	check_eq(set_flags(fd, TFD_TIMER_CANCEL_ON_SET, 5000 * SECOND, 0), 0);
	set_clock_by(-SECOND);
	settle();
	check_eq(is_ready(fd, 0), 0);
}

static void cancels_while_stopped(void)
{
	int fd = create(CLOCK_REALTIME, TFD_NONBLOCK);

	check_eq(set_flags(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, 0, 0), 0);
	check_eq(left(fd), 0);
	set_clock_by(SECOND);
	check_eq(is_ready(fd, -1), 1);
	check_eq(take(fd), -ECANCELED);
	set_clock_by(-SECOND);
	check_eq(is_ready(fd, -1), 1);
	check_eq(take(fd), -ECANCELED);
}

static void cancels_a_waiting_read(void)
{
	int fd = create(CLOCK_REALTIME, 0);
	pid_t pid;

	check_eq(set_flags(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET,
			   now(CLOCK_REALTIME) + 5000 * SECOND, 0),
		 0);
	pid = tap_fork();
	if (pid == 0) {
		settle();
		set_clock_by(SECOND);
		set_clock_by(-SECOND);
		_exit(0);
	}
	check_eq(take(fd), -ECANCELED);
	check_exits(pid, 0);
}

static const struct test_case cases[] = {
	TEST(bad_creation, "bad clocks and flags"),
	TEST(bad_setting, "bad times, flags and descriptors"),
	TEST(bad_reading, "bad reads"),
	TEST(alarm_clocks_need_a_capability, "alarm clocks need a capability"),
	TEST(descriptor_flags, "TFD_CLOEXEC and TFD_NONBLOCK"),
	TEST(every_clock, "times from now and absolute times, by every clock"),
	TEST(periods_are_counted, "a read counts the periods that passed"),
	TEST(nothing_before_it_is_set, "nothing to read before it is set, or once it is stopped"),
	TEST(set_shows_the_old, "setting shows the old"),
	TEST(poll_and_select_wait, "poll and select wait for it"),
	TEST(epoll_tells_each_period, "epoll tells each period once"),
	TEST(one_reader_of_two_gets_it, "one of two readers gets it"),
	TEST(signal_interrupts_a_read, "a signal interrupts a read"),
	TEST(shared_with_a_child, "a forked child shares the timer"),
	TEST(closed_while_armed, "timers are closed while they expire"),
	TEST(survives_exec, "a timer goes on over exec"),
	TEST(absolute_follows_the_clock, "absolute times follow the time of day"),
	TEST(setting_cancels, "setting the time of day cancels"),
	TEST(cancels_while_stopped, "a stopped timer tells when the time of day is set"),
	TEST(cancels_a_waiting_read, "setting the time of day ends a waiting read"),
};

static int helper(int argc, char **argv)
{
	uint64_t ticks;

	return raw3(SYS_read, atoi(argv[1]), &ticks, 8) != 8 || ticks != 1;
}

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), helper);
}
