// sources: fs/cpio.c
/*
 * The newc reader: archives made here entry by entry, fed whole, a byte at a time and in pieces of
 * any size; then damaged ones.
 */
#include <stdbool.h>
#include <string.h>
#include <tine/cpio.h>

#include "tap.h"

static unsigned char archive[65536];
static size_t archive_size;
static struct cpio reader;
static char log_text[65536];
static size_t log_size;

#define NOTE(...) \
	(log_size += snprintf(log_text + log_size, sizeof(log_text) - log_size, __VA_ARGS__))

static const char *note_begin(void *arg, const struct cpio_entry *e, const char *name,
			      const char *body)
{
	NOTE("begin %s mode %o uid %u gid %u nlink %u mtime %u size %u dev %u:%u", name, e->mode,
	     e->uid, e->gid, e->nlink, e->mtime, e->size, e->rmajor, e->rminor);
	NOTE(body ? " -> %s\n" : "\n", body);
	return strcmp(name, "forbidden") == 0 ? "not this one" : NULL;
}

static const char *note_data(void *arg, const u8 *bytes, size_t n)
{
	NOTE("%.*s", (int)n, bytes);
	return NULL;
}

static const char *note_end(void *arg)
{
	NOTE("\nend\n");
	return NULL;
}

static void note_trailer(void *arg)
{
	NOTE("trailer\n");
}

static const struct cpio_consumer consumer = {note_begin, note_data, note_end, note_trailer};

static void put(const void *bytes, size_t n)
{
	memcpy(archive + archive_size, bytes, n);
	archive_size += n;
}

static void pad(void)
{
	while (archive_size % 4)
		archive[archive_size++] = '\0';
}

static void add_with(const char *magic, const char *name, unsigned int mode, const char *body,
		     unsigned int sum)
{
	char header[111];

	snprintf(header, sizeof(header), "%s%08x%08X%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
		 magic, 7, mode, 1000, 100, 1, 0x5f5e0ff, (unsigned int)strlen(body), 8, 1, 5, 64,
		 (unsigned int)strlen(name) + 1, sum);
	put(header, 110);
	put(name, strlen(name) + 1);
	pad();
	put(body, strlen(body));
	pad();
}

static void add(const char *name, unsigned int mode, const char *body)
{
	add_with("070701", name, mode, body, 0);
}

static void begin_archive(void)
{
	archive_size = 0;
}

/* Feeds the archive in pieces; *used as of the last. */
static const char *feed(size_t piece, size_t *used)
{
	const char *message = NULL;

	log_size = 0;
	log_text[0] = '\0';
	cpio_init(&reader, &consumer, NULL);
	for (size_t at = 0; at < archive_size && !message; at += piece) {
		size_t n = piece < archive_size - at ? piece : archive_size - at, part;
		unsigned char *exact = malloc(n);

		memcpy(exact, archive + at, n);
		message = cpio_feed(&reader, exact, n, &part);
		free(exact);
		*used = at + part;
		if (part < n)
			break;
	}
	return message ? message : cpio_finish(&reader);
}

static void make_sample(void)
{
	begin_archive();
	add("bin", 0040755, "");
	add("bin/true", 0100755, "some contents");
	add("bin/false", 0120777, "true");
	add("empty", 0100644, "");
	add("dev/ttyS0", 0020600, "");
	add("TRAILER!!!", 0, "");
}

static const char sample_log[] =
	"begin bin mode 40755 uid 1000 gid 100 nlink 1 mtime 99999999 size 0 dev 5:64\n\nend\n"
	"begin bin/true mode 100755 uid 1000 gid 100 nlink 1 mtime 99999999 size 13 dev 5:64\n"
	"some contents\nend\n"
	"begin bin/false mode 120777 uid 1000 gid 100 nlink 1 mtime 99999999 size 4 dev 5:64"
	" -> true\n\nend\n"
	"begin empty mode 100644 uid 1000 gid 100 nlink 1 mtime 99999999 size 0 dev 5:64\n\nend\n"
	"begin dev/ttyS0 mode 20600 uid 1000 gid 100 nlink 1 mtime 99999999 size 0 dev 5:64\n\nend\n"
	"trailer\n";

