/* The processor's random numbers: RDRAND, which may run dry for a moment. */
#include <arch/cpufeature.h>
#include <tine/arch.h>
#include <tine/string.h>

#define MAX_TRIES 10 /* Intel SDM volume 1, section 7.3.17 */

static bool rdrand(u64 *value)
{
	bool ok;

	for (int i = 0; i < MAX_TRIES; i++) {
		__asm__ volatile("rdrand %0" : "=r"(*value), "=@ccc"(ok));
		if (ok)
			return true;
	}
	return false;
}

bool arch_random(void *buf, size_t n)
{
	u8 *to = buf;
	u64 value;

	while (n > 0) {
		size_t part = MIN(n, sizeof(value));

		if (!cpu_features.rdrand || !rdrand(&value))
			return false;
		memcpy(to, &value, part);
		to += part;
		n -= part;
	}
	return true;
}
