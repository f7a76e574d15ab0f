/*
 * epoll: what is watched and for how long, what is reported and how often.
 */
#include "helpers.h"

#include <poll.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>

static int new_epoll(void)
{
	return check_call(epoll_create1(0));
}

static int control(int ep, int op, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = fd};

	return epoll_ctl(ep, op, fd, &event);
}

static void watch(int ep, int fd, uint32_t events)
{
	check_call(control(ep, EPOLL_CTL_ADD, fd, events));
}

/* The events of the one thing that is ready now; 0: nothing is. */
static uint32_t ready(int ep)
{
	struct epoll_event event;

	return check_call(epoll_wait(ep, &event, 1, 0)) ? event.events : 0;
}

static int counter(void)
{
	return check_call(eventfd(0, EFD_NONBLOCK));
}

static void give(int fd, uint64_t value)
{
	check_eq(write(fd, &value, 8), 8);
}

static uint64_t take(int fd)
{
	uint64_t value = 0;

	return read(fd, &value, 8) == 8 ? value : 0;
}

static void control_errors(void)
{
	int ep = new_epoll(), ends[2];
	int file = check_call(open("/tmp", O_TMPFILE | O_RDWR, 0600));
	int path = check_call(open("/", O_PATH));
	struct epoll_event event = {.events = EPOLLIN};

	make_pipe(ends);
	watch(ep, ends[0], EPOLLIN);
	check_errno(control(ep, EPOLL_CTL_ADD, ends[0], EPOLLIN), EEXIST);
	check_errno(control(ep, EPOLL_CTL_MOD, ends[1], EPOLLIN), ENOENT);
	check_errno(epoll_ctl(ep, EPOLL_CTL_DEL, ends[1], NULL), ENOENT);
	check_errno(control(ep, EPOLL_CTL_ADD, file, EPOLLIN), EPERM);
	check_errno(control(ends[0], EPOLL_CTL_ADD, file, EPOLLIN), EPERM);
	check_errno(control(ep, EPOLL_CTL_ADD, path, EPOLLIN), EBADF);
	check_errno(control(ep, EPOLL_CTL_ADD, ep, EPOLLIN), EINVAL);
	check_errno(control(ends[0], EPOLL_CTL_ADD, ends[1], EPOLLIN), EINVAL);
	check_errno(control(ep, 99, ends[0], EPOLLIN), EINVAL);
	check_errno(control(-1, EPOLL_CTL_ADD, ends[0], EPOLLIN), EBADF);
	check_errno(control(ep, EPOLL_CTL_ADD, -1, EPOLLIN), EBADF);
	check_errno(epoll_ctl(-1, EPOLL_CTL_ADD, -1, NULL), EFAULT);
	check_errno(epoll_ctl(ep, 99, ends[0], NULL), EFAULT);
	check_call(epoll_ctl(ep, EPOLL_CTL_DEL, ends[0], KERNEL_ADDRESS));
	check_errno(epoll_ctl(ep, EPOLL_CTL_MOD, ends[0], &event), ENOENT);
}

static void wait_errors(void)
{
	static struct epoll_event event; /* with much address space above it */
	int ep = new_epoll(), ends[2], fd = counter();

	make_pipe(ends);
	check_errno(epoll_wait(ep, &event, 0, 0), EINVAL);
	check_errno(epoll_wait(ep, &event, -1, 0), EINVAL);
	check_errno(epoll_wait(-1, &event, INT32_MAX, 0), EINVAL);
	check_eq(epoll_wait(ep, &event, INT32_MAX / 12, 0), 0);
	check_errno(epoll_wait(-1, KERNEL_ADDRESS, 1, 0), EFAULT);
	check_errno(epoll_wait(-1, &event, 1, 0), EBADF);
	check_errno(epoll_wait(ends[0], &event, 1, 0), EINVAL);
	check_eq(epoll_wait(ep, UNMAPPED_ADDRESS, 1, 0), 0);
	watch(ep, fd, EPOLLOUT | EPOLLET);
	check_errno(epoll_wait(ep, UNMAPPED_ADDRESS, 1, 0), EFAULT);
	check_eq(ready(ep), EPOLLOUT); /* it was not lost */
	check_eq(ready(ep), 0);
}

