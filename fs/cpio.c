/*
 * The newc cpio format (cpio(5) of FreeBSD: "new ASCII format") as a stream.
 *
 * An archive is a sequence of entries: a header of 110 characters (a magic number and thirteen
 * numbers of eight hexadecimal digits), the name with its NUL, padding to a multiple of four, the
 * contents, padding again. Zeroes may stand before an entry. One named TRAILER!!! ends it; zeroes
 * may follow, and another archive. The reader is a machine that is fed whatever bytes there are: it collects a header, a
 * name, a link's target across feeds and hands contents on as they come, without a copy.
 *
 * Pure: also compiled and tested on the host.
 */
#include <tine/cpio.h>
#include <tine/string.h>

#define TYPE_MASK 0170000u
#define TYPE_LINK 0120000u
#define TYPE_FILE 0100000u

void cpio_init(struct cpio *c, const struct cpio_consumer *consumer, void *arg)
{
	c->consumer = consumer;
	c->arg = arg;
	c->state = CPIO_GAP;
	c->offset = c->entry_offset = 0;
	c->have = c->want = 0;
	c->seen_any = false;
}

static void collect(struct cpio *c, enum cpio_state state, u32 want)
{
	c->state = state;
	c->want = want;
	c->have = 0;
}

/* Eight hexadecimal digits; false if they are not. */
static bool parse_hex(const u8 *text, u32 *value)
{
	*value = 0;
	for (int i = 0; i < 8; i++) {
		u8 digit = text[i];

		if (digit >= '0' && digit <= '9')
			digit -= '0';
		else if ((digit | 0x20) >= 'a' && (digit | 0x20) <= 'f')
			digit = (digit | 0x20) - 'a' + 10;
		else
			return false;
		*value = *value << 4 | digit;
	}
	return true;
}

/* Zeroes may stand before any entry. */
static bool before_entry(const struct cpio *c)
{
	return c->state == CPIO_IN_HEADER && c->have == 0;
}

static const char *parse_header(struct cpio *c)
{
	struct cpio_entry *e = &c->entry;
	u32 *const fields[13] = {&e->ino,    &e->mode,      &e->uid,   &e->gid,   &e->nlink,
				 &e->mtime,  &e->size,      &e->major, &e->minor, &e->rmajor,
				 &e->rminor, &e->name_size, &e->sum};

	if (memcmp(c->header, "070701", 6) != 0 && memcmp(c->header, "070702", 6) != 0)
		return memcmp(c->header, "070707", 6) == 0
			       ? "archive is in the old cpio format; only newc is understood"
			       : "archive is corrupt: no entry begins where one should";
	e->has_sum = c->header[5] == '2';
	for (int i = 0; i < 13; i++)
		if (!parse_hex(c->header + 6 + 8 * i, fields[i]))
			return "archive is corrupt: header with a wrong digit";
	if (e->name_size == 0 || e->name_size > CPIO_NAME_MAX)
		return "archive is corrupt: entry with an impossible length of its name";
	if ((e->mode & TYPE_MASK) == TYPE_LINK && (e->size == 0 || e->size > CPIO_NAME_MAX))
		return "archive is corrupt: symbolic link with an impossible length";
	c->sum = 0;
	collect(c, CPIO_IN_NAME, e->name_size);
	return NULL;
}

/* Bytes from offset to the next multiple of four, counted from the entry's beginning. */
static u32 padding(const struct cpio *c)
{
	return -(u32)(c->offset - c->entry_offset) & 3;
}

static void skip_padding(struct cpio *c, enum cpio_state after)
{
	collect(c, CPIO_PADDING, padding(c));
	c->after_padding = after;
}

static const char *end_entry(struct cpio *c)
{
	if (c->entry.has_sum && c->sum != c->entry.sum)
		return "archive is corrupt: file with a wrong checksum";
	skip_padding(c, CPIO_IN_HEADER);
	return c->consumer->end(c->arg);
}

static const char *begin_entry(struct cpio *c, const char *body)
{
	return c->consumer->begin(c->arg, &c->entry, c->name, body);
}

