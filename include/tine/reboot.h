/* Ending it all (kernel/reboot.c). */
#ifndef TINE_REBOOT_H
#define TINE_REBOOT_H

#include <tine/types.h>

/* Ctrl-Alt-Del was pressed: reboots, or tells init (SIGINT), as reboot(2) was told to. Any context.
 */
void ctrl_alt_del(void);

#endif
