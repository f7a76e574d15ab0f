/*
 * The first line of a script: `#!`, the path of an interpreter, and at most one argument, which is
 * all the rest of the line however many words it has.
 *
 * Only the first 255 bytes of the file count. A line that is longer is cut there, and that is good
 * enough if the cut is in the argument, since the interpreter reads the script itself and can find
 * out; but a path that may have been cut is refused. A NUL ends what is looked at too. Pure;
 * tests/unit/script.c tries it.
 */
#include <tine/binprm.h>
#include <tine/err.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static char *skip_blanks(char *s, const char *end)
{
	while (s < end && is_blank(*s))
		s++;
	return s;
}

static char *skip_word(char *s, const char *end)
{
	while (s < end && *s && !is_blank(*s))
		s++;
	return s;
}

/* The end of the line; NULL if the interpreter's path is not wholly on it. */
static char *find_end(char *line)
{
	char *limit = line + SCRIPT_LINE_SIZE - 1, *end = line, *path;

	while (end <= limit && *end && *end != '\n')
		end++;
	if (end <= limit && *end == '\n')
		return end;
	path = skip_blanks(line + 2, limit);
	end = skip_word(path, limit);
	return end < limit || !*end || is_blank(*end) ? limit : NULL;
}

int script_parse(char *line, char **interpreter, char **argument)
{
	char *end, *path, *path_end, *rest;

	if (line[0] != '#' || line[1] != '!')
		return -ENOEXEC;
	end = find_end(line);
	if (!end)
		return -ENOEXEC;
	while (end > line + 2 && is_blank(end[-1]))
		end--;
	path = skip_blanks(line + 2, end);
	path_end = skip_word(path, end);
	if (path == path_end)
		return -ENOEXEC;
	rest = path_end < end && *path_end ? skip_blanks(path_end, end) : end;
	*end = 0;
	*path_end = 0;
	*interpreter = path;
	*argument = rest < end ? rest : NULL;
	return 0;
}
