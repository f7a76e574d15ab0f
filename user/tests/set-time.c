/* Setting the clock: adjtimex, clock_adjtime, settimeofday; and the older calls that set files' times. */
#include "helpers.h"

#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>

#define SECOND 1000000000LL

static long long now(clockid_t clock)
{
	struct timespec t;

	check_eq(raw2(SYS_clock_gettime, clock, &t), 0);
	return t.tv_sec * SECOND + t.tv_nsec;
}

static long adjust(struct timex *t)
{
	return raw1(SYS_adjtimex, t);
}

/* ---- adjtimex ---- */

static void reading(void)
{
	struct timex t = {0};

	check(adjust(&t) >= 0);
	check_eq(t.tick, 10000);
	check_eq(t.precision, 1);
	check_eq(t.tolerance, 32768000);
	check_eq(t.freq, 0);
	check_eq(t.offset, 0);
	check(llabs(t.time.tv_sec * SECOND - now(CLOCK_REALTIME)) < 10 * SECOND);
	check(t.time.tv_usec >= 0 && t.time.tv_usec < 1000000);
	check(raw2(SYS_clock_adjtime, CLOCK_REALTIME, &t) >= 0);
}

static void anybody_may_read(void)
{
	struct timex read = {.modes = ADJ_OFFSET_SS_READ}, all = {0};

	check_call(setuid(12345));
	check(adjust(&all) >= 0);
	check(adjust(&read) >= 0);
	check_eq(read.offset, 0);
}

static void nobody_else_may_set(void)
{
	static const unsigned modes[] = {ADJ_NANO,   ADJ_STATUS,    ADJ_TICK,
					 ADJ_TAI,    ADJ_SETOFFSET, ADJ_OFFSET_SINGLESHOT,
					 ADJ_OFFSET, ADJ_FREQUENCY, 0x40};

	check_call(setuid(12345));
	for (size_t i = 0; i < TAP_COUNT(modes); i++) {
		struct timex t = {.modes = modes[i], .time.tv_usec = -1};

		check_eq(adjust(&t), -EPERM);
	}
	check_eq(adjust(&(struct timex){.modes = 0x8000}), -EINVAL);
}

static void bad_adjustments(void)
{
	static const struct timex bad[] = {
		{.modes = 0x8000},
		{.modes = ADJ_TICK, .tick = 8999},
		{.modes = ADJ_TICK, .tick = 11001},
		{.modes = ADJ_SETOFFSET, .time = {0, -1}},
		{.modes = ADJ_SETOFFSET, .time = {0, 1000000}},
		{.modes = ADJ_SETOFFSET | ADJ_NANO, .time = {0, SECOND}},
		{.modes = ADJ_SETOFFSET, .time = {-5000000000, 0}},
		{.modes = ADJ_SETOFFSET, .time = {0x7fffffffffffffff, 0}},
	};

	for (size_t i = 0; i < TAP_COUNT(bad); i++) {
		struct timex t = bad[i];

		check_eq(adjust(&t), -EINVAL);
	}
	check_eq(raw1(SYS_adjtimex, UNMAPPED_ADDRESS), -EFAULT);
	check_eq(raw1(SYS_adjtimex, KERNEL_ADDRESS), -EFAULT);
	check_eq(raw2(SYS_clock_adjtime, 1000, UNMAPPED_ADDRESS), -EFAULT);
}

static void other_clocks(void)
{
	struct timex t = {0};

	check_eq(raw2(SYS_clock_adjtime, 10, &t), -EINVAL);
	check_eq(raw2(SYS_clock_adjtime, 1000, &t), -EINVAL);
	check_eq(raw2(SYS_clock_adjtime, -5, &t), -EINVAL);
	check_eq(raw2(SYS_clock_adjtime, CLOCK_MONOTONIC, &t), -EOPNOTSUPP);
	check_eq(raw2(SYS_clock_adjtime, CLOCK_TAI, &t), -EOPNOTSUPP);
	check_eq(raw2(SYS_clock_adjtime, CLOCK_PROCESS_CPUTIME_ID, &t), -EOPNOTSUPP);
	check_eq(raw2(SYS_clock_adjtime, -2, &t), -EOPNOTSUPP);
}

static void what_is_said_is_told(void)
{
	struct timex t = {.modes = ADJ_STATUS | ADJ_NANO, .status = STA_PLL};

	check_eq(adjust(&t), TIME_OK);
	check_eq(t.status, STA_PLL | STA_NANO);
	t = (struct timex){.modes = ADJ_MAXERROR | ADJ_ESTERROR | ADJ_TIMECONST,
			   .maxerror = 1000,
			   .esterror = -5,
			   .constant = 3};
	check_eq(adjust(&t), TIME_OK);
	check(t.maxerror >= 1000 && t.maxerror < 100000);
	check_eq(t.esterror, 0);
	check_eq(t.constant, 3);
	t = (struct timex){.modes = ADJ_MICRO};
	check_eq(adjust(&t), TIME_OK);
	check(!(t.status & STA_NANO));
	t = (struct timex){.modes = ADJ_TIMECONST, .constant = 3};
	check_eq(adjust(&t), TIME_OK);
	check_eq(t.constant, 7);
	t = (struct timex){.modes = ADJ_TIMECONST, .constant = 1000};
	check_eq(adjust(&t), TIME_OK);
	check_eq(t.constant, 10);
	t = (struct timex){.modes = ADJ_STATUS, .status = STA_UNSYNC | 0xff00};
	check_eq(adjust(&t), TIME_ERROR);
	check_eq(t.status, STA_UNSYNC);
}

