/* The command line (kernel/params.c), read as Linux reads it. */
#pragma once

#include <tine/types.h>

struct boot_params {
	const char *init;      /* rdinit= or init=; "/init" */
	unsigned int max_cpus; /* nr_cpus=, maxcpus= */
	int panic_timeout;     /* panic=: seconds until reboot; 0: for ever; < 0: at once */
	const char *argv[64];  /* init's arguments, [0] is init's path */
	const char *envp[64];  /* HOME=/ TERM=linux and unknown NAME=VALUE words */
};

extern struct boot_params boot_params;

/*
 * Splits the line (quotes as Linux) and sets boot_params and console_loglevel. Words are kept in a
 * copy.
 */
void params_parse(const char *command_line);
