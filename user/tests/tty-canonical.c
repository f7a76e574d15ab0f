/*
 * Terminals in canonical mode: lines and what ends them, editing, echo, and what output becomes.
 */
#include "terminal.h"

#include <sched.h>

#ifndef XCASE
#define XCASE 0000004
#endif

/* A new terminal; what is typed is shown as it is, newlines included, so that echo is easy to read. */
static struct terminal quiet_terminal(void)
{
	struct terminal t = new_terminal();

	change(t.slave, LFLAG, ECHO, 0);
	return t;
}

static void a_line_is_read_when_it_ends(void)
{
	struct terminal t = quiet_terminal();

	type(t.master, "half");
	expect_nothing(t.slave);
	check_eq(readable(t.slave), 0);
	type(t.master, " a line\nnext\n");
	await_readable(t.slave, 17);
	expect_read(t.slave, "half a line\n");
	expect_read(t.slave, "next\n");
}

static void a_line_is_read_in_parts(void)
{
	struct terminal t = quiet_terminal();
	char bytes[4];

	type(t.master, "abcdef\n");
	check_eq(read(t.slave, bytes, 4), 4);
	check_bytes(bytes, 4, "abcd");
	check_eq(readable(t.slave), 3);
	expect_read(t.slave, "ef\n");
}

static void end_of_file_ends_a_read(void)
{
	struct terminal t = quiet_terminal();
	char bytes[8];

	type(t.master, "\x04");
	check_eq(read(t.slave, bytes, 8), 0);
	type(t.master, "abc\x04");
	expect_read(t.slave, "abc");
	type(t.master, "abc\x04rest\n");
	check_eq(read(t.slave, bytes, 3), 3);
	expect_read(t.slave, "rest\n"); /* and not an end of file in between */
	type(t.master, "ab\x04");
	await_readable(t.slave, 2);
}

static void other_line_ends(void)
{
	struct terminal t = quiet_terminal();

	set_char(t.slave, VEOL, ';');
	set_char(t.slave, VEOL2, '!');
	type(t.master, "a;b!c\n");
	expect_read(t.slave, "a;");
	expect_read(t.slave, "b!");
	expect_read(t.slave, "c\n");
	change(t.slave, LFLAG, IEXTEN, 0);
	type(t.master, "d!e;");
	expect_read(t.slave, "d!e;");
}

static void nonblocking_reads(void)
{
	struct terminal t = quiet_terminal();
	char c;

	set_nonblock(t.slave);
	check_errno(read(t.slave, &c, 1), EAGAIN);
	type(t.master, "x");
	settle();
	check_errno(read(t.slave, &c, 1), EAGAIN);
	type(t.master, "\n");
	poll_for(t.slave, POLLIN);
	expect_read(t.slave, "x\n");
}

static void erasing_and_killing(void)
{
	struct terminal t = quiet_terminal();

	type(t.master, "\x7fxy\x7f\x7f\x7fok\n");
	expect_read(t.slave, "ok\n");
	type(t.master, "first second  \x17third\n");
	expect_read(t.slave, "first third\n");
	type(t.master, "a-b_c9\x17\x17z\n");
	expect_read(t.slave, "z\n");
	type(t.master, "gone\x15kept\n");
	expect_read(t.slave, "kept\n");
	type(t.master, "one\n\x7f\x15two\n");
	expect_read(t.slave, "one\n");
	expect_read(t.slave, "two\n");
}

static void the_next_character_literally(void)
{
	struct terminal t = quiet_terminal();

	type(t.master, "a\x16\x7f\x16\x03\x16\x16\x16\n\x16\x04.\n");
	expect_read(t.slave, "a\x7f\x03\x16\n\x04.\n");
	change(t.slave, LFLAG, IEXTEN, 0);
	type(t.master, "a\x16"
		       "b\x17\x12.\n");
	expect_read(t.slave, "a\x16"
			     "b\x17\x12.\n");
}