static void nothing_to_change(void)
{
	check(adjust(&(struct timex){.modes = ADJ_FREQUENCY}) >= 0);
	check(adjust(&(struct timex){.modes = ADJ_OFFSET}) >= 0);
	check(adjust(&(struct timex){.modes = ADJ_TICK, .tick = 10000}) >= 0);
	check(adjust(&(struct timex){.modes = ADJ_OFFSET_SINGLESHOT}) >= 0);
}

static void atomic_time_has_an_offset(void)
{
	struct timex t = {.modes = ADJ_TAI, .constant = 37};
	long long distance;

	check(adjust(&t) >= 0);
	check_eq(t.tai, 37);
	distance = now(CLOCK_TAI) - now(CLOCK_REALTIME);
	check(distance > 36 * SECOND && distance <= 37 * SECOND);
	t = (struct timex){.modes = ADJ_TAI, .constant = -1};
	check(adjust(&t) >= 0);
	check_eq(t.tai, 37);
	t = (struct timex){.modes = ADJ_TAI, .constant = 0};
	check(adjust(&t) >= 0);
	check_eq(t.tai, 0);
}

static void an_offset_moves_the_clock(void)
{
	struct timex t = {.modes = ADJ_SETOFFSET, .time = {1000, 0}};
	long long real = now(CLOCK_REALTIME), steady = now(CLOCK_MONOTONIC);

	check_eq(adjust(&t), TIME_ERROR);
	check_eq(t.maxerror, 16000000);
	check(now(CLOCK_REALTIME) - real >= 1000 * SECOND);
	check(now(CLOCK_MONOTONIC) - steady < 500 * SECOND);
	/* Back by a thousand seconds and a half, forth by the half. */
	t = (struct timex){.modes = ADJ_SETOFFSET | ADJ_NANO, .time = {-1001, SECOND / 2}};
	check(adjust(&t) >= 0);
	t = (struct timex){.modes = ADJ_SETOFFSET | ADJ_MICRO, .time = {0, 500000}};
	check(adjust(&t) >= 0);
	check(now(CLOCK_REALTIME) - real < 500 * SECOND);
}

/* ---- settimeofday ---- */

static void time_of_day_is_set(void)
{
	struct timeval before, tv;

	check_call(gettimeofday(&before, NULL));
	tv = before;
	tv.tv_sec += 1000;
	check_eq(raw2(SYS_settimeofday, &tv, NULL), 0);
	check(now(CLOCK_REALTIME) >= tv.tv_sec * SECOND);
	check_call(gettimeofday(&tv, NULL));
	tv.tv_sec -= 1000;
	check_eq(raw2(SYS_settimeofday, &tv, NULL), 0);
	check(now(CLOCK_REALTIME) < (before.tv_sec + 500) * SECOND);
	check_eq(raw2(SYS_settimeofday, NULL, NULL), 0);
}

static void bad_times_of_day(void)
{
	static const struct timeval bad[] = {
		{5, -1}, {5, 1000001}, {5, 1000000}, {-1, 0}, {0x7fffffffffffffff, 0}, {0, 0}};
	struct timeval good = {2000000000, 0};
	struct timezone zone = {901, 0};

	for (size_t i = 0; i < TAP_COUNT(bad); i++)
		check_eq(raw2(SYS_settimeofday, &bad[i], NULL), -EINVAL);
	check_eq(raw2(SYS_settimeofday, NULL, &zone), -EINVAL);
	zone.tz_minuteswest = -901;
	check_eq(raw2(SYS_settimeofday, NULL, &zone), -EINVAL);
	check_eq(raw2(SYS_settimeofday, UNMAPPED_ADDRESS, NULL), -EFAULT);
	check_eq(raw2(SYS_settimeofday, &good, UNMAPPED_ADDRESS), -EFAULT);
	check_eq(raw2(SYS_settimeofday, &bad[0], UNMAPPED_ADDRESS), -EINVAL);
	check_eq(raw2(SYS_settimeofday, &bad[3], UNMAPPED_ADDRESS), -EFAULT);
	check_call(setuid(12345));
	check_eq(raw2(SYS_settimeofday, &good, NULL), -EPERM);
	check_eq(raw2(SYS_settimeofday, NULL, &zone), -EPERM);
	check_eq(raw2(SYS_settimeofday, NULL, NULL), -EPERM);
	check_eq(raw2(SYS_settimeofday, &bad[3], NULL), -EINVAL);
}