static void create_errors(void)
{
	struct rlimit limit = {4, 4};

	check_eq(raw1(SYS_epoll_create, 0), -EINVAL);
	check_eq(raw1(SYS_epoll_create, -1), -EINVAL);
	check_errno(epoll_create1(1), EINVAL);
	check_eq(fcntl(check_call(epoll_create1(EPOLL_CLOEXEC)), F_GETFD), FD_CLOEXEC);
	check_call(setrlimit(RLIMIT_NOFILE, &limit));
	check_errno(epoll_create(1), EMFILE);
}

static void level_triggered(void)
{
	int ep = new_epoll(), fd = counter();

	watch(ep, fd, EPOLLIN);
	check_eq(ready(ep), 0);
	give(fd, 1);
	check_eq(ready(ep), EPOLLIN);
	check_eq(ready(ep), EPOLLIN);
	take(fd);
	check_eq(ready(ep), 0);
	give(fd, 1);
	check_eq(ready(ep), EPOLLIN);
}

static void edge_triggered(void)
{
	int ep = new_epoll(), ends[2];
	char byte;

	make_pipe(ends);
	watch(ep, ends[0], EPOLLIN | EPOLLET);
	give_byte(ends[1], 1);
	check_eq(ready(ep), EPOLLIN);
	check_eq(ready(ep), 0);
	give_byte(ends[1], 2); /* the pipe was not empty: an edge all the same */
	check_eq(ready(ep), EPOLLIN);
	check_eq(ready(ep), 0);
	check_eq(read(ends[0], &byte, 1), 1);
	check_eq(ready(ep), 0);
	check_call(control(ep, EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLET));
	check_eq(ready(ep), EPOLLIN); /* a change asks anew */
	close(ends[1]);
	check_eq(ready(ep), EPOLLIN | EPOLLHUP);
	check_eq(ready(ep), 0);
}

static void oneshot(void)
{
	int ep = new_epoll(), fd = counter();

	watch(ep, fd, EPOLLIN | EPOLLONESHOT);
	give(fd, 1);
	check_eq(ready(ep), EPOLLIN);
	give(fd, 1);
	check_eq(ready(ep), 0);
	check_call(control(ep, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLONESHOT));
	check_eq(ready(ep), EPOLLIN);
	check_eq(ready(ep), 0);
}

static void hangup_and_error_come_unasked(void)
{
	int ep = new_epoll(), a[2], b[2];

	make_pipe(a);
	make_pipe(b);
	watch(ep, a[0], 0);
	check_eq(ready(ep), 0);
	close(a[1]);
	check_eq(ready(ep), EPOLLHUP);
	check_call(epoll_ctl(ep, EPOLL_CTL_DEL, a[0], NULL));
	watch(ep, b[1], 0);
	close(b[0]);
	check_eq(ready(ep), EPOLLERR);
}

static void many_take_turns(void)
{
	enum { N = 100 };
	int ep = new_epoll(), fds[N], seen[N] = {0};
	struct epoll_event events[7];

	for (int i = 0; i < N; i++) {
		fds[i] = counter();
		struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0x100000000ull * i};

		check_call(epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &event));
		give(fds[i], 1);
	}
	for (int i = 0; i < (N + 6) / 7; i++) {
		int n = check_call(epoll_wait(ep, events, 7, 0));

		check_eq(n, 7);
		for (int k = 0; k < n; k++)
			seen[events[k].data.u64 >> 32]++;
	}
	for (int i = 0; i < N; i++)
		check(seen[i] >= 1 && seen[i] <= 2);
}