static void utf8_characters_are_erased_whole(void)
{
	struct terminal t = new_terminal();

	change(t.slave, IFLAG, 0, IUTF8);
	type(t.master, "a\xc3\xa9\xe2\x82\xac\x7f\x7f"
		       "b\n");
	expect(t.master, "a\xc3\xa9\xe2\x82\xac\b \b\b \bb\r\n");
	expect_read(t.slave, "ab\n");
	change(t.slave, IFLAG, IUTF8, 0);
	type(t.master, "\xc3\xa9\x7f\n");
	expect_read(t.slave, "\xc3\n");
}

static void carriage_returns_and_newlines(void)
{
	struct terminal t = quiet_terminal();

	type(t.master, "a\r");
	expect_read(t.slave, "a\n");
	change(t.slave, IFLAG, ICRNL, INLCR);
	type(t.master, "b\nc\r\x04");
	expect_read(t.slave, "b\rc\r");
	change(t.slave, IFLAG, INLCR | ICRNL, IGNCR);
	type(t.master, "d\re\n");
	expect_read(t.slave, "de\n");
}

static void stripping_and_lower_case(void)
{
	struct terminal t = quiet_terminal();

	change(t.slave, IFLAG, 0, ISTRIP | IUCLC);
	type(t.master, "\xc1"
		       "BcD\n");
	expect_read(t.slave, "abcd\n");
	change(t.slave, IFLAG, ISTRIP | IUCLC, PARMRK);
	type(t.master, "x\xffy\n");
	expect_read(t.slave, "x\xff\xffy\n");
}

static void the_longest_line(void)
{
	struct terminal t = quiet_terminal();
	static char line[4200], got[8192];

	memset(line, 'l', sizeof(line));
	check_eq(write(t.master, line, sizeof(line)), sizeof(line));
	type(t.master, "E\nnext\n");
	await_readable(t.slave, 4096);
	check_eq(read(t.slave, got, sizeof(got)), 4096);
	check_eq(got[4094], 'l');
	check_eq(got[4095], '\n');
	expect_read(t.slave, "next\n");
}

static void a_buffer_full_of_lines_takes_no_more(void)
{
	struct terminal t = quiet_terminal();
	static char lines[4000];

	for (int i = 0; i < 4000; i++)
		lines[i] = i % 10 == 9 ? '\n' : 'x';
	check_eq(write(t.master, lines, 4000), 4000);
	check_eq(write(t.master, lines, 4000), 4000);
	await_readable(t.slave, 4090); /* the others wait */
	for (int i = 0; i < 800; i++)
		expect_read(t.slave, "xxxxxxxxx\n");
}

/* ---- echo ---- */

static void plain_echo(void)
{
	struct terminal t = new_terminal();

	type(t.master, "a\tb\x01\x1b\n");
	expect(t.master, "a\tb^A^[\r\n");
	change(t.slave, LFLAG, ECHOCTL, 0);
	type(t.master, "\x01\n");
	expect(t.master, "\x01\r\n");
	change(t.slave, LFLAG, ECHO, ECHONL);
	type(t.master, "secret\n");
	expect(t.master, "\r\n");
	change(t.slave, LFLAG, ECHONL, 0);
	type(t.master, "secret\n");
	expect_nothing(t.master);
}

static void echo_of_erasing(void)
{
	struct terminal t = new_terminal();

	type(t.master, "ab\x01\x7f\x7f");
	expect(t.master, "ab^A\b \b\b \b\b \b");
	type(t.master, "\x7f\x7f\x7f."); /* nothing left: nothing shown */
	expect(t.master, "\b \b.");
	change(t.slave, LFLAG, ECHOE, 0);
	type(t.master, "\x7f.");
	expect(t.master, "^?.");
}

