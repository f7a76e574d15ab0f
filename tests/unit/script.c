// sources: kernel/script.c
/* The first line of a script, in all its forms; then lines made at random, of which only sound
 * results are demanded. */
#include <string.h>
#include <tine/arch.h>
#include <tine/binprm.h>
#include <tine/err.h>

#include "tap.h"

static char line[SCRIPT_LINE_SIZE];
static char *interpreter, *argument;

static int parse(const char *text)
{
	memset(line, 0, sizeof(line));
	memcpy(line, text, strnlen(text, sizeof(line)));
	interpreter = argument = NULL;
	return script_parse(line, &interpreter, &argument);
}

static void expect(const char *text, const char *path, const char *word)
{
	CHECK(parse(text) == 0);
	CHECK(strcmp(interpreter, path) == 0);
	CHECK(word ? argument && strcmp(argument, word) == 0 : !argument);
}

static void ordinary_lines(void)
{
	expect("#!/bin/sh\necho\n", "/bin/sh", NULL);
	expect("#! \t /bin/sh \t\necho\n", "/bin/sh", NULL);
	expect("#!/bin/sh", "/bin/sh", NULL);
	expect("#!/bin/sh -x\n", "/bin/sh", "-x");
	expect("#!/usr/bin/env  python3 -u  \t \n", "/usr/bin/env", "python3 -u");
	expect("#!/bin/sh\t-e -u", "/bin/sh", "-e -u");
	expect("#!/bin/sh ", "/bin/sh", ""); /* as Linux: nothing was said to be the end */
	tap_ok("script: a path, and the rest of the line as one argument");

	CHECK(parse("#!\n") == -ENOEXEC);
	CHECK(parse("#!   \t\n") == -ENOEXEC);
	CHECK(parse("#!") == -ENOEXEC);
	CHECK(parse("# !/bin/sh\n") == -ENOEXEC);
	CHECK(parse("") == -ENOEXEC);
	tap_ok("script: no interpreter is ENOEXEC");
}

static void long_lines(void)
{
	char text[2 * SCRIPT_LINE_SIZE], path[SCRIPT_LINE_SIZE];

	/* The newline may be the last of the 256 bytes, not later. */
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	memcpy(text, "#!", 2);
	CHECK(parse(text) == -ENOEXEC);
	text[SCRIPT_LINE_SIZE] = '\n';
	CHECK(parse(text) == -ENOEXEC);
	text[SCRIPT_LINE_SIZE - 1] = '\n';
	memset(path, 'a', sizeof(path));
	path[SCRIPT_LINE_SIZE - 3] = 0;
	expect(text, path, NULL);
	tap_ok("script: a path that may have been cut is ENOEXEC");

	memset(text, 'a', sizeof(text) - 1);
	memcpy(text, "#!/bin/sh ", 10);
	path[SCRIPT_LINE_SIZE - 1 - 10] = 0;
	expect(text, "/bin/sh", path);
	tap_ok("script: an argument may be cut");

	memset(text, ' ', sizeof(text) - 1);
	memcpy(text, "#!", 2);
	CHECK(parse(text) == -ENOEXEC);
	tap_ok("script: nothing but blanks is ENOEXEC");
}

static void random_lines(void)
{
	static const char letters[] = "#!/ \t\na\0";
	unsigned int state = 1, n;

	for (unsigned int round = 0; round < 100000; round++) {
		for (unsigned int i = 0; i < sizeof(line); i++) {
			state = state * 1664525 + 1013904223;
			line[i] = letters[(state >> 24) % (sizeof(letters) - 1)];
			if (round % 2 && i > 8 && line[i] == '\n')
				line[i] = 'b';
		}
		memcpy(line, "#!", 2);
		if (script_parse(line, &interpreter, &argument))
			continue;
		n = (unsigned int)(interpreter - line);
		CHECK(n >= 2 && n < sizeof(line) && memchr(interpreter, 0, sizeof(line) - n));
		CHECK(*interpreter && !strpbrk(interpreter, " \t\n"));
		n = argument ? (unsigned int)(argument - line) : 3;
		CHECK(n > 2 && n < sizeof(line) && memchr(line + n, 0, sizeof(line) - n));
		CHECK(!argument || (*argument != ' ' && *argument != '\t'));
	}
	tap_ok("script: a hundred thousand lines at random");
}

int main(void)
{
	ordinary_lines();
	long_lines();
	random_lines();
	return tap_done();
}