static void zone_is_kept(void)
{
	struct timezone zone = {0, 1}, seen = {7, 7};
	struct timeval tv;

	check_eq(raw2(SYS_settimeofday, NULL, &zone), 0);
	zone = (struct timezone){-60, 2};
	check_eq(raw2(SYS_settimeofday, NULL, &zone), 0);
	check_eq(raw2(SYS_gettimeofday, &tv, &seen), 0);
	check_eq(seen.tz_minuteswest, -60);
	check_eq(seen.tz_dsttime, 2);
	zone = (struct timezone){0, 0};
	check_eq(raw2(SYS_settimeofday, NULL, &zone), 0);
	check_eq(raw2(SYS_gettimeofday, NULL, &seen), 0);
	check_eq(seen.tz_minuteswest, 0);
}

/* ---- files ---- */

static struct stat status(const char *path)
{
	struct stat s;

	check_call(stat(path, &s));
	return s;
}

static void old_calls_set_times(void)
{
	struct timeval tv[2] = {{1000, 1}, {2000, 999999}};
	long buffer[2] = {3000, 4000};
	struct stat s;
	int fd;

	go_home();
	make_file("file", "x");
	check_eq(raw2(SYS_utimes, "file", tv), 0);
	s = status("file");
	check_eq(s.st_atim.tv_sec, 1000);
	check_eq(s.st_atim.tv_nsec, 1000);
	check_eq(s.st_mtim.tv_sec, 2000);
	check_eq(s.st_mtim.tv_nsec, 999999000);
	check_eq(raw2(SYS_utime, "file", buffer), 0);
	s = status("file");
	check_eq(s.st_atim.tv_sec, 3000);
	check_eq(s.st_mtim.tv_sec, 4000);
	check_eq(s.st_mtim.tv_nsec, 0);
	fd = check_call(open(".", O_RDONLY | O_DIRECTORY));
	check_eq(raw3(SYS_futimesat, fd, "file", tv), 0);
	check_eq(status("file").st_mtim.tv_sec, 2000);
	close(fd);
	fd = check_call(open("file", O_RDONLY));
	tv[1].tv_sec = 5000;
	check_eq(raw3(SYS_futimesat, fd, NULL, tv), 0);
	check_eq(status("file").st_mtim.tv_sec, 5000);
	check_eq(raw2(SYS_utime, "file", NULL), 0);
	check(status("file").st_mtim.tv_sec > 1700000000);
	check_call(unlink("file"));
	leave_home();
}

static void old_calls_refuse(void)
{
	static const struct timeval bad[][2] = {{{0, -1}, {0, 0}},
						{{0, 1000000}, {0, 0}},
						{{0, 0}, {0, -1}},
						{{0, 0}, {0, 1000000}}};

	go_home();
	make_file("file", "x");
	for (size_t i = 0; i < TAP_COUNT(bad); i++)
		check_eq(raw2(SYS_utimes, "file", bad[i]), -EINVAL);
	check_eq(raw2(SYS_utimes, "none", bad[0]), -EINVAL);
	check_eq(raw2(SYS_utimes, "none", NULL), -ENOENT);
	check_eq(raw2(SYS_utime, "none", NULL), -ENOENT);
	check_eq(raw2(SYS_utimes, "file", UNMAPPED_ADDRESS), -EFAULT);
	check_eq(raw2(SYS_utime, "none", UNMAPPED_ADDRESS), -EFAULT);
	check_eq(raw2(SYS_utime, NULL, NULL), -EFAULT);
	check_eq(raw3(SYS_futimesat, -1, "file", NULL), -EBADF);
	check_eq(raw3(SYS_futimesat, -1, NULL, NULL), -EBADF);
	check_call(unlink("file"));
	leave_home();
}

static const struct test_case cases[] = {
	TEST(reading, "adjtimex tells of the clock"),
	TEST(anybody_may_read, "anybody may read"),
	TEST(nobody_else_may_set, "only the privileged may set"),
	TEST(bad_adjustments, "bad adjustments"),
	TEST(other_clocks, "other clocks cannot be adjusted"),
	TEST(what_is_said_is_told, "status, errors and time constant are kept"),
	TEST(nothing_to_change, "adjustments that change nothing"),
	TEST(atomic_time_has_an_offset, "atomic time is ahead by what was said"),
	TEST(an_offset_moves_the_clock, "an offset moves the clock at once"),
	TEST(time_of_day_is_set, "settimeofday sets the clock"),
	TEST(bad_times_of_day, "bad times of day are refused in order"),
	TEST(zone_is_kept, "the time zone is kept"),
	TEST(old_calls_set_times, "utime, utimes and futimesat set files' times"),
	TEST(old_calls_refuse, "utime, utimes and futimesat refuse"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
