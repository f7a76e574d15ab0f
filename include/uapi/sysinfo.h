/* sysinfo(2). */
#pragma once

#define SI_LOAD_SHIFT 16

struct sysinfo {
	long uptime;
	unsigned long loads[3]; /* 1, 5 and 15 minutes, fixed point */
	unsigned long totalram, freeram, sharedram, bufferram, totalswap, freeswap;
	unsigned short procs, pad;
	unsigned int pad2;
	unsigned long totalhigh, freehigh;
	unsigned int mem_unit;
};

_Static_assert(sizeof(struct sysinfo) == 112, "struct sysinfo");