static void echo_of_erasing_tabs(void)
{
	struct terminal t = new_terminal();

	type(t.master, "ab\t\x7f.");
	expect(t.master, "ab\t\b\b\b\b\b\b.");
	type(t.master, "\n\t\tx\x7f\x7f.");
	expect(t.master, "\r\n\t\tx\b \b\b\b\b\b\b\b\b\b.");
	type(t.slave, "> ");
	type(t.master, "\n");
	expect(t.master, "> \r\n");
	type(t.slave, "> ");
	expect(t.master, "> ");
	type(t.master, "a\t\x7f.");
	expect(t.master, "a\t\b\b\b\b\b.");
}

static void echo_of_words_and_lines(void)
{
	struct terminal t = new_terminal();

	type(t.master, "one two\x17.");
	expect(t.master, "one two\b \b\b \b\b \b.");
	type(t.master, "\x15.");
	expect(t.master, "\b \b\b \b\b \b\b \b\b \b.");
	change(t.slave, LFLAG, ECHOKE, 0);
	type(t.master, "\x15.");
	expect(t.master, "^U\r\n.");
	change(t.slave, LFLAG, ECHOK, 0);
	type(t.master, "\x15.");
	expect(t.master, "^U.");
	type(t.master, "\x15\x15.");
	expect(t.master, "^U.");
}

static void echo_for_printers(void)
{
	struct terminal t = new_terminal();

	change(t.slave, LFLAG, 0, ECHOPRT);
	type(t.master, "abc\x7f\x7f"
		       "d\n");
	expect(t.master, "abc\\cb/d\r\n");
	expect_read(t.slave, "ad\n");
	type(t.master, "ab\x7f\x7f\x7f.");
	expect(t.master, "ab\\ba/.");
}

static void echo_of_literals_and_reprints(void)
{
	struct terminal t = new_terminal();

	type(t.master, "a\x16\x03"
		       "b\x12.");
	expect(t.master, "a^\b^Cb^R\r\na^Cb.");
	type(t.master, "\x16\n.\n");
	expect(t.master, "^\b^J.\r\n");
	expect_read(t.slave, "a\x03"
			     "b.\n.\n");
}

static void echo_of_the_end_of_file_is_nothing(void)
{
	struct terminal t = new_terminal();

	type(t.master, "a\x04"
		       "b\n");
	expect(t.master, "ab\r\n");
}

static void echo_waits_for_the_start_of_output(void)
{
	struct terminal t = new_terminal();

	type(t.master, "\x13"
		       "bc\n");
	await_readable(t.slave, 3);
	expect_nothing(t.master);
	type(t.master, "\x11");
	expect(t.master, "bc\r\n");
}

static void echo_of_signals(void)
{
	struct terminal t = new_terminal();

	static const char *const shown[][2] = {
		{"ab", "ab"},   {"\x03", "^C"},  {"cd", "cd"},
		{"\x1a", "^Z"}, {"\x1c", "^\\"}, {".\n", ".\r\n"},
	};

	for (size_t i = 0; i < TAP_COUNT(shown); i++) {
		type(t.master, shown[i][0]);
		expect(t.master, shown[i][1]);
	}
	expect_read(t.slave, ".\n");
	change(t.slave, LFLAG, 0, NOFLSH);
	type(t.master, "ab\x03"
		       "c\n");
	expect_read(t.slave, "abc\n");
	change(t.slave, LFLAG, ISIG, 0);
	type(t.master, "a\x03"
		       "b\n");
	expect_read(t.slave, "a\x03"
			     "b\n");
}

/* ---- output ---- */

static void output_of_newlines(void)
{
	struct terminal t = new_terminal();

	type(t.slave, "a\nb");
	expect(t.master, "a\r\nb");
	change(t.slave, OFLAG, ONLCR, 0);
	type(t.slave, "a\nb");
	expect(t.master, "a\nb");
	change(t.slave, OFLAG, OPOST, ONLCR);
	type(t.slave, "a\nb\t");
	expect(t.master, "a\nb\t");
}

