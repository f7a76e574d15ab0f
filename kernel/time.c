/*
 * Keeping time.
 *
 * There is one clock, the architecture's count of nanoseconds since boot. The time of day is that
 * plus an offset, which is found at boot from the clock that runs on the battery and changed by
 * clock_settime(2). Tine's other clocks are the same two under other names: nothing ever suspends
 * the machine, so CLOCK_BOOTTIME is CLOCK_MONOTONIC; nothing disciplines the clock, so is
 * CLOCK_MONOTONIC_RAW. CLOCK_TAI is CLOCK_REALTIME plus what adjtimex(2) was told.
 *
 * A sleep that ends at a time of day must look at the clock again when that was set: such sleepers
 * also wait in clock_was_set.
 *
 * real_offset is one aligned word, read and written whole, so needs no lock.
 */
#include <tine/cred.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/time.h>
#include <tine/timers.h>
#include <tine/uaccess.h>
#include <tine/wait_queue.h>

/* Times later than this minus thirty years of running cannot be set, as on Linux: the clock would
 * wrap. */
#define SETTABLE_SEC_MAX (KTIME_MAX / NSEC_PER_SEC - 30ull * 365 * 24 * 3600)

static u64 real_offset; /* nanoseconds from the start of 1970 to boot */
static u64 set_count;   /* how often that changed; atomic */
static int tai_seconds; /* CLOCK_TAI is ahead by so much */
static u64 zone;        /* a struct timezone that somebody has set */
static struct wait_queue clock_was_set = WAIT_QUEUE_INIT(clock_was_set);

u64 ktime_get(void)
{
	return arch_clock_ns();
}

u64 ktime_get_real(void)
{
	return arch_clock_ns() + READ_ONCE(real_offset);
}

u64 ktime_get_tai(void)
{
	return ktime_get_real() + (u64)READ_ONCE(tai_seconds) * NSEC_PER_SEC;
}

int tai_offset(void)
{
	return READ_ONCE(tai_seconds);
}

void set_tai_offset(int seconds)
{
	WRITE_ONCE(tai_seconds, seconds);
	wake_up_all(&clock_was_set);
}

void ktime_set_real(u64 ns)
{
	WRITE_ONCE(real_offset, ns - arch_clock_ns());
	__atomic_fetch_add(&set_count, 1, __ATOMIC_SEQ_CST);
	arch_set_user_clock(real_offset, zone);
	wake_up_all(&clock_was_set);
}

int timespec_to_ns(const struct uapi_timespec *ts, u64 *ns)
{
	if (ts->tv_sec < 0 || (u64)ts->tv_nsec >= NSEC_PER_SEC)
		return -EINVAL;
	if ((u64)ts->tv_sec >= KTIME_MAX / NSEC_PER_SEC)
		*ns = KTIME_MAX;
	else
		*ns = (u64)ts->tv_sec * NSEC_PER_SEC + (u64)ts->tv_nsec;
	return 0;
}

int get_timespec_ns(const struct uapi_timespec __user *ts, u64 *ns)
{
	struct uapi_timespec value;

	if (get_user(value, ts))
		return -EFAULT;
	return timespec_to_ns(&value, ns);
}

struct uapi_timespec ns_to_timespec(u64 ns)
{
	return (struct uapi_timespec){.tv_sec = (long)(ns / NSEC_PER_SEC),
				      .tv_nsec = (long)(ns % NSEC_PER_SEC)};
}

struct uapi_timeval ns_to_timeval(u64 ns)
{
	return (struct uapi_timeval){.tv_sec = (long)(ns / NSEC_PER_SEC),
				     .tv_usec = (long)(ns % NSEC_PER_SEC / NSEC_PER_USEC)};
}

u64 deadline_left(const struct deadline *deadline)
{
	u64 now, left;

	if (deadline->ns == KTIME_MAX)
		return ~0ull;
	/* The task whose clock it was is gone: the time will not come. */
	if (clock_read(deadline->clock, &now))
		return ~0ull;
	left = deadline->ns > now ? deadline->ns - now : 0;
	/* A process that runs on every CPU gets there that much sooner. */
	if (left && clock_is_cpu(deadline->clock))
		left = MAX(left / nr_cpus, NSEC_PER_MSEC);
	return left;
}

static bool is_settable(clockid_t clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM || clock == CLOCK_TAI;
}

static __noinline bool schedule_until_late(const struct deadline *deadline)
{
	bool settable = is_settable(deadline->clock);
	struct wait_entry entry;
	u64 left;

	if (settable) {
		wait_entry_init(&entry);
		add_wait_entry(&clock_was_set, &entry);
	}
	left = deadline_left(deadline);
	if (left)
		schedule_timeout(left);
	set_current_state(TASK_RUNNING);
	if (settable)
		remove_wait_entry(&clock_was_set, &entry);
	return deadline_left(deadline) == 0;
}

bool schedule_until(const struct deadline *deadline)
{
	if (deadline->ns != KTIME_MAX)
		return schedule_until_late(deadline);
	schedule();
	return false;
}

/* --- Timers by a clock --- */

/* The clock was set: fn looks at it. Another arming comes after this one. */
static bool clock_timer_wake(struct wait_entry *entry, u64 key)
{
	struct clock_timer *timer = container_of(entry, struct clock_timer, set);

	timer_arm(&timer->timer, 0);
	return false;
}