static const char *got_name(struct cpio *c)
{
	const char *message;

	if (c->name[c->entry.name_size - 1] != '\0')
		return "archive is corrupt: name without an end";
	if (strcmp(c->name, "TRAILER!!!") == 0) {
		c->consumer->trailer(c->arg);
		skip_padding(c, CPIO_GAP);
		return NULL;
	}
	if ((c->entry.mode & TYPE_MASK) == TYPE_LINK) {
		skip_padding(c, CPIO_IN_LINK);
		return NULL;
	}
	message = begin_entry(c, NULL);
	if (message)
		return message;
	skip_padding(c, CPIO_IN_DATA);
	return NULL;
}

static const char *got_link(struct cpio *c)
{
	const char *message;

	c->link[c->entry.size] = '\0';
	c->entry.has_sum = false;
	message = begin_entry(c, c->link);
	return message ? message : end_entry(c);
}

static void after_padding(struct cpio *c)
{
	switch (c->after_padding) {
	case CPIO_IN_HEADER:
		c->entry_offset = c->offset;
		collect(c, CPIO_IN_HEADER, CPIO_HEADER);
		break;
	case CPIO_IN_LINK:
	case CPIO_IN_DATA:
		collect(c, c->after_padding, c->entry.size);
		break;
	default:
		collect(c, CPIO_GAP, 0);
	}
}

/* What has been collected is whole. */
static const char *part_complete(struct cpio *c)
{
	switch (c->state) {
	case CPIO_IN_HEADER:
		return parse_header(c);
	case CPIO_IN_NAME:
		return got_name(c);
	case CPIO_IN_LINK:
		return got_link(c);
	case CPIO_IN_DATA:
		return end_entry(c);
	default:
		after_padding(c);
		return NULL;
	}
}

static const char *take_data(struct cpio *c, const u8 *bytes, size_t n)
{
	if ((c->entry.mode & TYPE_MASK) != TYPE_FILE)
		return "archive is corrupt: contents in an entry that can have none";
	if (c->entry.has_sum)
		for (size_t i = 0; i < n; i++)
			c->sum += bytes[i];
	return c->consumer->data(c->arg, bytes, n);
}

/* Takes n bytes of the part being collected. */
static const char *take(struct cpio *c, const u8 *bytes, size_t n)
{
	switch (c->state) {
	case CPIO_IN_HEADER:
		memcpy(c->header + c->have, bytes, n);
		return NULL;
	case CPIO_IN_NAME:
		memcpy(c->name + c->have, bytes, n);
		return NULL;
	case CPIO_IN_LINK:
		memcpy(c->link + c->have, bytes, n);
		return NULL;
	case CPIO_IN_DATA:
		return n ? take_data(c, bytes, n) : NULL;
	default:
		return NULL;
	}
}

/*
 * Between archives: zeroes are skipped; a digit 0 begins an archive; false: something else begins
 * here.
 */
static bool in_gap(struct cpio *c, u8 next)
{
	if (next == 0) {
		c->offset++;
		return true;
	}
	if (next != '0')
		return false;
	c->entry_offset = c->offset;
	c->seen_any = true;
	collect(c, CPIO_IN_HEADER, CPIO_HEADER);
	return true;
}

const char *cpio_feed(struct cpio *c, const u8 *bytes, size_t n, size_t *used)
{
	const u8 *at = bytes, *end = bytes + n;
	const char *message = NULL;

	while (!message && (at < end || (c->state != CPIO_GAP && c->have == c->want))) {
		size_t part;

		if (c->state == CPIO_GAP) {
			u8 next = *at;

			if (!in_gap(c, next))
				break;
			at += next == 0;
			continue;
		}
		if (before_entry(c) && *at == 0) {
			at++;
			c->entry_offset = ++c->offset;
			continue;
		}
		part = (size_t)(end - at) < c->want - c->have ? (size_t)(end - at)
							      : c->want - c->have;
		message = take(c, at, part);
		at += part;
		c->offset += part;
		c->have += part;
		if (!message && c->have == c->want)
			message = part_complete(c);
	}
	*used = at - bytes;
	return message;
}

const char *cpio_finish(const struct cpio *c)
{
	if (c->state != CPIO_GAP)
		return "archive is truncated: it ends within an entry";
	return NULL;
}
