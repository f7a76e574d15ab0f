/*
 * The interrupt descriptor table: one for all CPUs, constant after boot (Intel SDM volume 3,
 * section 6.14.1).
 */
#include <arch/segments.h>
#include <arch/traps.h>
#include <arch/x86_cpu.h>
#include <tine/types.h>

struct gate {
	u16 offset_low, selector;
	u8 ist, type;
	u16 offset_middle;
	u32 offset_high, reserved;
};

_Static_assert(sizeof(struct gate) == 16, "hardware's layout");

#define GATE_INTERRUPT 0x8e /* present, interrupts off */
#define GATE_USER      0x60 /* the int instruction may use it */

static struct gate idt[256] __aligned(16);

/* entry.S */
void entry_divide_error(void), entry_debug(void), entry_nmi(void), entry_breakpoint(void);
void entry_overflow(void), entry_bounds(void), entry_invalid_opcode(void);
void entry_no_device(void), entry_double_fault(void), entry_invalid_tss(void);
void entry_segment_not_present(void), entry_stack_fault(void), entry_general_protection(void);
void entry_page_fault(void), entry_x87_error(void), entry_alignment(void);
void entry_machine_check(void), entry_simd_error(void);
void entry_serial(void), entry_keyboard(void), entry_timer(void), entry_flush(void);
void entry_reschedule(void), entry_spurious(void), entry_stray(void);

static void set_gate(unsigned int vector, void (*entry)(void))
{
	u64 offset = (u64)entry;

	idt[vector] = (struct gate){
		.offset_low = offset,
		.selector = KERNEL_CS,
		.type = GATE_INTERRUPT,
		.offset_middle = offset >> 16,
		.offset_high = offset >> 32,
	};
}

static void set_exception_gates(void)
{
	set_gate(TRAP_DE, entry_divide_error);
	set_gate(TRAP_DB, entry_debug);
	set_gate(TRAP_NMI, entry_nmi);
	set_gate(TRAP_BP, entry_breakpoint);
	set_gate(TRAP_OF, entry_overflow);
	set_gate(TRAP_BR, entry_bounds);
	set_gate(TRAP_UD, entry_invalid_opcode);
	set_gate(TRAP_NM, entry_no_device);
	set_gate(TRAP_DF, entry_double_fault);
	set_gate(TRAP_TS, entry_invalid_tss);
	set_gate(TRAP_NP, entry_segment_not_present);
	set_gate(TRAP_SS, entry_stack_fault);
	set_gate(TRAP_GP, entry_general_protection);
	set_gate(TRAP_PF, entry_page_fault);
	set_gate(TRAP_MF, entry_x87_error);
	set_gate(TRAP_AC, entry_alignment);
	set_gate(TRAP_MC, entry_machine_check);
	set_gate(TRAP_XM, entry_simd_error);
	idt[TRAP_BP].type |= GATE_USER;
	idt[TRAP_OF].type |= GATE_USER;
	idt[TRAP_NMI].ist = IST_NMI;
	idt[TRAP_DF].ist = IST_DOUBLE_FAULT;
	idt[TRAP_MC].ist = IST_MACHINE_CHECK;
}

void idt_init(void)
{
	for (unsigned int vector = 32; vector < 256; vector++)
		set_gate(vector, entry_stray);
	set_exception_gates();
	set_gate(VECTOR_SERIAL, entry_serial);
	set_gate(VECTOR_KEYBOARD, entry_keyboard);
	set_gate(VECTOR_TIMER, entry_timer);
	set_gate(VECTOR_FLUSH, entry_flush);
	set_gate(VECTOR_RESCHEDULE, entry_reschedule);
	set_gate(VECTOR_SPURIOUS, entry_spurious);
}

void idt_load(void)
{
	struct {
		u16 limit;
		u64 base;
	} __packed idtr = {sizeof(idt) - 1, (u64)idt};

	__asm__ volatile("lidt %0" ::"m"(idtr));
}