static void the_watch_is_of_the_open_file(void)
{
	int ep = new_epoll(), fd = counter(), copy = check_call(dup(fd));

	watch(ep, fd, EPOLLIN);
	watch(ep, copy, EPOLLIN); /* one file, two descriptors: two watches */
	check_call(epoll_ctl(ep, EPOLL_CTL_DEL, copy, NULL));
	close(fd);
	give(copy, 1);
	check_eq(ready(ep), EPOLLIN); /* still open through its copy */
	check_errno(epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL), EBADF);
	check_errno(epoll_ctl(ep, EPOLL_CTL_DEL, copy, NULL), ENOENT);
	close(copy);
	check_eq(ready(ep), 0);
	fd = check_call(eventfd(1, 0));
	watch(ep, fd, EPOLLIN); /* the number is free for another file */
	check_eq(ready(ep), EPOLLIN);
}

static void a_childs_copy_keeps_the_watch(void)
{
	int ep = new_epoll(), fd = counter(), gate[2], back[2];
	pid_t pid;

	make_pipe(gate);
	make_pipe(back);
	watch(ep, fd, EPOLLIN);
	pid = tap_fork();
	if (pid == 0) {
		take_byte(gate[0]);
		give(fd, 1);
		check_eq(ready(ep), EPOLLIN); /* the epoll is shared as well */
		give_byte(back[1], 1);
		take_byte(gate[0]);
		_exit(0);
	}
	close(fd);
	give_byte(gate[1], 1);
	take_byte(back[0]);
	check_eq(ready(ep), EPOLLIN);
	give_byte(gate[1], 1);
	check_exits(pid, 0);
	check_eq(ready(ep), 0);
}

static void nested(void)
{
	int outer = new_epoll(), inner = new_epoll(), fd = counter();
	struct pollfd p = {.fd = outer, .events = POLLIN | POLLOUT};
	fd_set set;

	watch(outer, inner, EPOLLIN);
	watch(inner, fd, EPOLLIN);
	check_eq(ready(outer), 0);
	check_eq(poll(&p, 1, 0), 0);
	give(fd, 1);
	check_eq(poll(&p, 1, 0), 1);
	check_eq(p.revents, POLLIN);
	FD_ZERO(&set);
	FD_SET(inner, &set);
	check_eq(select(inner + 1, &set, NULL, NULL, NULL), 1);
	check_eq(ready(outer), EPOLLIN);
	check_eq(ready(inner), EPOLLIN);
	take(fd);
	check_eq(ready(outer), 0);
	check_eq(poll(&p, 1, 0), 0);
	give(fd, 1);
	close(inner);
	check_eq(ready(outer), 0);
}

static void loops_and_depth(void)
{
	int ep[7], ends[2];

	make_pipe(ends);
	for (int i = 0; i < 7; i++)
		ep[i] = new_epoll();
	for (int i = 1; i < 5; i++)
		watch(ep[i], ep[i - 1], EPOLLIN);
	check_errno(control(ep[5], EPOLL_CTL_ADD, ep[4], EPOLLIN), ELOOP);
	check_errno(control(ep[0], EPOLL_CTL_ADD, ep[5], EPOLLIN), ELOOP);
	check_errno(control(ep[0], EPOLL_CTL_ADD, ep[2], EPOLLIN), ELOOP);
	watch(ep[5], ep[3], EPOLLIN);
	watch(ep[0], ends[0], EPOLLIN);
	give_byte(ends[1], 1);
	check_eq(ready(ep[5]), EPOLLIN);
	check_eq(ready(ep[4]), EPOLLIN);
	close(ep[2]);
	check_eq(ready(ep[4]), 0);
	watch(ep[0], ep[5], EPOLLIN);
}

static void too_many_paths(void)
{
	int inner = new_epoll(), fd = counter(), outer;
	struct rlimit limit = {1000, 1000};

	check_call(setrlimit(RLIMIT_NOFILE, &limit));
	watch(inner, fd, EPOLLIN);
	for (int i = 0; i < 500; i++)
		watch(new_epoll(), inner, EPOLLIN);
	outer = new_epoll();
	check_errno(control(outer, EPOLL_CTL_ADD, inner, EPOLLIN), EINVAL);
	check_errno(control(outer, EPOLL_CTL_MOD, inner, EPOLLIN), ENOENT);
	give(fd, 1);
	check_eq(ready(outer), 0);
}

