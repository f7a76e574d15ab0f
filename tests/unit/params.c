// sources: kernel/params.c
/* The command line: which words are the kernel's, which are init's, and how quotes are read. */
#include <stdarg.h>
#include <string.h>

#include <tine/console.h>
#include <tine/params.h>
#include <tine/printk.h>
#include <tine/string.h>

#include "tap.h"

int console_printk[4];
static char consoles[128];

bool console_select(const char *name)
{
	strcat(strcat(consoles, name), ";");
	return strncmp(name, "tty", 3) == 0;
}

void printk(enum log_level level, const char *fmt, ...)
{
}

void panic(const char *fmt, ...)
{
	printf("Bail out! panic: %s\n", fmt);
	exit(1);
}

ssize_t strscpy(char *dst, const char *src, size_t size)
{
	return snprintf(dst, size, "%s", src);
}

static struct boot_params defaults;

static void parse(const char *line)
{
	boot_params = defaults;
	console_loglevel = 7;
	consoles[0] = '\0';
	params_parse(line);
}

/* The words of a list, with a bar behind each. */
static const char *joined(const char *const *list)
{
	static char text[4096];

	text[0] = '\0';
	for (; *list; list++)
		strcat(strcat(text, *list), "|");
	return text;
}

static void check_init(const char *line, const char *argv, const char *envp)
{
	parse(line);
	CHECK(strcmp(joined(boot_params.argv), argv) == 0);
	CHECK(strcmp(joined(boot_params.envp), envp) == 0);
}

#define ENV "HOME=/|TERM=linux|"

static void init_gets_the_rest(void)
{
	check_init("", "/init|", ENV);
	check_init("single word=1", "/init|single|", ENV "word=1|");
	check_init("TERM=vt100 HOME=/root", "/init|", "HOME=/root|TERM=vt100|");
	check_init("a=1 a=2", "/init|", ENV "a=2|");
	check_init("usbcore.quirks=1 printk.time", "/init|", ENV);
	check_init("file=/a.b", "/init|", ENV "file=/a.b|");
	check_init("quiet ro root=/dev/sda1 nokaslr", "/init|", ENV);
	tap_ok("params: init gets what the kernel does not know");
}

static void init_can_be_named(void)
{
	check_init("rdinit=/sbin/init", "/sbin/init|", ENV);
	check_init("auto rdinit=/bin/sh -- -c 'x", "/bin/sh|-c|'x|", ENV);
	check_init("init=/a b", "/a|b|", ENV);
	CHECK(strcmp(boot_params.init, "/a") == 0);
	tap_ok("params: init's name drops the words before it");
}

static void dashes_end_the_kernel_s_words(void)
{
	check_init("-- quiet a=1 b.c panic=3", "/init|quiet|a=1|b.c|panic=3|", ENV);
	CHECK(console_loglevel == 7 && boot_params.panic_timeout == 0);
	check_init("x -- --", "/init|x|--|", ENV);
	tap_ok("params: what follows -- is init's alone");
}

static void quotes_keep_blanks(void)
{
	check_init("a=\"b c\" d", "/init|d|", ENV "a=b c|");
	check_init("\"a=b c\" d", "/init|d|", ENV "a=b c|");
	check_init("\"two words\"", "/init|two words|", ENV);
	check_init("a=\"\" b", "/init|b|", ENV "a=|");
	check_init("a=\"never closed  ", "/init|", ENV "a=never closed  |");
	check_init("\t a \n b  ", "/init|a|b|", ENV);
	tap_ok("params: quotes keep blanks in a word, and go");
}

static void known_words(void)
{
	parse("console=ttyS0,115200 console=tty0 loglevel=3 panic=-1 nr_cpus=4 maxcpus=2");
	CHECK(strcmp(consoles, "ttyS0,115200;tty0;") == 0);
	CHECK(console_loglevel == 3);
	CHECK(boot_params.panic_timeout == -1);
	CHECK(boot_params.max_cpus == 2);
	parse("quiet nr-cpus=3");
	CHECK(console_loglevel == 4 && boot_params.max_cpus == 3);
	parse("debug maxcpus=0");
	CHECK(console_loglevel == 10 && boot_params.max_cpus == 1);
	tap_ok("params: the kernel's own words");
}

int main(void)
{
	defaults = boot_params;
	init_gets_the_rest();
	init_can_be_named();
	dashes_end_the_kernel_s_words();
	quotes_keep_blanks();
	known_words();
	return tap_done();
}