void clock_timer_setup(struct clock_timer *timer, void (*fn)(struct timer *timer, u64 now),
		       void *arg)
{
	timer_setup(&timer->timer, fn, arg);
	wait_entry_init(&timer->set);
	timer->set.wake = clock_timer_wake;
}

static void stop_watching(struct clock_timer *timer)
{
	if (!list_empty(&timer->set.link))
		remove_wait_entry(&clock_was_set, &timer->set);
}

void clock_timer_arm(struct clock_timer *timer, clockid_t clock, u64 expires)
{
	const struct deadline deadline = {clock, expires};
	u64 offset, left;
	int tai;

	if (is_settable(clock))
		add_wait_entry(&clock_was_set, &timer->set);
	else
		stop_watching(timer);
	do { /* as long as the clock is set meanwhile */
		offset = READ_ONCE(real_offset);
		tai = tai_offset();
		left = deadline_left(&deadline);
		if (left <= KTIME_MAX)
			timer_arm(&timer->timer, ktime_get() + left);
		else
			timer_disarm(&timer->timer);
		smp_mb();
	} while (offset != READ_ONCE(real_offset) || tai != tai_offset());
}

void clock_timer_watch(struct clock_timer *timer)
{
	add_wait_entry(&clock_was_set, &timer->set);
}

u64 clock_set_count(void)
{
	return __atomic_load_n(&set_count, __ATOMIC_SEQ_CST);
}

void clock_timer_disarm(struct clock_timer *timer)
{
	stop_watching(timer);
	timer_disarm(&timer->timer);
}

void clock_timer_cancel(struct clock_timer *timer)
{
	stop_watching(timer);
	timer_cancel(&timer->timer);
}

/* --- Setting it --- */

static int check_time_of_day(const struct uapi_timespec *ts)
{
	u64 ns;

	return timespec_to_ns(ts, &ns) || (u64)ts->tv_sec >= SETTABLE_SEC_MAX ? -EINVAL : 0;
}

/* 0, EINVAL (Linux will not set a time before 1970 plus the time since boot), EPERM. */
int set_time_of_day(const struct uapi_timespec *ts)
{
	u64 ns;

	if (timespec_to_ns(ts, &ns) || check_time_of_day(ts))
		return -EINVAL;
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	if (ns < ktime_get())
		return -EINVAL;
	ktime_set_real(ns);
	return 0;
}

long sys_clock_settime(clockid_t clock, const struct uapi_timespec __user *from)
{
	struct uapi_timespec ts;
	u64 now;

	if (clock != CLOCK_REALTIME && clock >= 0)
		return -EINVAL;
	if (get_user(ts, from))
		return -EFAULT;
	if (clock < 0)
		return clock_read(clock, &now) ? -EINVAL : -EPERM;
	return set_time_of_day(&ts);
}

struct uapi_timezone {
	int tz_minuteswest, tz_dsttime;
};

union zone_word {
	u64 word;
	struct uapi_timezone value;
};

#define MAX_MINUTES_WEST (15 * 60)

long sys_gettimeofday(struct uapi_timeval __user *tv, struct uapi_timezone __user *tz)
{
	union zone_word shown = {READ_ONCE(zone)};

	if (tv && put_user(ns_to_timeval(ktime_get_real()), tv))
		return -EFAULT;
	if (tz && put_user(shown.value, tz))
		return -EFAULT;
	return 0;
}

/* Linux lets a whole second of microseconds pass here, and refuses it as a timespec. */
static int get_timeval(const struct uapi_timeval __user *tv, struct uapi_timespec *ts)
{
	struct uapi_timeval value;

	if (get_user(value, tv))
		return -EFAULT;
	if ((u64)value.tv_usec > NSEC_PER_SEC / NSEC_PER_USEC)
		return -EINVAL;
	ts->tv_sec = value.tv_sec;
	ts->tv_nsec = value.tv_usec * (long)NSEC_PER_USEC;
	return 0;
}

/* The first zone, if no time comes with it, says that the clock at boot was read as if it showed
 * UTC, and that it showed local time. */
static int set_zone(union zone_word new, bool alone)
{
	static u32 was_set;
	long west = new.value.tz_minuteswest;

	if (west > MAX_MINUTES_WEST || west < -MAX_MINUTES_WEST)
		return -EINVAL;
	WRITE_ONCE(zone, new.word);
	if (__atomic_exchange_n(&was_set, 1, __ATOMIC_SEQ_CST) || !alone)
		west = 0;
	if (west)
		ktime_set_real(ktime_get_real() + (u64)(west * 60 * (long)NSEC_PER_SEC));
	else
		arch_set_user_clock(real_offset, zone);
	return 0;
}

long sys_settimeofday(const struct uapi_timeval __user *tv, const struct uapi_timezone __user *tz)
{
	struct uapi_timespec ts;
	union zone_word new;
	int error = tv ? get_timeval(tv, &ts) : 0;

	if (!error && tz && get_user(new.value, tz))
		error = -EFAULT;
	if (!error && tv)
		error = check_time_of_day(&ts);
	if (error)
		return error;
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	if (tz)
		error = set_zone(new, !tv);
	return error || !tv ? error : set_time_of_day(&ts);
}

long sys_time(time_t __user *to)
{
	time_t now = (time_t)(ktime_get_real() / NSEC_PER_SEC);

	if (to && put_user(now, to))
		return -EFAULT;
	return now;
}

void time_init(void)
{
	ktime_set_real(arch_rtc_seconds() * NSEC_PER_SEC);
}
