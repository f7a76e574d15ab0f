/*
 * The program of all suites of threads: pthread-NAME-LIBC, or app-pthread-NAME with the shared C
 * library, runs the suite NAME. And what they share.
 */
#include "pthreads.h"

#include <dirent.h>

pthread_t start(thread_function function, void *argument)
{
	pthread_t thread;

	check_eq(pthread_create(&thread, NULL, function, argument), 0);
	return thread;
}

void start_many(pthread_t *threads, int count, thread_function function)
{
	pthread_attr_t attributes;

	check_eq(pthread_attr_init(&attributes), 0);
	check_eq(pthread_attr_setstacksize(&attributes, SMALL_STACK), 0);
	for (long i = 0; i < count; i++)
		check_eq(pthread_create(&threads[i], &attributes, function, (void *)i), 0);
	check_eq(pthread_attr_destroy(&attributes), 0);
}

void *join(pthread_t thread)
{
	void *result;

	check_eq(pthread_join(thread, &result), 0);
	return result;
}

void join_many(pthread_t *threads, int count)
{
	for (int i = 0; i < count; i++)
		join(threads[i]);
}

void gate_wait(struct gate *gate)
{
	check_eq(pthread_mutex_lock(&gate->mutex), 0);
	add(&gate->waiting, 1);
	while (!gate->is_open)
		check_eq(pthread_cond_wait(&gate->changed, &gate->mutex), 0);
	check_eq(pthread_mutex_unlock(&gate->mutex), 0);
}

void gate_open(struct gate *gate)
{
	check_eq(pthread_mutex_lock(&gate->mutex), 0);
	gate->is_open = 1;
	check_eq(pthread_cond_broadcast(&gate->changed), 0);
	check_eq(pthread_mutex_unlock(&gate->mutex), 0);
}

void tell_tid(volatile int *tid)
{
	set(tid, raw_gettid());
}

void await_asleep(const volatile int *tid)
{
	char path[64], text[512], *state;
	int fd, n;

	tap_await(tid, 1);
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", get(tid));
	for (;;) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return;
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
		if (n <= 0)
			return;
		text[n] = '\0';
		state = strrchr(text, ')');
		check(state);
		if (state[2] == 'S')
			return;
		sched_yield();
	}
}

int count_threads(void)
{
	DIR *directory = opendir("/proc/self/task");
	struct dirent *entry;
	int count = 0;

	check(directory);
	while ((entry = readdir(directory)))
		count += entry->d_name[0] != '.';
	closedir(directory);
	return count;
}

void await_threads(int count)
{
	while (count_threads() != count)
		sched_yield();
}

struct timespec from_now(clockid_t clock, long ms)
{
	struct timespec time;

	check_call(clock_gettime(clock, &time));
	time.tv_sec += ms / 1000;
	time.tv_nsec += ms % 1000 * 1000000;
	if (time.tv_nsec >= 1000000000) {
		time.tv_sec++;
		time.tv_nsec -= 1000000000;
	}
	return time;
}

char *own_path(void)
{
	return self_path;
}

long exec_helper(const char *verb, const char *argument)
{
	return raw_exec_helper(verb, argument, NULL);
}

static int helper(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	if (strcmp(argv[0], "first") == 0)
		end_first(argv[1]);
	return atoi(argv[1]);
}

/* The suite that `path`, .../pthread-NAME-LIBC or .../app-pthread-NAME, names. */
static const struct suite *find_suite(const char *path)
{
	const char *name = strrchr(path, '/');
	size_t length;

	name = strstr(name ? name : path, "pthread-");
	if (!name)
		return NULL;
	name += 8;
	length = strcspn(name, "-");
	for (const struct suite *const *suite = __start_suites; suite < __stop_suites; suite++)
		if (strlen((*suite)->name) == length && strncmp(name, (*suite)->name, length) == 0)
			return *suite;
	return NULL;
}

int main(int argc, char **argv)
{
	const struct suite *suite = find_suite(argv[0]);

	if (!suite) {
		fprintf(stderr, "%s: there is no suite of this name\n", argv[0]);
		return 2;
	}
	return exec_main(argc, argv, suite->cases, suite->count, helper);
}