static void every_kind_in_pieces(void)
{
	size_t used;

	make_sample();
	for (size_t piece = 1; piece <= archive_size; piece++) {
		CHECK(feed(piece, &used) == NULL);
		CHECK(used == archive_size && strcmp(log_text, sample_log) == 0);
	}
	tap_ok("cpio: entries of every kind, in pieces of any size");

	begin_archive();
	add("bin", 0040755, "");
	memset(archive + archive_size, 0, 4092);
	archive_size += 4092;
	add("bin/true", 0100755, "some contents");
	put("\0\0\0", 4);
	add("TRAILER!!!", 0, "");
	for (size_t piece = 1; piece <= archive_size; piece++) {
		CHECK(feed(piece, &used) == NULL && used == archive_size);
		CHECK(strncmp(log_text, sample_log, strlen(log_text) - strlen("trailer\n")) == 0);
	}
	tap_ok("cpio: zeroes before entries are skipped");
}

static void several_archives(void)
{
	size_t used;

	begin_archive();
	add("a", 0100644, "1");
	add("TRAILER!!!", 0, "");
	memset(archive + archive_size, 0, 512);
	archive_size += 512;
	add("b", 0100644, "2");
	add("TRAILER!!!", 0, "");
	CHECK(feed(archive_size, &used) == NULL);
	CHECK(strstr(log_text, "begin a ") && strstr(log_text, "begin b "));
	tap_ok("cpio: archives follow one another, with zeroes between");

	put("\x1f\x8b", 2);
	CHECK(feed(archive_size, &used) == NULL);
	CHECK(used == archive_size - 2);
	tap_ok("cpio: it stops where something else follows");
}

static void checksums(void)
{
	size_t used;

	begin_archive();
	add_with("070702", "a", 0100644, "abc", 'a' + 'b' + 'c');
	add("TRAILER!!!", 0, "");
	CHECK(feed(archive_size, &used) == NULL);
	begin_archive();
	add_with("070702", "a", 0100644, "abc", 'a' + 'b' + 'd');
	CHECK(strstr(feed(archive_size, &used), "checksum"));
	tap_ok("cpio: checksums are checked where there are any");
}

static void expect(const char *message)
{
	size_t used;
	const char *got = feed(archive_size, &used);

	CHECK(got && strstr(got, message));
}

static void malformed(void)
{
	begin_archive();
	add_with("070707", "a", 0100644, "", 0);
	expect("old cpio format");
	begin_archive();
	add_with("012345", "a", 0100644, "", 0);
	expect("no entry begins");
	make_sample();
	archive[20] = 'g';
	expect("wrong digit");
	make_sample();
	memcpy(archive + 94, "00000000", 8);
	expect("length of its name");
	make_sample();
	memcpy(archive + 94, "ffffffff", 8);
	expect("length of its name");
	make_sample();
	memcpy(archive + 94, "00000003", 8);
	expect("without an end");
	begin_archive();
	add("link", 0120777, "");
	expect("symbolic link");
	begin_archive();
	add("dir", 0040755, "contents");
	expect("can have none");
	begin_archive();
	add("forbidden", 0100644, "x");
	expect("not this one");
	tap_ok("cpio: a malformed entry is refused, and the message says why");
}

static void cut_off(void)
{
	size_t whole, used;

	make_sample();
	whole = archive_size;
	for (archive_size = 1; archive_size < whole; archive_size++)
		CHECK(feed(archive_size, &used) != NULL);
	tap_ok("cpio: an archive that is cut off is refused, wherever it is cut");
}

static void damaged(void)
{
	unsigned int seed = 1;
	size_t used;

	for (int i = 0; i < 50000; i++) {
		make_sample();
		for (int n = 0; n < 3; n++) {
			seed = seed * 1103515245 + 12345;
			archive[(seed >> 8) % archive_size] = seed >> 24;
		}
		(void)feed(1 + seed % 300, &used);
		CHECK(used <= archive_size);
	}
	tap_ok("cpio: damage of any kind stays within bounds");
}

int main(void)
{
	every_kind_in_pieces();
	several_archives();
	checksums();
	malformed();
	cut_off();
	damaged();
	return tap_done();
}