static void output_of_carriage_returns(void)
{
	struct terminal t = new_terminal();

	change(t.slave, OFLAG, ONLCR, OCRNL);
	type(t.slave, "a\rb");
	expect(t.master, "a\nb");
	change(t.slave, OFLAG, OCRNL, ONOCR);
	type(t.slave, "\r\r|\r\rx\n\rb");
	expect(t.master, "\r|\rx\n\rb");
	change(t.slave, OFLAG, 0, ONLRET);
	type(t.slave, "c\n\rd");
	expect(t.master, "c\nd");
}

static void output_of_tabs(void)
{
	struct terminal t = new_terminal();

	change(t.slave, OFLAG, 0, XTABS);
	type(t.slave, "a\tbc\t\t.\n\t|\b\b\t.");
	expect(t.master, "a       bc              .\r\n        |\b\b .");
	change(t.slave, IFLAG, 0, IUTF8);
	type(t.slave, "\n\xc3\xa9\t.");
	expect(t.master, "\r\n\xc3\xa9       .");
}

static void output_in_upper_case(void)
{
	struct terminal t = new_terminal();

	change(t.slave, OFLAG, 0, OLCUC);
	type(t.slave, "Mixed 1\n");
	expect(t.master, "MIXED 1\r\n");
}

static void stopped_output(void)
{
	struct terminal t = quiet_terminal();

	set_nonblock(t.slave);
	check_call(tcflow(t.slave, TCOOFF));
	check_errno(write(t.slave, "x", 1), EAGAIN);
	check_eq(poll_now(t.slave, POLLOUT), 0);
	type(t.master, "\x11.\n"); /* ^Q does not undo TCOOFF */
	await_readable(t.slave, 2);
	check_errno(write(t.slave, "x", 1), EAGAIN);
	check_call(tcflow(t.slave, TCOON));
	check_eq(poll_now(t.slave, POLLOUT), POLLOUT);
	type(t.master, "\x13.\n");
	await_readable(t.slave, 4);
	check_errno(write(t.slave, "x", 1), EAGAIN);
	check_call(tcflow(t.slave, TCOON)); /* nor TCOON ^S */
	check_errno(write(t.slave, "x", 1), EAGAIN);
	type(t.master, "\x11");
	poll_for(t.slave, POLLOUT);
	check_eq(write(t.slave, "x", 1), 1);
	check_errno(tcflow(t.slave, 9), EINVAL);
}

static void any_character_starts_output(void)
{
	struct terminal t = quiet_terminal();

	change(t.slave, IFLAG, 0, IXANY);
	type(t.master, "\x13.\n");
	expect_read(t.slave, ".\n");
	check_eq(poll_now(t.slave, POLLOUT), POLLOUT);
	change(t.slave, IFLAG, IXANY | IXON, 0);
	type(t.master, "\x13.\x11\n");
	expect_read(t.slave, "\x13.\x11\n");
}

static void switching_flow_control_off_starts_output(void)
{
	struct terminal t = quiet_terminal();

	type(t.master, "\x13.\n");
	expect_read(t.slave, ".\n");
	check_eq(poll_now(t.slave, POLLOUT), 0);
	change(t.slave, IFLAG, IXON, 0);
	check_eq(poll_now(t.slave, POLLOUT), POLLOUT);
}

static void flow_characters_are_sent(void)
{
	struct terminal t = quiet_terminal();

	check_call(tcflow(t.slave, TCIOFF));
	expect(t.master, "\x13");
	check_call(tcflow(t.slave, TCION));
	expect(t.master, "\x11");
}

static void whole_writes(void *argument)
{
	struct terminal *t = argument;
	static char line[3000];

	memset(line, 'a' + getpid() % 20, sizeof(line));
	line[sizeof(line) - 1] = '\n';
	for (int i = 0; i < 8; i++)
		check_eq(write(t->slave, line, sizeof(line)), sizeof(line));
}

