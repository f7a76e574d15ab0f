/*
 * The first serial port, a 16550: bytes are sent by polling, a FIFO's load at a time; received ones
 * interrupt.
 */
#include <arch/apic.h>
#include <arch/consoles.h>
#include <arch/io.h>
#include <arch/traps.h>
#include <tine/arch.h>
#include <tine/console.h>
#include <tine/spinlock.h>
#include <tine/printk.h>

#define PORT         0x3f8
#define ISA_IRQ      4
#define FIFO_SIZE    16
#define BAUD_DIVISOR 1 /* 115200 */

#define REG_DATA             0
#define REG_INTERRUPT_ENABLE 1
#define REG_FIFO_CONTROL     2
#define REG_LINE_CONTROL     3
#define REG_MODEM_CONTROL    4
#define REG_LINE_STATUS      5
#define REG_SCRATCH          7

#define ENABLE_RECEIVE        0x01
#define FIFO_ENABLE_AND_CLEAR 0x07
#define LINE_8N1              0x03
#define LINE_DIVISOR_ACCESS   0x80
#define MODEM_READY           0x0b /* DTR, RTS, and OUT2, which lets interrupts through */
#define STATUS_RECEIVED       0x01
#define STATUS_FIFO_EMPTY     0x20
#define MAX_WAIT              1000000 /* a port that does not send is given up for the moment */

bool serial_init(void)
{
	outb(PORT + REG_SCRATCH, 0x5a);
	if (inb(PORT + REG_SCRATCH) != 0x5a)
		return false;
	outb(PORT + REG_INTERRUPT_ENABLE, 0);
	outb(PORT + REG_LINE_CONTROL, LINE_DIVISOR_ACCESS);
	outb(PORT + REG_DATA, BAUD_DIVISOR);
	outb(PORT + REG_INTERRUPT_ENABLE, 0);
	outb(PORT + REG_LINE_CONTROL, LINE_8N1);
	outb(PORT + REG_FIFO_CONTROL, FIFO_ENABLE_AND_CLEAR);
	outb(PORT + REG_MODEM_CONTROL, MODEM_READY);
	return true;
}

void serial_write(const char *bytes, size_t n)
{
	while (n > 0) {
		int tries = 0;

		while (!(inb(PORT + REG_LINE_STATUS) & STATUS_FIFO_EMPTY) && ++tries < MAX_WAIT)
			cpu_relax();
		for (int i = 0; i < FIFO_SIZE && n > 0; i++, n--)
			outb(PORT + REG_DATA, *bytes++);
	}
}

/* The line is edge-triggered: all that is there must be taken, or there is no further interrupt. */
void interrupt_serial(struct pt_regs *regs, unsigned long error_code)
{
	struct lock_record saved;
	char bytes[FIFO_SIZE];
	size_t n;

	apic_eoi();
	lock_debug_irq_enter(&saved);
	do {
		for (n = 0; n < sizeof(bytes) && (inb(PORT + REG_LINE_STATUS) & STATUS_RECEIVED);
		     n++)
			bytes[n] = inb(PORT + REG_DATA);
		if (n)
			tty_receive(CONSOLE_SERIAL, bytes, n);
	} while (n == sizeof(bytes));
	lock_debug_irq_exit(&saved);
}

void serial_enable_input(void)
{
	if (!ioapic_route_isa(ISA_IRQ, VECTOR_SERIAL)) {
		printk(LOG_WARNING, "serial: no interrupt: no input\n");
		return;
	}
	outb(PORT + REG_INTERRUPT_ENABLE, ENABLE_RECEIVE);
}
