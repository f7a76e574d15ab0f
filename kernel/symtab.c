/*
 * Names for addresses in the kernel's code. The table is made by tools/symtab.py after the first
 * link and is empty during it.
 */
#include <tine/symtab.h>

extern const u32 symtab_count;
extern const u32 symtab_addresses[]; /* offsets from _stext, ascending */
extern const u32 symtab_names[];     /* offsets into symtab_strings */
extern const char symtab_strings[];
extern char _stext[], _etext[];

const char *symtab_lookup(unsigned long address, unsigned long *offset)
{
	u32 at = address - (unsigned long)_stext;
	u32 low = 0, high = symtab_count;

	if (address < (unsigned long)_stext || address >= (unsigned long)_etext)
		return NULL;
	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (symtab_addresses[middle] <= at)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return NULL;
	*offset = at - symtab_addresses[low - 1];
	return symtab_strings + symtab_names[low - 1];
}
