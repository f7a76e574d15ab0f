/*
 * adjtimex(2) and clock_adjtime(2): what a time daemon reads and sets.
 *
 * The clock can be set by an offset at once, and what the daemon thinks of it (status, errors, time
 * constant, TAI's distance) is kept and told. Its rate cannot be changed: one factor turns the TSC
 * into time, for the kernel and every program, from boot on. So a frequency, a tick or an offset to
 * be worked off, other than none, is refused, and so is a leap second.
 *
 * As on Linux the error grows by 500 microseconds a second from what it was set to, and setting the
 * clock makes it unknown.
 *
 * Lock: adjtime_lock guards state.
 */
#include <tine/cred.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/time.h>
#include <tine/timers.h>
#include <tine/uaccess.h>
#include <uapi/timex.h>

#define ERROR_MAX      16000000 /* us: unknown */
#define ERROR_GROWTH   500      /* us a second */
#define TICK_US        10000    /* a tick of USER_HZ */
#define TICK_US_MIN    9000
#define TICK_US_MAX    11000
#define TIME_CONST_MAX 10
#define TAI_MAX        100000
#define FREQ_TOLERANCE 32768000

static struct spinlock adjtime_lock = SPINLOCK_INIT(LOCK_CLASS_ADJTIME);

static struct {
	int status;
	long maxerror, esterror, constant;
	u64 error_time; /* when maxerror was that */
	u64 set_count;  /* of the clock, when the errors were known */
} state = {STA_UNSYNC, ERROR_MAX, ERROR_MAX, 2, 0, 0};

static long clamp_long(long value, long max)
{
	return value < 0 ? 0 : MIN(value, max);
}

/* --- With the lock held --- */

static void age_state(void)
{
	u64 seconds = (ktime_get() - state.error_time) / NSEC_PER_SEC, count = clock_set_count();

	state.error_time += seconds * NSEC_PER_SEC;
	state.maxerror += (long)MIN(seconds, ERROR_MAX) * ERROR_GROWTH;
	if (state.set_count != count) {
		state.set_count = count;
		state.maxerror = state.esterror = ERROR_MAX + 1;
	}
	if (state.maxerror > ERROR_MAX)
		state.status |= STA_UNSYNC;
	state.maxerror = MIN(state.maxerror, ERROR_MAX);
	state.esterror = MIN(state.esterror, ERROR_MAX);
}

static void apply(const struct uapi_timex *t)
{
	bool nano;

	if (t->modes & ADJ_STATUS)
		state.status = (state.status & STA_RONLY) | (t->status & ~STA_RONLY);
	if (t->modes & ADJ_NANO)
		state.status |= STA_NANO;
	if (t->modes & ADJ_MICRO)
		state.status &= ~STA_NANO;
	nano = state.status & STA_NANO;
	if (t->modes & ADJ_MAXERROR) {
		state.maxerror = clamp_long(t->maxerror, ERROR_MAX);
		state.error_time = ktime_get();
	}
	if (t->modes & ADJ_ESTERROR)
		state.esterror = clamp_long(t->esterror, ERROR_MAX);
	if (t->modes & ADJ_TIMECONST)
		state.constant = clamp_long(
			clamp_long(t->constant, TIME_CONST_MAX) + (nano ? 0 : 4), TIME_CONST_MAX);
}

static int tell(struct uapi_timex *t)
{
	u64 now = ktime_get_real();
	bool nano = state.status & STA_NANO;

	*t = (struct uapi_timex){
		.modes = t->modes,
		.maxerror = state.maxerror,
		.esterror = state.esterror,
		.status = state.status,
		.constant = state.constant,
		.precision = 1,
		.tolerance = FREQ_TOLERANCE,
		.time = {(long)(now / NSEC_PER_SEC),
			 (long)(now % NSEC_PER_SEC / (nano ? 1 : NSEC_PER_USEC))},
		.tick = TICK_US,
		.tai = tai_offset(),
	};
	return state.status & (STA_UNSYNC | STA_CLOCKERR) ? TIME_ERROR : TIME_OK;
}

