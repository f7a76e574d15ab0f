/*
 * The keyboard: an i8042 controller (or what firmware and QEMU make look like one), which translates
 * to scan codes of set 1 and interrupts for each byte. What keys mean is in fs/dev/keymap.c.
 */
#include <arch/apic.h>
#include <arch/consoles.h>
#include <arch/io.h>
#include <arch/traps.h>
#include <tine/arch.h>
#include <tine/console.h>
#include <tine/keymap.h>
#include <tine/printk.h>
#include <tine/reboot.h>
#include <tine/spinlock.h>

#define DATA    0x60
#define STATUS  0x64
#define COMMAND 0x64
#define ISA_IRQ 1

#define STATUS_OUTPUT 0x01 /* a byte for us */
#define STATUS_INPUT  0x02 /* our last byte was not taken yet */
#define STATUS_MOUSE  0x20 /* the byte is the mouse's */
#define STATUS_ABSENT 0xff

#define READ_CONFIG   0x20
#define WRITE_CONFIG  0x60
#define DISABLE_MOUSE 0xa7
#define DISABLE       0xad
#define ENABLE        0xae
#define SCAN          0xf4 /* to the keyboard itself */
#define CONFIG_IRQ    0x01
#define CONFIG_OFF    0x10
#define CONFIG_SET1   0x40
#define MAX_WAIT      100000

static struct keymap keymap; /* only the interrupt uses it, on one CPU */

static bool wait_for(u8 bit, u8 value)
{
	for (int tries = 0; tries < MAX_WAIT; tries++) {
		if ((inb(STATUS) & bit) == value)
			return true;
		cpu_relax();
	}
	return false;
}

static void send(u16 port, u8 byte)
{
	if (wait_for(STATUS_INPUT, 0))
		outb(port, byte);
}

static void drain(void)
{
	for (int i = 0; i < 64 && (inb(STATUS) & STATUS_OUTPUT); i++)
		inb(DATA);
}

static bool start_controller(void)
{
	u8 config;

	if (inb(STATUS) == STATUS_ABSENT)
		return false;
	send(COMMAND, DISABLE);
	send(COMMAND, DISABLE_MOUSE);
	drain();
	send(COMMAND, READ_CONFIG);
	if (!wait_for(STATUS_OUTPUT, STATUS_OUTPUT))
		return false;
	config = (inb(DATA) | CONFIG_IRQ | CONFIG_SET1) & ~CONFIG_OFF;
	send(COMMAND, WRITE_CONFIG);
	send(DATA, config);
	send(COMMAND, ENABLE);
	send(DATA, SCAN);
	wait_for(STATUS_OUTPUT, STATUS_OUTPUT);
	drain();
	return true;
}

void keyboard_enable(void)
{
	if (!start_controller())
		return;
	if (!ioapic_route_isa(ISA_IRQ, VECTOR_KEYBOARD))
		printk(LOG_WARNING, "keyboard: no interrupt: no input\n");
	drain();
}

static void take(u8 code)
{
	char bytes[KEYMAP_LONGEST];
	bool cursor, keypad;
	unsigned int n;

	vga_keyboard_modes(&cursor, &keypad);
	n = keymap_take(&keymap, code, cursor, keypad, bytes);
	if (n)
		tty_receive(CONSOLE_SCREEN, bytes, n);
	if (keymap.reboot)
		ctrl_alt_del();
	keymap.reboot = false;
}

/* The line is edge-triggered, as serial.c's is. */
void interrupt_keyboard(struct pt_regs *regs, unsigned long error_code)
{
	struct lock_record saved;
	u8 status, code;

	apic_eoi();
	lock_debug_irq_enter(&saved);
	while ((status = inb(STATUS)) & STATUS_OUTPUT) {
		code = inb(DATA);
		if (!(status & STATUS_MOUSE))
			take(code);
	}
	lock_debug_irq_exit(&saved);
}
