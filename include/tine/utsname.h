/* The names of the system (kernel/utsname.c). */
#pragma once

#include <uapi/utsname.h>

#define UTS_SYSNAME   "Linux"
#define UTS_RELEASE   "6.1.0-tine"
#define UTS_RELEASE26 "2.6.61-tine" /* for programs that expect it so (UNAME26) */
#define UTS_VERSION   "#1 SMP Tine"
#define UTS_MACHINE   "x86_64"
#define UTS_COMPILER  "gcc " __VERSION__ /* for /proc/version */

/* The two that change. */
enum uts_name { UTS_NODENAME, UTS_DOMAINNAME, UTS_NAMES };

/* Copies the name and its NUL. */
void get_uts_name(enum uts_name which, char name[UTS_LEN + 1]);
/* n < UTS_LEN + 1 bytes at name become the name. */
void set_uts_name(enum uts_name which, const char *name, unsigned int n);
/* sethostname(2) and setdomainname(2). */
long set_user_uts_name(enum uts_name which, const char __user *from, int n);

/* What current's personality changes of them. */
void personality_uname(struct new_utsname *uts);
