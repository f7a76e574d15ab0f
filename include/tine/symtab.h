/*
 * Names of the kernel's functions, from the table that tools/symtab.py puts into the image
 * (kernel/symtab.c).
 */
#pragma once

#include <tine/types.h>

/*
 * The name of the function that holds address, and how far into it address is; NULL: not in the
 * kernel's code.
 */
const char *symtab_lookup(unsigned long address, unsigned long *offset);
