/* The newc cpio format as a stream (fs/cpio.c), for the initial root file system. */
#pragma once

#include <tine/types.h>

#define CPIO_HEADER   110u
#define CPIO_NAME_MAX 4096u

struct cpio_entry {
	u32 ino, mode, uid, gid, nlink, mtime, size, major, minor, rmajor, rminor, name_size, sum;
	bool has_sum; /* the sum of the contents' bytes is given */
};

/* What the reader calls; each returns NULL or a message that stops it. */
struct cpio_consumer {
	/* An entry begins; for a symbolic link body is its target, else NULL. */
	const char *(*begin)(void *arg, const struct cpio_entry *entry, const char *name,
			     const char *body);
	/* Contents of a regular file, in order; several calls. */
	const char *(*data)(void *arg, const u8 *bytes, size_t n);
	/* The entry's contents are complete. */
	const char *(*end)(void *arg);
	/* TRAILER!!!: hard links do not reach over it. */
	void (*trailer)(void *arg);
};

enum cpio_state {
	CPIO_GAP,
	CPIO_IN_HEADER,
	CPIO_IN_NAME,
	CPIO_IN_LINK,
	CPIO_IN_DATA,
	CPIO_PADDING
};

struct cpio {
	const struct cpio_consumer *consumer;
	void *arg;
	enum cpio_state state, after_padding;
	u64 offset;       /* in the archive */
	u64 entry_offset; /* where the entry began */
	u32 want, have;   /* bytes of the part being collected */
	u32 sum;          /* of the contents so far */
	struct cpio_entry entry;
	bool seen_any;
	u8 header[CPIO_HEADER];
	char name[CPIO_NAME_MAX + 1], link[CPIO_NAME_MAX + 1];
};

void cpio_init(struct cpio *c, const struct cpio_consumer *consumer, void *arg);
/*
 * Takes the next bytes of the archive. NULL or a message. *used < n without a message: what follows
 * the zeroes after an archive is not another one.
 */
const char *cpio_feed(struct cpio *c, const u8 *bytes, size_t n, size_t *used);
/* The archive ends here: NULL, or a message if it stops within an entry. */
const char *cpio_finish(const struct cpio *c);
