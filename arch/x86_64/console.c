/*
 * The devices that the kernel and the terminal write to. console= on the command line chooses them,
 * each time one more; without it all there are get everything. console_lock keeps the bytes of one
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
	void (*enable_input)(void);
	bool selected, ready;
};

static struct console_device devices[] = {
	{.name = "ttyS0",
	 .init = serial_init,
	 .write = serial_write,
	 .enable_input = serial_enable_input},
	{.name = "tty", .init = vga_init, .write = vga_write},
};

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
			devices[i].selected = true;
			return true;
		}
	}
	return false;
}

void console_init(void)
{
	bool any = false;

	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		any = any || devices[i].selected;
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		devices[i].ready = (devices[i].selected || !any) && devices[i].init();
}

void console_panic(void)
{
	bool any = false;

	spin_lock_init(&console_lock, LOCK_CLASS_CONSOLE);
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		any = any || devices[i].ready;
	if (!any)
		devices[0].ready = devices[0].init();
}

static void write_all(const char *bytes, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		if (devices[i].ready)
			devices[i].write(bytes, n);
}

void console_write(const char *bytes, size_t n)
{
	irq_state_t state = spin_lock_irqsave(&console_lock);

	write_all(bytes, n);
	spin_unlock_irqrestore(&console_lock, state);
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
