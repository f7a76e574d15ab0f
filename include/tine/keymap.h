/* From a keyboard's scan codes to what a terminal receives (fs/dev/keymap.c). */
#pragma once

#include <tine/types.h>

struct keymap {
	u8 held;            /* modifier keys that are down */
	bool caps, numbers; /* locks */
	bool extended;      /* the code before was 0xe0 */
	u8 skip;            /* codes that belong to the Pause key */
	bool reboot;        /* Ctrl-Alt-Del was pressed; the caller clears it */
};

#define KEYMAP_LONGEST 8

/*
 * Takes a code of set 1; bytes that the terminal receives are put into out, KEYMAP_LONGEST of them
 * at most. Returns how many. The flags are the terminal's modes.
 */
unsigned int keymap_take(struct keymap *k, u8 code, bool application_cursor,
			 bool application_keypad, char *out);