static void writes_do_not_mix(void)
{
	struct terminal t = new_terminal();
	static char got[96100];
	pid_t children[4];
	long total = 0;

	change(t.slave, OFLAG, OPOST, 0);
	for (int i = 0; i < 4; i++)
		children[i] = tap_child(whole_writes, &t);
	while (total < 4 * 8 * 3000)
		total += check_call(read(t.master, got + total, 100));
	for (long i = 0; i < total; i++)
		check(got[i] == (i % 3000 == 2999 ? '\n' : got[i / 3000 * 3000]));
	for (int i = 0; i < 4; i++)
		check_exits(children[i], 0);
}

/* ---- commands ---- */

static void what_was_typed_is_flushed(void)
{
	struct terminal t = quiet_terminal();

	type(t.master, "a line\npart");
	await_readable(t.slave, 7);
	check_call(tcflush(t.slave, TCIFLUSH));
	check_eq(readable(t.slave), 0);
	type(t.master, "new\n");
	expect_read(t.slave, "new\n");
	type(t.master, "other\n");
	await_readable(t.slave, 6);
	struct termios s = get_settings(t.slave);
	check_call(tcsetattr(t.slave, TCSADRAIN, &s));
	check_eq(readable(t.slave), 6);
	check_call(tcsetattr(t.slave, TCSAFLUSH, &s));
	check_eq(readable(t.slave), 0);
	check_errno(tcflush(t.slave, 7), EINVAL);
}

static void input_can_be_simulated(void)
{
	struct terminal t = new_terminal();

	for (const char *text = "ls\x7f.\n"; *text; text++)
		check_call(ioctl(t.slave, TIOCSTI, text));
	expect_read(t.slave, "l.\n");
	expect(t.master, "ls\b \b.\r\n");
	check_errno(ioctl(t.slave, TIOCSTI, UNMAPPED_ADDRESS), EFAULT);
}

static void the_old_form_of_the_settings(void)
{
	struct terminal t = new_terminal();
	struct {
		unsigned short i, o, c, l;
		unsigned char line, cc[8];
	} old;

	check_call(ioctl(t.slave, 0x5405, &old));
	check_eq(old.l, ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN);
	check_eq(old.cc[2], 127);
	old.l &= ~ECHO;
	old.cc[2] = 8;
	check_call(ioctl(t.slave, 0x5406, &old));
	check_eq(get_settings(t.slave).c_lflag & ECHO, 0);
	check_eq(get_settings(t.slave).c_cc[VERASE], 8);
	check_eq(get_settings(t.slave).c_cc[VWERASE], 23);
	check_errno(ioctl(t.slave, 0x5405, UNMAPPED_ADDRESS), EFAULT);
	check_errno(ioctl(t.slave, 0x5408, UNMAPPED_ADDRESS), EFAULT);
}

static void any_speed(void)
{
	struct terminal t = new_terminal();
	struct {
		unsigned int i, o, c, l;
		unsigned char line, cc[19];
		unsigned int ispeed, ospeed;
	} s;

	check_call(ioctl(t.slave, 0x802c542a, &s));
	check_eq(s.ospeed, 38400);
	check_eq(s.ispeed, 38400);
	s.c = (s.c & ~0010017) | 0010000;
	s.ospeed = 12345;
	check_call(ioctl(t.slave, 0x402c542b, &s));
	check_call(ioctl(t.slave, 0x802c542a, &s));
	check_eq(s.ospeed, 12345);
	check_eq(s.ispeed, 12345);
	s.c = (s.c & ~0010017) | B115200;
	check_call(ioctl(t.slave, 0x402c542c, &s));
	check_call(ioctl(t.slave, 0x802c542a, &s));
	check_eq(s.ospeed, 115200);
	s.c &= ~(CSIZE | CREAD);
	check_call(ioctl(t.slave, 0x402c542d, &s));
	check_eq(get_settings(t.slave).c_cflag, B115200 | CS8 | CREAD);
	check_errno(ioctl(t.slave, 0x402c542d, UNMAPPED_ADDRESS), EFAULT);
}