/* --- Checking, in Linux's order --- */

static int check_offset(const struct uapi_timex *t)
{
	long max = t->modes & ADJ_NANO ? NSEC_PER_SEC : NSEC_PER_SEC / NSEC_PER_USEC;

	return t->time.tv_usec < 0 || t->time.tv_usec >= max ? -EINVAL : 0;
}

static int check_modes(const struct uapi_timex *t)
{
	bool changes = t->modes && !((t->modes & ADJ_ADJTIME) && (t->modes & ADJ_OFFSET_READONLY));

	if ((t->modes & ADJ_ADJTIME) && !(t->modes & ADJ_OFFSET))
		return -EINVAL;
	if (changes && !capable(CAP_SYS_TIME))
		return -EPERM;
	if (!(t->modes & ADJ_ADJTIME) && (t->modes & ADJ_TICK) &&
	    (t->tick < TICK_US_MIN || t->tick > TICK_US_MAX))
		return -EINVAL;
	return t->modes & ADJ_SETOFFSET ? check_offset(t) : 0;
}

/* It asks for another rate, or a leap second. */
static bool changes_rate(const struct uapi_timex *t)
{
	bool works_off = state.status & STA_PLL;

	if (t->modes & ADJ_ADJTIME)
		return !(t->modes & ADJ_OFFSET_READONLY) && t->offset;
	if (t->modes & ADJ_STATUS)
		works_off = t->status & STA_PLL;
	return ((t->modes & ADJ_FREQUENCY) && t->freq) ||
	       ((t->modes & ADJ_TICK) && t->tick != TICK_US) ||
	       ((t->modes & ADJ_OFFSET) && works_off && t->offset) ||
	       ((t->modes & ADJ_STATUS) && (t->status & (STA_INS | STA_DEL)));
}

/* --- All of it together --- */

static int step_clock(const struct uapi_timex *t)
{
	long unit = t->modes & ADJ_NANO ? 1 : NSEC_PER_USEC;
	u64 now = ktime_get_real();
	struct uapi_timespec ts;
	u64 ns;

	if (__builtin_add_overflow((long)(now / NSEC_PER_SEC), t->time.tv_sec, &ts.tv_sec))
		return -EINVAL;
	ns = now % NSEC_PER_SEC + (u64)(t->time.tv_usec * unit);
	ts.tv_sec += (long)(ns / NSEC_PER_SEC);
	ts.tv_nsec = (long)(ns % NSEC_PER_SEC);
	return set_time_of_day(&ts);
}

static long do_adjtimex(struct uapi_timex *t)
{
	bool sets = !(t->modes & ADJ_ADJTIME);
	long result = check_modes(t);

	if (!result && changes_rate(t))
		result = -EINVAL;
	if (!result && (t->modes & ADJ_SETOFFSET))
		result = step_clock(t);
	if (result)
		return result;
	if (sets && (t->modes & ADJ_TAI) && t->constant >= 0 && t->constant <= TAI_MAX)
		set_tai_offset((int)t->constant);
	spin_lock(&adjtime_lock);
	age_state();
	if (sets)
		apply(t);
	result = tell(t);
	spin_unlock(&adjtime_lock);
	return result;
}

long sys_adjtimex(struct uapi_timex __user *user)
{
	struct uapi_timex t;
	long result;

	if (copy_from_user(&t, user, sizeof(t)))
		return -EFAULT;
	result = do_adjtimex(&t);
	return copy_to_user(user, &t, sizeof(t)) ? -EFAULT : result;
}

long sys_clock_adjtime(clockid_t clock, struct uapi_timex __user *user)
{
	struct uapi_timex t;
	long result;

	if (copy_from_user(&t, user, sizeof(t)))
		return -EFAULT;
	result = clock == CLOCK_REALTIME ? do_adjtimex(&t) : clock_check_adjust(clock);
	return result >= 0 && copy_to_user(user, &t, sizeof(t)) ? -EFAULT : result;
}
