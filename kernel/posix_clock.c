/*
 * The clocks of clock_gettime(2), clock_getres(2) and clock_nanosleep(2).
 *
 * The fixed ones are a table, in which a row is a clock. Negative numbers are the CPU clocks of one
 * thread or process, made by clock_getcpuclockid(3): the complement of the task's number above
 * three bits that say what is counted. CLOCK_PROCESS_CPUTIME_ID and CLOCK_THREAD_CPUTIME_ID are the
 * caller's own of these under positive numbers.
 *
 * The alarm clocks would wake the machine from its sleep; it never sleeps, so only their privilege
 * is left. The coarse clocks show the precise ones cut to a multiple of the tick that Debian's
 * Linux has, which is their resolution.
 */
#include <tine/cred.h>
#include <tine/rusage.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/time.h>
#include <tine/timers.h>
#include <tine/uaccess.h>

/* Bits of a CPU clock's number. */
#define CPU_CLOCK_WHICH  3
#define CPU_CLOCK_VIRT   1 /* user time */
#define CPU_CLOCK_SCHED  2 /* as precisely as the scheduler knows */
#define CPU_CLOCK_THREAD 4
#define CLOCK_OF_DESCRIPTOR \
	3 /* all three bits: not a CPU clock, but the device behind a descriptor; there is none */
#define MAKE_CPU_CLOCK(pid, bits) ((clockid_t)(~(u32)(pid) << 3 | (bits)))
#define CPU_CLOCK_PID(clock)      ((pid_t) ~((clock) >> 3))

struct clock {
	u64 (*now)(void); /* NULL: alias is a CPU clock */
	clockid_t alias;
	u64 resolution;
	bool sleeps; /* clock_nanosleep(2) takes it; timer_create(2) too, and all CPU clocks */
	bool alarm;  /* only from the privileged */
};

static u64 monotonic_coarse(void)
{
	return ktime_get() / TICK_NS * TICK_NS;
}

static u64 real_coarse(void)
{
	return ktime_get_real() / TICK_NS * TICK_NS;
}

static const struct clock clocks[] = {
	[CLOCK_REALTIME] = {.now = ktime_get_real, .resolution = 1, .sleeps = true},
	[CLOCK_MONOTONIC] = {.now = ktime_get, .resolution = 1, .sleeps = true},
	[CLOCK_PROCESS_CPUTIME_ID] = {.alias = MAKE_CPU_CLOCK(0, CPU_CLOCK_SCHED),
				      .resolution = 1,
				      .sleeps = true},
	[CLOCK_THREAD_CPUTIME_ID] = {.alias = MAKE_CPU_CLOCK(0, CPU_CLOCK_SCHED | CPU_CLOCK_THREAD),
				     .resolution = 1},
	[CLOCK_MONOTONIC_RAW] = {.now = ktime_get, .resolution = 1},
	[CLOCK_REALTIME_COARSE] = {.now = real_coarse, .resolution = TICK_NS},
	[CLOCK_MONOTONIC_COARSE] = {.now = monotonic_coarse, .resolution = TICK_NS},
	[CLOCK_BOOTTIME] = {.now = ktime_get, .resolution = 1, .sleeps = true},
	[CLOCK_REALTIME_ALARM] = {.now = ktime_get_real,
				  .resolution = 1,
				  .sleeps = true,
				  .alarm = true},
	[CLOCK_BOOTTIME_ALARM] = {.now = ktime_get, .resolution = 1, .sleeps = true, .alarm = true},
	[CLOCK_TAI] = {.now = ktime_get_tai, .resolution = 1, .sleeps = true},
};

static const struct clock *find_clock(clockid_t id)
{
	if (id < 0 || (u32)id >= ARRAY_SIZE(clocks) || !clocks[id].resolution)
		return NULL;
	return &clocks[id];
}

static bool is_descriptor_clock(clockid_t id)
{
	return id < 0 && (id & (CPU_CLOCK_THREAD | CPU_CLOCK_WHICH)) == CLOCK_OF_DESCRIPTOR;
}

bool clock_is_cpu(clockid_t id)
{
	const struct clock *clock = find_clock(id);

	return id < 0 || (clock && !clock->now);
}

static bool is_own_thread(clockid_t id)
{
	pid_t nr = CPU_CLOCK_PID(id);

	return id < 0 && (id & CPU_CLOCK_THREAD) && (!nr || nr == task_pid_vnr(current));
}

int clock_check_sleeper(clockid_t id, int flags)
{
	const struct clock *clock = find_clock(id);

	if (is_own_thread(id))
		return -EINVAL;
	if (!clock || !clock->alarm)
		return 0;
	if (flags & ~TIMER_ABSTIME)
		return -EINVAL;
	return capable(CAP_WAKE_ALARM) ? 0 : -EPERM;
}

