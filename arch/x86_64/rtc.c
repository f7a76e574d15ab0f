/*
 * The battery-backed clock behind ports 0x70 and 0x71 (the MC146818's registers). Read once, at
 * boot.
 */
#include <arch/io.h>
#include <tine/arch.h>

#define RTC_SECONDS  0x00
#define RTC_MINUTES  0x02
#define RTC_HOURS    0x04
#define RTC_DAY      0x07
#define RTC_MONTH    0x08
#define RTC_YEAR     0x09
#define RTC_STATUS_A 0x0a
#define RTC_STATUS_B 0x0b

#define A_UPDATING 0x80
#define B_24_HOURS 0x02
#define B_BINARY   0x04
#define HOUR_PM    0x80
#define MAX_TRIES  100000

struct rtc_time {
	u8 seconds, minutes, hours, day, month, year;
};

static u8 rtc_register(u8 index)
{
	outb(0x70, index);
	return inb(0x71);
}

static struct rtc_time read_registers(void)
{
	return (struct rtc_time){
		rtc_register(RTC_SECONDS), rtc_register(RTC_MINUTES), rtc_register(RTC_HOURS),
		rtc_register(RTC_DAY),     rtc_register(RTC_MONTH),   rtc_register(RTC_YEAR),
	};
}

/* A reading during which the clock did not move on. */
static struct rtc_time read_stable(void)
{
	struct rtc_time first, second;
	int tries = 0;

	do {
		while ((rtc_register(RTC_STATUS_A) & A_UPDATING) && tries < MAX_TRIES)
			tries++;
		first = read_registers();
		second = read_registers();
	} while (first.seconds != second.seconds && tries++ < MAX_TRIES);
	return second;
}

static unsigned int decode(u8 value, bool binary)
{
	return binary ? value : (value >> 4) * 10 + (value & 15);
}

/*
 * Days from 1970-01-01 to the given day of the Gregorian calendar. The year starts in March, so
 * that the leap day ends it.
 */
static u64 days_since_1970(unsigned int year, unsigned int month, unsigned int day)
{
	if (month <= 2) {
		year--;
		month += 12;
	}
	return 365ull * year + year / 4 - year / 100 + year / 400 + (153 * (month - 3) + 2) / 5 +
	       day - 1 - 719468;
}

u64 arch_rtc_seconds(void)
{
	struct rtc_time t = read_stable();
	u8 format = rtc_register(RTC_STATUS_B);
	bool binary = format & B_BINARY;
	unsigned int hours = decode(t.hours & ~HOUR_PM, binary);

	if (!(format & B_24_HOURS))
		hours = hours % 12 + (t.hours & HOUR_PM ? 12 : 0);
	return days_since_1970(2000 + decode(t.year, binary), decode(t.month, binary),
			       decode(t.day, binary)) *
		       86400 +
	       hours * 3600 + decode(t.minutes, binary) * 60 + decode(t.seconds, binary);
}