static void exclusive_has_rules(void)
{
	int ep = new_epoll(), fd = counter(), inner = new_epoll();

	check_errno(control(ep, EPOLL_CTL_ADD, fd, EPOLLEXCLUSIVE | EPOLLIN | EPOLLONESHOT),
		    EINVAL);
	check_errno(control(ep, EPOLL_CTL_ADD, fd, EPOLLEXCLUSIVE | EPOLLRDHUP), EINVAL);
	check_errno(control(ep, EPOLL_CTL_ADD, fd, EPOLLEXCLUSIVE | EPOLLPRI), EINVAL);
	check_errno(control(ep, EPOLL_CTL_ADD, inner, EPOLLEXCLUSIVE | EPOLLIN), EINVAL);
	watch(ep, fd, EPOLLEXCLUSIVE | EPOLLIN | EPOLLET | EPOLLWAKEUP);
	check_errno(control(ep, EPOLL_CTL_MOD, fd, EPOLLIN), EINVAL);
	check_errno(control(ep, EPOLL_CTL_MOD, fd, EPOLLEXCLUSIVE | EPOLLIN), EINVAL);
	give(fd, 1);
	check_eq(ready(ep), EPOLLIN);
}

enum { WAITERS = 4 };

/* One event, as many epolls as waiters: with EPOLLEXCLUSIVE one waiter is woken. */
static void exclusive_wakes_one(void)
{
	int fd = counter(), gate[2];
	volatile int *woken = tap_shared(4096);
	pid_t pids[WAITERS];
	char byte;

	make_pipe(gate);
	for (int i = 0; i < WAITERS; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			struct epoll_event event;
			int ep = new_epoll();

			close(gate[1]);
			watch(ep, fd, EPOLLIN | EPOLLEXCLUSIVE);
			watch(ep, gate[0], EPOLLIN);
			add(&woken[1], 1);
			check_eq(epoll_wait(ep, &event, 1, -1), 1);
			if (event.data.fd == fd)
				add(&woken[0], 1);
			check_eq(read(gate[0], &byte, 1), 0);
			_exit(0);
		}
	}
	close(gate[0]);
	tap_await(&woken[1], WAITERS);
	settle();
	give(fd, 1);
	tap_await(&woken[0], 1);
	settle();
	take(fd);
	check_eq(get(&woken[0]), 1);
	close(gate[1]);
	for (int i = 0; i < WAITERS; i++)
		check_exits(pids[i], 0);
}

static void wait_sleeps_until_there_is_an_event(void)
{
	int ep = new_epoll(), ends[2];
	struct epoll_event event;
	pid_t pid;

	make_pipe(ends);
	watch(ep, ends[0], EPOLLIN);
	pid = tap_fork();
	if (pid == 0) {
		settle();
		give_byte(ends[1], 1);
		_exit(0);
	}
	check_eq(epoll_wait(ep, &event, 1, -1), 1);
	check_eq(event.data.fd, ends[0]);
	check_exits(pid, 0);
}

static void a_watch_added_while_waiting(void)
{
	int ep = new_epoll(), fd = check_call(eventfd(1, 0));
	struct epoll_event event;
	pid_t pid = tap_fork();

	if (pid == 0) {
		settle();
		watch(ep, fd, EPOLLIN);
		_exit(0);
	}
	check_eq(epoll_wait(ep, &event, 1, -1), 1);
	check_exits(pid, 0);
}

static void time_outs(void)
{
	int ep = new_epoll();
	struct epoll_event event;
	struct timespec wrong = {0, -1}, past = {0, 1000000000}, some = {0, 3000000};
	long long before = tap_now();

	check_eq(epoll_wait(ep, &event, 1, 5), 0);
	check(tap_now() - before >= 5000000);
	before = tap_now();
	check_eq(raw6(SYS_epoll_pwait2, ep, &event, 1, &some, NULL, 0), 0);
	check(tap_now() - before >= 3000000);
	check_eq(raw6(SYS_epoll_pwait2, ep, &event, 1, &wrong, NULL, 0), -EINVAL);
	check_eq(raw6(SYS_epoll_pwait2, -1, &event, 0, &past, NULL, 0), -EINVAL);
	check_eq(raw6(SYS_epoll_pwait2, ep, &event, 1, UNMAPPED_ADDRESS, NULL, 0), -EFAULT);
	check_eq(raw6(SYS_epoll_pwait, ep, &event, 1, 0, &event, 4), -EINVAL);
	check_eq(raw6(SYS_epoll_pwait, ep, &event, 1, 0, UNMAPPED_ADDRESS, 8), -EFAULT);
	check_eq(raw6(SYS_epoll_pwait, ep, &event, 1, 0, NULL, 4), 0);
}

