/* What assembly believes about C structs (arch/asm.h) holds. */
#include <arch/asm.h>
#include <arch/cpufeature.h>
#include <arch/x86_cpu.h>
#include <tine/syscall.h>
#include <tine/task.h>

#define CHECK(constant, type, member) \
	_Static_assert((constant) == offsetof(type, member), #constant " is where " #member " is")

CHECK(CPU_SELF, struct cpu, self);
CHECK(CPU_CURRENT, struct cpu, task);
CHECK(CPU_KERNEL_SP, struct cpu, kernel_sp);
CHECK(CPU_USER_SP, struct cpu, user_sp);
CHECK(CPU_CANARY, struct cpu, stack_canary);
CHECK(TASK_WORK, struct task_struct, work);
CHECK(FEATURE_AVX, struct cpu_features, avx);

CHECK(PT_R15, struct pt_regs, r15);
CHECK(PT_R14, struct pt_regs, r14);
CHECK(PT_R13, struct pt_regs, r13);
CHECK(PT_R12, struct pt_regs, r12);
CHECK(PT_BP, struct pt_regs, bp);
CHECK(PT_BX, struct pt_regs, bx);
CHECK(PT_R11, struct pt_regs, r11);
CHECK(PT_R10, struct pt_regs, r10);
CHECK(PT_R9, struct pt_regs, r9);
CHECK(PT_R8, struct pt_regs, r8);
CHECK(PT_AX, struct pt_regs, ax);
CHECK(PT_CX, struct pt_regs, cx);
CHECK(PT_DX, struct pt_regs, dx);
CHECK(PT_SI, struct pt_regs, si);
CHECK(PT_DI, struct pt_regs, di);
CHECK(PT_ORIG_AX, struct pt_regs, orig_ax);
CHECK(PT_IP, struct pt_regs, ip);
CHECK(PT_CS, struct pt_regs, cs);
CHECK(PT_FLAGS, struct pt_regs, flags);
CHECK(PT_SP, struct pt_regs, sp);
CHECK(PT_SS, struct pt_regs, ss);
_Static_assert(PT_SIZE == sizeof(struct pt_regs), "struct pt_regs is 21 words");
_Static_assert(SYSCALL_LIMIT == MAX_SYSCALLS,
	       "the table's last entry is for all numbers beyond it");
_Static_assert(STACK_SIZE == KERNEL_STACK_SIZE, "head.S's boot stack");
_Static_assert(sizeof(struct ist_stack) == IST_STACK_SIZE, "entry.S finds the CPU from rsp");
_Static_assert(offsetof(struct ist_stack, cpu) == IST_STACK_CPU, "entry.S finds the CPU from rsp");