static void small_commands(void)
{
	struct terminal t = new_terminal();
	int n = -1, two = 2;

	check_call(ioctl(t.slave, TIOCOUTQ, &n));
	check_eq(n, 0);
	check_call(ioctl(t.slave, TIOCGETD, &n));
	check_eq(n, 0);
	check_call(ioctl(t.slave, TIOCSETD, &n));
	n = 29;
	check_errno(ioctl(t.slave, TIOCSETD, &n), EINVAL);
	check_call(ioctl(t.slave, 0x80045432, &n));
	check_eq(n, 136 << 8 | t.number);
	check_call(tcsendbreak(t.slave, 0));
	check_call(tcdrain(t.slave));
	check_errno(ioctl(t.slave, TIOCMGET, &two), ENOTTY);
}

static const struct test_case cases[] = {
	TEST(a_line_is_read_when_it_ends, "a line is read when it ends, one at a time"),
	TEST(a_line_is_read_in_parts, "a line is read in parts by a small buffer"),
	TEST(end_of_file_ends_a_read, "the end-of-file character ends a read and is not in it"),
	TEST(other_line_ends, "VEOL and VEOL2 end lines too"),
	TEST(nonblocking_reads, "without a whole line a non-blocking read is EAGAIN"),
	TEST(erasing_and_killing, "erase, word erase and kill"),
	TEST(the_next_character_literally, "VLNEXT takes the next character literally"),
	TEST(utf8_characters_are_erased_whole, "IUTF8 erases whole characters"),
	TEST(carriage_returns_and_newlines, "ICRNL, INLCR and IGNCR"),
	TEST(stripping_and_lower_case, "ISTRIP, IUCLC and PARMRK"),
	TEST(the_longest_line,
	     "a line of more than 4096 bytes loses what is too much, not its end"),
	TEST(a_buffer_full_of_lines_takes_no_more,
	     "lines that do not fit wait until others are read"),
	TEST(plain_echo, "ECHO, ECHOCTL and ECHONL"),
	TEST(echo_of_erasing, "ECHOE shows what is erased"),
	TEST(echo_of_erasing_tabs, "an erased tab goes back as far as it went"),
	TEST(echo_of_words_and_lines, "word erase, and kill with ECHOK and ECHOKE"),
	TEST(echo_for_printers, "ECHOPRT"),
	TEST(echo_of_literals_and_reprints, "echo of VLNEXT and VREPRINT"),
	TEST(echo_of_the_end_of_file_is_nothing, "the end-of-file character is not shown"),
	TEST(echo_waits_for_the_start_of_output, "echo waits while output is stopped"),
	TEST(echo_of_signals, "characters that send signals: echo, flush and NOFLSH"),
	TEST(output_of_newlines, "OPOST and ONLCR"),
	TEST(output_of_carriage_returns, "OCRNL, ONOCR and ONLRET"),
	TEST(output_of_tabs, "TAB3 expands tabs"),
	TEST(output_in_upper_case, "OLCUC"),
	TEST(stopped_output, "stopped output: ^S and ^Q, TCOOFF and TCOON"),
	TEST(any_character_starts_output, "IXANY, and no IXON"),
	TEST(switching_flow_control_off_starts_output, "switching IXON off starts output"),
	TEST(flow_characters_are_sent, "TCIOFF and TCION send characters"),
	TEST(writes_do_not_mix, "writes of several processes do not mix"),
	TEST(what_was_typed_is_flushed, "TCIFLUSH and TCSAFLUSH drop what was typed"),
	TEST(input_can_be_simulated, "TIOCSTI types"),
	TEST(the_old_form_of_the_settings, "TCGETA and TCSETA"),
	TEST(any_speed, "TCGETS2 and TCSETS2 with any speed"),
	TEST(small_commands, "queues, disciplines, device numbers and breaks"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