static volatile sig_atomic_t handled;

static void handler(int signal)
{
	handled = signal;
}

static void pwait_lets_signals_in(void)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
	int ep = new_epoll(), fd = check_call(eventfd(1, 0));
	struct epoll_event event;
	sigset_t blocked, none;

	sigemptyset(&none);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	check_call(sigaction(SIGUSR1, &action, NULL));
	check_call(sigprocmask(SIG_BLOCK, &blocked, NULL));
	raise(SIGUSR1);
	check_eq(epoll_wait(ep, &event, 1, 1), 0);
	check_eq(handled, 0);
	check_errno(epoll_pwait(ep, &event, 1, -1, &none), EINTR);
	check_eq(handled, SIGUSR1);
	handled = 0;
	raise(SIGUSR1);
	check_eq(handled, 0); /* the mask is back */
	watch(ep, fd, EPOLLIN);
	check_eq(epoll_pwait(ep, &event, 1, -1, &none), 1); /* events come first */
	check_eq(handled, 0);
}

static void watches_are_counted(void)
{
	int file = check_call(open("/proc/sys/fs/epoll/max_user_watches", O_RDWR));
	int ep = new_epoll(), a = counter(), b = counter(), n;
	char old[32];

	n = check_call(read(file, old, sizeof(old)));
	check_eq(pwrite(file, "1", 1, 0), 1);
	watch(ep, a, EPOLLIN);
	n = control(ep, EPOLL_CTL_ADD, b, EPOLLIN) == -1 && errno == ENOSPC;
	check_call(epoll_ctl(ep, EPOLL_CTL_DEL, a, NULL));
	n &= control(ep, EPOLL_CTL_ADD, b, EPOLLIN) == 0;
	close(ep);
	ep = new_epoll();
	n &= control(ep, EPOLL_CTL_ADD, a, EPOLLIN) == 0;
	check_call(pwrite(file, old, strlen(old), 0));
	check_eq(n, 1);
}

static void what_it_is_as_a_file(void)
{
	char path[64], name[64] = "";
	int ep = new_epoll();

	snprintf(path, sizeof(path), "/proc/self/fd/%d", ep);
	check_call(readlink(path, name, sizeof(name) - 1));
	check(strcmp(name, "anon_inode:[eventpoll]") == 0);
	check_errno(read(ep, name, 8), EINVAL);
	check_errno(write(ep, name, 8), EINVAL);
	check_eq(fcntl(ep, F_GETFL), O_RDWR);
	check_eq(lseek(ep, 3, SEEK_SET), 0);
}

enum { ROUNDS = 3000 };

/* Every event goes to one of the waiters, and none is lost. */
static void waiters_share_the_events(void)
{
	int ep = new_epoll(), fd = check_call(eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE));
	volatile int *taken = tap_shared(4096);
	pid_t pids[WAITERS];

	watch(ep, fd, EPOLLIN | EPOLLET);
	for (int i = 0; i < WAITERS; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			struct epoll_event event;

			while (get(taken) < ROUNDS) {
				check_call(epoll_wait(ep, &event, 1, -1));
				while (take(fd))
					add(taken, 1);
			}
			give(fd, 1); /* the next one ends as well */
			_exit(0);
		}
	}
	for (int i = 0; i < ROUNDS; i++)
		give(fd, 1);
	for (int i = 0; i < WAITERS; i++)
		check_exits(pids[i], 0);
}