u64 cpu_clock_value(clockid_t id, const struct cpu_time *used)
{
	return used->user + ((id & CPU_CLOCK_WHICH) == CPU_CLOCK_VIRT ? 0 : used->system);
}

/* What a CPU clock of task shows. task is current or tasklist_lock is held. */
static u64 cpu_clock_sample(clockid_t id, struct task_struct *task)
{
	struct cpu_time time;

	time = id & CPU_CLOCK_THREAD ? thread_cpu_time(task) : process_cpu_time(task);
	return cpu_clock_value(id, &time);
}

/* May current ask about task's clock? Any process (by its number, or that of the calling thread);
 * threads of its own process. */
static bool cpu_clock_allowed(clockid_t id, const struct task_struct *task)
{
	if (id & CPU_CLOCK_THREAD)
		return same_thread_group(task, current);
	return task == current || thread_group_leader(task);
}

static int cpu_clock_read(clockid_t id, u64 *ns)
{
	struct task_struct *task;
	int error = -EINVAL;

	if ((id & CPU_CLOCK_WHICH) > CPU_CLOCK_SCHED)
		return -EINVAL;
	if (!CPU_CLOCK_PID(id)) {
		*ns = cpu_clock_sample(id, current);
		return 0;
	}
	spin_lock(&tasklist_lock);
	task = find_task_by_vpid(CPU_CLOCK_PID(id));
	if (task && cpu_clock_allowed(id, task)) {
		*ns = cpu_clock_sample(id, task);
		error = 0;
	}
	spin_unlock(&tasklist_lock);
	return error;
}

int clock_read(clockid_t id, u64 *ns)
{
	const struct clock *clock = find_clock(id);

	if (id < 0)
		return cpu_clock_read(id, ns);
	if (!clock)
		return -EINVAL;
	if (!clock->now)
		return cpu_clock_read(clock->alias, ns);
	*ns = clock->now();
	return 0;
}

int clock_check_adjust(clockid_t id)
{
	return is_descriptor_clock(id) || (id >= 0 && !find_clock(id)) ? -EINVAL : -EOPNOTSUPP;
}

int clock_check_sleep(clockid_t id)
{
	const struct clock *clock = find_clock(id);

	if (id < 0)
		return is_descriptor_clock(id) ? -EOPNOTSUPP : 0;
	if (!clock)
		return -EINVAL;
	return clock->sleeps ? 0 : -EOPNOTSUPP;
}

u64 wall_clock_now(clockid_t id)
{
	return clocks[id].now();
}

int clock_check_timer(clockid_t id)
{
	const struct clock *clock = find_clock(id);

	if (id < 0)
		return is_descriptor_clock(id) ? -EOPNOTSUPP : 0;
	if (!clock)
		return -EINVAL;
	return clock->sleeps || !clock->now ? 0 : -EOPNOTSUPP;
}

/* The thread whose CPU time id counts; NULL for a process, which is current's own. */
static int get_clock_thread(clockid_t id, struct task_struct **thread)
{
	pid_t nr = CPU_CLOCK_PID(id);
	struct task_struct *task;
	int error = 0;

	if ((id & CPU_CLOCK_WHICH) > CPU_CLOCK_SCHED)
		return -EINVAL;
	task = nr ? find_get_task_by_vpid(nr) : current;
	if (!task)
		return -EINVAL;
	if (!nr)
		get_task_struct(task);
	if (!same_thread_group(task, current) ||
	    (!(id & CPU_CLOCK_THREAD) && nr && !thread_group_leader(task)))
		error = -EINVAL;
	if (!error && (id & CPU_CLOCK_THREAD))
		*thread = task;
	else
		put_task_struct(task);
	return error;
}

int get_timer_clock(clockid_t id, clockid_t *clock, struct task_struct **thread)
{
	if (id >= 0 && clocks[id].now) {
		*clock = id;
		return clocks[id].alarm && !capable(CAP_WAKE_ALARM) ? -EPERM : 0;
	}
	*clock = id < 0 ? id : clocks[id].alias;
	return get_clock_thread(*clock, thread);
}

long sys_clock_gettime(clockid_t id, struct uapi_timespec __user *to)
{
	u64 ns;
	int error = clock_read(id, &ns);

	if (error)
		return error;
	return put_user(ns_to_timespec(ns), to);
}

long sys_clock_getres(clockid_t id, struct uapi_timespec __user *to)
{
	const struct clock *clock = find_clock(id);
	u64 ns;

	if (id < 0) {
		if (cpu_clock_read(id, &ns))
			return -EINVAL;
		ns = (id & CPU_CLOCK_WHICH) == CPU_CLOCK_SCHED ? 1 : TICK_NS;
	} else {
		if (!clock)
			return -EINVAL;
		ns = clock->resolution;
	}
	return to ? put_user(ns_to_timespec(ns), to) : 0;
}
