/*
 * x87, SSE, AVX and AVX-512 state (arch/x86_64/fpu.c). A task's registers are live while it runs,
 * also while it is in the kernel, which uses none of them; switch_to() saves and loads them.
 */
#pragma once

#include <arch/cpufeature.h>
#include <tine/types.h>

struct task_struct;

/*
 * Signal frames: what sigcontext.fpstate points to, in Linux's layout: an XSAVE image (standard
 * form) whose bytes 464 to 511 are struct fpu_frame_note, and the word FP_XSTATE_MAGIC2 behind it;
 * on processors without XSAVE the 512 bytes of FXSAVE alone.
 */
#define FPU_FRAME_ALIGN       64
#define FP_XSTATE_MAGIC1      0x46505853u
#define FP_XSTATE_MAGIC2      0x46505845u
#define FP_XSTATE_MAGIC2_SIZE 4

struct fpu_frame_note {
	u32 magic1;
	u32 extended_size; /* bytes of the frame with MAGIC2 */
	u64 xfeatures;     /* as XCR0 */
	u32 xstate_size;   /* bytes of the XSAVE image */
	u32 padding[7];
};

#define FPU_FRAME_NOTE_OFFSET 464
_Static_assert(sizeof(struct fpu_frame_note) == 48, "fills the FXSAVE image up to 512");

/* Bytes that fpu_save_to_frame() writes. Constant after boot. */
size_t fpu_frame_size(void);
/*
 * The parts of the XSAVE state that programs have, as in XCR0; 0: no XSAVE, and a frame has no
 * extended state and no MAGIC2. Constant after boot.
 */
u64 fpu_features(void);
/* Writes current's live state to frame, FPU_FRAME_ALIGN-aligned. 0 or -EFAULT. May sleep. */
int fpu_save_to_frame(void __user *frame) __must_check;
/*
 * Loads current's registers from frame (NULL: the initial state). What the frame does not hold gets
 * its initial state. -EFAULT: it cannot be read or is not valid; the registers then have their
 * initial state. May sleep.
 */
int fpu_restore_from_frame(const void __user *frame) __must_check;
/* Puts current's registers into the initial state: exec, and the start of a signal handler. */
void fpu_reset(void);

/* Boot: what state there is; then on each CPU; then the cache of areas. */
void fpu_init(void);
void fpu_init_cpu(void);
void fpu_init_cache(void);

/*
 * task->thread.fpu becomes an area with current's live state, or the initial state if current has
 * none. ENOMEM.
 */
int fpu_copy(struct task_struct *task);
void fpu_free(struct task_struct *task); /* tolerates a task without */

/*
 * The exceptions that are pending unmasked, as si_code: FPE_FLTINV and so on; 0 if none. For #MF
 * and #XM of current.
 */
int fpu_exception_code(bool simd);

/* All components, whether or not they changed, to an area; and back. */
static inline void fpu_save_all(void *area)
{
	if (likely(cpu_features.xsave))
		__asm__ volatile("xsave64 (%0)" ::"r"(area), "a"(-1), "d"(-1) : "memory");
	else
		__asm__ volatile("fxsave64 (%0)" ::"r"(area) : "memory");
}

static inline void fpu_load_all(const void *area)
{
	if (likely(cpu_features.xsave))
		__asm__ volatile("xrstor64 (%0)" ::"r"(area), "a"(-1), "d"(-1) : "memory");
	else
		__asm__ volatile("fxrstor64 (%0)" ::"r"(area) : "memory");
}

/* At a switch, interrupts off: the areas of who leaves and who comes; NULL: it has none. */
static inline void fpu_switch(void *prev, const void *next)
{
	if (likely(prev) && likely(cpu_features.xsaveopt))
		__asm__ volatile("xsaveopt64 (%0)" ::"r"(prev), "a"(-1), "d"(-1) : "memory");
	else if (prev)
		fpu_save_all(prev);
	if (next)
		fpu_load_all(next);
}