/* Files come and go on one CPU while another waits for them. */
static void closing_while_waiting(void)
{
	int ep = new_epoll(), stop = counter();
	pid_t pid;

	watch(ep, stop, EPOLLIN);
	pid = tap_fork();
	if (pid == 0) {
		struct epoll_event event;

		do
			check_eq(epoll_wait(ep, &event, 1, -1), 1);
		while (event.data.fd != stop);
		_exit(0);
	}
	for (int i = 0; i < ROUNDS; i++) {
		int ends[2];

		make_pipe(ends);
		watch(ep, ends[0], EPOLLIN | (i % 2 ? EPOLLET : 0));
		give_byte(ends[1], 1);
		close(ends[i % 2]);
		close(ends[!(i % 2)]);
	}
	give(stop, 1);
	check_exits(pid, 0);
}

/* Watches, and nested epolls, change on several CPUs at once. */
static void changing_on_all_cpus(void)
{
	int outer = new_epoll(), inner = new_epoll(), fd = counter();
	pid_t pids[WAITERS];

	watch(outer, inner, EPOLLIN);
	for (int i = 0; i < WAITERS; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			for (int n = 0; n < ROUNDS / 3; n++) {
				struct epoll_event event = {.events = EPOLLIN};

				epoll_ctl(inner, EPOLL_CTL_ADD, fd, &event);
				give(fd, 1);
				check_call(epoll_wait(outer, &event, 1, 0));
				epoll_ctl(inner, EPOLL_CTL_DEL, fd, NULL);
				take(fd);
				if (i == 0 && n % 8 == 0)
					close(check_call(dup(inner)));
				check_call(epoll_wait(inner, &event, 1, 0));
			}
			_exit(0);
		}
	}
	for (int i = 0; i < WAITERS; i++)
		check_exits(pids[i], 0);
}

static const struct test_case cases[] = {
	TEST(control_errors, "epoll: epoll_ctl: errors in order"),
	TEST(wait_errors, "epoll: epoll_wait: errors in order; EFAULT loses no event"),
	TEST(create_errors, "epoll: epoll_create and epoll_create1: errors and flags"),
	TEST(level_triggered, "epoll: level-triggered: reported while it lasts"),
	TEST(edge_triggered, "epoll: edge-triggered: reported when something happens"),
	TEST(oneshot, "epoll: EPOLLONESHOT: reported once until it is armed again"),
	TEST(hangup_and_error_come_unasked, "epoll: hang-up and error come unasked"),
	TEST(many_take_turns, "epoll: what is ready takes turns"),
	TEST(the_watch_is_of_the_open_file, "epoll: a watch lasts as long as the open file"),
	TEST(a_childs_copy_keeps_the_watch, "epoll: fork: a child's copy keeps the file watched"),
	TEST(nested, "epoll: an epoll in an epoll, poll and select"),
	TEST(loops_and_depth, "epoll: loops, and more than five epolls deep, are ELOOP"),
	TEST(too_many_paths, "epoll: too many epolls of an epoll are EINVAL"),
	TEST(exclusive_has_rules, "epoll: EPOLLEXCLUSIVE: what goes with it"),
	TEST(exclusive_wakes_one, "epoll: EPOLLEXCLUSIVE: of four epolls one is woken"),
	TEST(wait_sleeps_until_there_is_an_event, "epoll: epoll_wait sleeps until an event"),
	TEST(a_watch_added_while_waiting, "epoll: a watch that is added wakes who waits"),
	TEST(time_outs, "epoll: time-outs, and what is wrong with them"),
	TEST(pwait_lets_signals_in, "epoll: epoll_pwait: the mask, and no restart"),
	TEST(watches_are_counted, "epoll: a user's watches are limited: ENOSPC"),
	TEST(what_it_is_as_a_file, "epoll: what it is as a file"),
	TEST(waiters_share_the_events, "epoll: four waiters share the events, none is lost"),
	TEST(closing_while_waiting, "epoll: watched files are closed while another waits"),
	TEST(changing_on_all_cpus, "epoll: watches change on all CPUs at once"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
