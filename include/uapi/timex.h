/* adjtimex(2). */
#pragma once

#include <uapi/time.h>

struct uapi_timex {
	unsigned int modes; /* ADJ_: what to set */
	long offset, freq, maxerror, esterror;
	int status; /* STA_ */
	long constant, precision, tolerance;
	struct uapi_timeval time;
	long tick;
	long ppsfreq, jitter;
	int shift;
	long stabil, jitcnt, calcnt, errcnt, stbcnt;
	int tai;
	int pad_[11];
};

_Static_assert(sizeof(struct uapi_timex) == 208, "struct timex has Linux's size");

#define ADJ_OFFSET          0x0001
#define ADJ_FREQUENCY       0x0002
#define ADJ_MAXERROR        0x0004
#define ADJ_ESTERROR        0x0008
#define ADJ_STATUS          0x0010
#define ADJ_TIMECONST       0x0020
#define ADJ_TAI             0x0080
#define ADJ_SETOFFSET       0x0100
#define ADJ_MICRO           0x1000
#define ADJ_NANO            0x2000
#define ADJ_OFFSET_READONLY 0x2000 /* with ADJ_ADJTIME */
#define ADJ_TICK            0x4000
#define ADJ_ADJTIME         0x8000 /* adjtime(3): with ADJ_OFFSET */

#define STA_PLL      0x0001
#define STA_INS      0x0010
#define STA_DEL      0x0020
#define STA_UNSYNC   0x0040
#define STA_CLOCKERR 0x1000
#define STA_NANO     0x2000
#define STA_RONLY    0xff00

#define TIME_OK    0
#define TIME_ERROR 5
