/* Ending it all (kernel/reboot.c). */
#pragma once

#include <tine/types.h>

/* Ctrl-Alt-Del was pressed: reboots, or tells init (SIGINT), as reboot(2) was told to. Any context.
 */
void ctrl_alt_del(void);
