/*
 * The command line, read as Linux reads it (Documentation/admin-guide/kernel-parameters.txt): words
 * between blanks, where double quotes keep blanks in a word; '-' and '_' are the same in a known
 * word's name. What the kernel does not know is init's: with '=' its environment, without its
 * arguments; but a '.' in the name marks a module's parameter, and those are nobody's here. After
 * "--" everything is init's arguments.
 */
#include <tine/console.h>
#include <tine/params.h>
#include <tine/printk.h>
#include <tine/string.h>

#define COPY_SIZE      2048
#define DEFAULT_INIT   "/init"
#define QUIET_LOGLEVEL 4
#define DEBUG_LOGLEVEL 10

struct boot_params boot_params = {
	.init = DEFAULT_INIT,
	.max_cpus = ~0u,
	.argv = {DEFAULT_INIT},
	.envp = {"HOME=/", "TERM=linux"},
};

static char copy[COPY_SIZE]; /* the words live here */

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* A decimal number, perhaps negative; what is no number is 0. */
static int number(const char *s)
{
	bool negative = *s == '-';
	int value = 0;

	for (s += negative; *s >= '0' && *s <= '9' && value < 100000000; s++)
		value = value * 10 + *s - '0';
	return negative ? -value : value;
}

/* ---- words that the kernel knows ---- */

static void set_console(const char *value)
{
	if (!console_select(value))
		printk(LOG_WARNING, "console=%s: there is no such console\n", value);
}

/* As on Linux, arguments for init that came before its name were not meant for it. */
static void set_init(const char *value)
{
	memset(boot_params.argv, 0, sizeof(boot_params.argv));
	boot_params.init = boot_params.argv[0] = value;
}

static void set_quiet(const char *value)
{
	console_loglevel = QUIET_LOGLEVEL;
}

static void set_debug(const char *value)
{
	console_loglevel = DEBUG_LOGLEVEL;
}

static void set_loglevel(const char *value)
{
	console_loglevel = number(value);
}

static void set_panic(const char *value)
{
	boot_params.panic_timeout = number(value);
}

/* maxcpus=0 means the boot CPU alone, as maxcpus=1 does. */
static void set_max_cpus(const char *value)
{
	boot_params.max_cpus = MIN(boot_params.max_cpus, (unsigned int)MAX(number(value), 1));
}

static void set_nosmp(const char *value)
{
	boot_params.max_cpus = 1;
}

/*
 * About devices or machines that Tine does not have: Linux takes the word, so init is not to see
 * it.
 */
static void set_nothing(const char *value)
{
}

static const struct param {
	const char *name;
	bool has_value;
	void (*set)(const char *value);
} params[] = {
	{"console", true, set_console},     {"debug", false, set_debug},
	{"init", true, set_init},           {"loglevel", true, set_loglevel},
	{"maxcpus", true, set_max_cpus},    {"nosmp", false, set_nosmp},
	{"nr_cpus", true, set_max_cpus},    {"panic", true, set_panic},
	{"quiet", false, set_quiet},        {"rdinit", true, set_init},

	{"earlyprintk", true, set_nothing}, {"mitigations", true, set_nothing},
	{"nokaslr", false, set_nothing},    {"ro", false, set_nothing},
	{"root", true, set_nothing},        {"rw", false, set_nothing},
	{"tsc", true, set_nothing},
};

static bool same_name(const char *word, const char *name)
{
	for (; *word && *name; word++, name++)
		if (*word != *name && !(*word == '-' && *name == '_'))
			return false;
	return *word == *name;
}

/* ---- the others ---- */

static void add_argument(const char *word)
{
	unsigned int n = 0;

	while (boot_params.argv[n])
		n++;
	if (n == ARRAY_SIZE(boot_params.argv) - 1)
		panic("Too many boot init vars at `%s'", word);
	boot_params.argv[n] = word;
}

/* word is NAME=VALUE, the name of that length; a later value replaces an earlier one. */
static void add_environment(const char *word, size_t name_length)
{
	unsigned int n = 0;

	while (boot_params.envp[n] && strncmp(boot_params.envp[n], word, name_length + 1) != 0)
		n++;
	if (n == ARRAY_SIZE(boot_params.envp) - 1)
		panic("Too many boot env vars at `%s'", word);
	boot_params.envp[n] = word;
}

/* word is cut at its '=', if it has one. */
static void take_word(char *word)
{
	char *value = strchr(word, '=');

	if (value)
		*value = 0;
	for (size_t i = 0; i < ARRAY_SIZE(params); i++) {
		if (same_name(word, params[i].name) && (value || !params[i].has_value)) {
			params[i].set(value ? value + 1 : "");
			return;
		}
	}
	if (strchr(word, '.'))
		return;
	if (value) {
		*value = '=';
		add_environment(word, value - word);
	} else {
		add_argument(word);
	}
}

/* Takes the quotes off: around the whole word, or around the value after its first '='. */
static char *unquote(char *word, size_t length)
{
	char *equals = strchr(word, '=');

	if (length > 0 && word[length - 1] == '"' && strchr(word, '"') != &word[length - 1])
		word[--length] = 0;
	if (word[0] == '"')
		return word + 1;
	if (equals && equals[1] == '"')
		memmove(equals + 1, equals + 2, word + length - equals - 1);
	return word;
}

/* The next word, ended by NUL; *at moves behind it. NULL: there is none. */
static char *next_word(char **at)
{
	bool quoted = false;
	char *word, *end;

	while (is_blank(**at))
		(*at)++;
	if (!**at)
		return NULL;
	word = end = *at;
	for (; *end && (quoted || !is_blank(*end)); end++)
		quoted ^= *end == '"';
	*at = *end ? end + 1 : end;
	*end = 0;
	return unquote(word, end - word);
}

void params_parse(const char *command_line)
{
	char *at = copy, *word;
	bool after_dashes = false;

	strscpy(copy, command_line, sizeof(copy));
	while ((word = next_word(&at)) != NULL) {
		if (after_dashes)
			add_argument(word);
		else if (strcmp(word, "--") == 0)
			after_dashes = true;
		else
			take_word(word);
	}
}
