/* The names of the system (kernel/utsname.c). */
#ifndef TINE_UTSNAME_H
#define TINE_UTSNAME_H

#include <uapi/utsname.h>

#define UTS_SYSNAME  "Linux"
#define UTS_RELEASE  "6.1.0-tine"
#define UTS_VERSION  "#1 SMP Tine"
#define UTS_MACHINE  "x86_64"
#define UTS_COMPILER "gcc " __VERSION__ /* for /proc/version */

/* Copies the host name and its NUL. */
void get_hostname(char name[UTS_LEN + 1]);
/* n < UTS_LEN + 1 bytes at name become the host name. */
void set_hostname(const char *name, unsigned int n);

#endif
