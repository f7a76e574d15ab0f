/*
 * The devices that the kernel and the terminals write to. console= on the command line chooses those
 * that show kernel messages, each time one more; without it all there are show them. console_lock keeps the bytes of one
 * call together; it is a leaf.
 */
#include <arch/consoles.h>
#include <tine/console.h>
#include <tine/printk.h>
#include <tine/spinlock.h>
#include <tine/string.h>

struct console_device {
	const char *name; /* what console= says, up to a comma or a number */
	bool (*init)(void);
	void (*write)(const char *bytes, size_t n);
	void (*write_message)(const char *text, size_t n);
	size_t (*take_reply)(char *to, size_t size);
	void (*enable_input)(void);
	unsigned int selected; /* console= named it, as the how manieth */
	bool ready, shows;     /* is there; shows kernel messages */
};

static struct console_device devices[CONSOLE_COUNT] = {
	[CONSOLE_SERIAL] = {.name = "ttyS0",
			    .init = serial_init,
			    .write = serial_write,
			    .write_message = serial_write,
			    .enable_input = serial_enable_input},
	[CONSOLE_SCREEN] = {.name = "tty",
			    .init = vga_init,
			    .write = vga_write,
			    .write_message = vga_write_message,
			    .take_reply = vga_take_reply,
			    .enable_input = keyboard_enable},
};
static unsigned int selections;

static struct spinlock console_lock = SPINLOCK_INIT(LOCK_CLASS_CONSOLE);

/* ttyS0,115200n8 is ttyS0; tty0, tty1 and so on are all the one screen. */
static bool name_matches(const struct console_device *d, const char *name)
{
	size_t n = strlen(d->name);

	if (strncmp(name, d->name, n) != 0)
		return false;
	name += n;
	while (*name >= '0' && *name <= '9')
		name++;
	return *name == 0 || *name == ',';
}

bool console_select(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		if (name_matches(&devices[i], name)) {
			devices[i].selected = ++selections;
			return true;
		}
	}
	return false;
}

void console_init(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		devices[i].ready = devices[i].init();
		devices[i].shows = devices[i].ready && (devices[i].selected || !selections);
	}
}

bool console_present(enum console_id id)
{
	return devices[id].ready;
}

enum console_id console_preferred(void)
{
	enum console_id best = devices[CONSOLE_SCREEN].ready ? CONSOLE_SCREEN : CONSOLE_SERIAL;

	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		if (devices[i].ready && devices[i].selected > devices[best].selected)
			best = i;
	return best;
}

void console_panic(void)
{
	bool any = false;

	spin_lock_init(&console_lock, LOCK_CLASS_CONSOLE);
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		any = any || devices[i].shows;
	if (!any)
		devices[0].ready = devices[0].shows = devices[0].init();
}

static void write_all(const char *bytes, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		if (devices[i].shows)
			devices[i].write_message(bytes, n);
}

void console_write(enum console_id id, const char *bytes, size_t n)
{
	char reply[64];
	size_t replied = 0;
	irq_state_t state = spin_lock_irqsave(&console_lock);

	if (devices[id].ready)
		devices[id].write(bytes, n);
	if (devices[id].ready && devices[id].take_reply)
		replied = devices[id].take_reply(reply, sizeof(reply));
	spin_unlock_irqrestore(&console_lock, state);
	if (replied)
		tty_receive(id, reply, replied);
}

void console_write_text(const char *text, size_t n)
{
	irq_state_t state = spin_lock_irqsave(&console_lock);

	while (n > 0) {
		const char *newline = memchr(text, '\n', n);
		size_t part = newline ? (size_t)(newline - text) : n;

		write_all(text, part);
		if (newline)
			write_all("\r\n", 2);
		part += newline != NULL;
		text += part;
		n -= part;
	}
	spin_unlock_irqrestore(&console_lock, state);
}

void console_enable_input(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		if (devices[i].ready && devices[i].enable_input)
			devices[i].enable_input();
}
