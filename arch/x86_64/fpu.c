/*
 * x87, SSE, AVX and AVX-512 state.
 *
 * The registers always hold the state of the task that the CPU runs, in the kernel too: the kernel
 * is compiled without them, and memory.S saves those few that it borrows. switch_to() saves to the
 * area of the task that leaves and loads from that of the one that comes; a new task's area is
 * filled straight from the registers of its parent. Every task but the idle ones has an area; a
 * kernel thread's, because it may become a program.
 *
 * Areas are in the standard form of XSAVE, which is what signal frames hold too, or FXSAVE's 512
 * bytes on a processor without XSAVE. An area's header must be all zero but for XSTATE_BV, which
 * the processor writes: nobody else writes the rest after fpu_copy.
 *
 * Frames are written by and loaded from user memory directly: the processor checks what it loads,
 * and what it refuses is a fault with a fix-up. So what was checked is what is loaded, whatever
 * another thread does to the frame meanwhile.
 */
#include <arch/cpufeature.h>
#include <arch/fpu.h>
#include <arch/uaccess.h>
#include <tine/printk.h>
#include <tine/slab.h>
#include <tine/string.h>
#include <tine/task.h>
#include <tine/uaccess.h>

#define XFEATURE_X87    0x01ul
#define XFEATURE_SSE    0x02ul
#define XFEATURE_AVX    0x04ul
#define XFEATURE_AVX512 0xe0ul /* mask registers, upper halves, upper registers: all or none */

#define FXSAVE_SIZE       512
#define XSAVE_HEADER_SIZE 64
#define XSAVE_MIN_SIZE    (FXSAVE_SIZE + XSAVE_HEADER_SIZE)

#define INITIAL_CONTROL_WORD 0x037f
#define INITIAL_MXCSR        0x1f80

/*
 * The part of an area whose form does not depend on the processor (Intel SDM volume 1, sections
 * 10.5.1 and 13.4).
 */
struct fpu_area {
	u16 control_word, status_word;
	u8 tags, reserved;
	u16 opcode;
	u64 ip, data_pointer;
	u32 mxcsr, mxcsr_mask;
	u8 registers[384], unused[96];
	u64 xstate_bv, xcomp_bv, header_reserved[6];
};

_Static_assert(sizeof(struct fpu_area) == XSAVE_MIN_SIZE, "hardware's layout");

static u64 xfeatures; /* as in XCR0; 0: no XSAVE */
static u32 area_size = FXSAVE_SIZE;
static struct kmem_cache *area_cache;

/*
 * XSTATE_BV is 0: every component is in its initial state. But mxcsr, and with FXRSTOR all of it,
 * is loaded.
 */
static const struct fpu_area initial_state __aligned(64) = {
	.control_word = INITIAL_CONTROL_WORD,
	.mxcsr = INITIAL_MXCSR,
};

static void xrstor(const void *area, u64 mask)
{
	__asm__ volatile("xrstor64 (%0)" ::"r"(area), "a"((u32)mask), "d"((u32)(mask >> 32))
			 : "memory");
}

void fpu_reset(void)
{
	fpu_load_all(&initial_state);
}

void fpu_init(void)
{
	u64 supported;

	if (!cpu_features.xsave)
		return;
	supported = cpuid(0xd, 0).eax;
	xfeatures = XFEATURE_X87 | XFEATURE_SSE;
	if (cpu_features.avx)
		xfeatures |= supported & XFEATURE_AVX;
	if ((xfeatures & XFEATURE_AVX) && (supported & XFEATURE_AVX512) == XFEATURE_AVX512)
		xfeatures |= XFEATURE_AVX512;
}

void fpu_init_cpu(void)
{
	if (xfeatures)
		__asm__ volatile("xsetbv" ::"c"(0), "a"((u32)xfeatures), "d"(0));
	fpu_reset();
}

void fpu_init_cache(void)
{
	if (xfeatures)
		area_size = cpuid(0xd, 0).ebx; /* for what XCR0 enables now */
	area_cache = kmem_cache_create("fpu_area", area_size, 64);
}

/* XSAVE writes the first word of it only, and XRSTOR refuses what it does not know. */
static void clear_header(struct fpu_area *area)
{
	if (!xfeatures) /* the area ends before it */
		return;
	area->xstate_bv = area->xcomp_bv = 0;
	for (size_t i = 0; i < ARRAY_SIZE(area->header_reserved); i++)
		area->header_reserved[i] = 0;
}

int fpu_copy(struct task_struct *task)
{
	struct fpu_area *area = kmem_cache_alloc(area_cache);

	if (!area)
		return -ENOMEM;
	if (current->thread.fpu) {
		clear_header(area);
		fpu_save_all(area);
	} else {
		memcpy(area, &initial_state, MIN(area_size, sizeof(initial_state)));
	}
	task->thread.fpu = area;
	return 0;
}

void fpu_free(struct task_struct *task)
{
	kmem_cache_free(area_cache, task->thread.fpu);
	task->thread.fpu = NULL;
}

/*
 * x87 and SSE exceptions have the same bits in the same order (Intel SDM volume 1, sections 8.1.3
 * and 10.2.3).
 */
static int code_of_exceptions(unsigned int bits)
{
	if (bits & 0x01)
		return FPE_FLTINV;
	if (bits & 0x04)
		return FPE_FLTDIV;
	if (bits & 0x08)
		return FPE_FLTOVF;
	if (bits & 0x12) /* denormal operand, underflow */
		return FPE_FLTUND;
	return bits & 0x20 ? FPE_FLTRES : 0;
}

int fpu_exception_code(bool simd)
{
	u16 control, status;
	u32 mxcsr;

	if (simd) {
		__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
		return code_of_exceptions(mxcsr & ~(mxcsr >> 7));
	}
	__asm__ volatile("fnstcw %0" : "=m"(control));
	__asm__ volatile("fnstsw %0" : "=m"(status));
	return code_of_exceptions(status & ~control);
}

size_t fpu_frame_size(void)
{
	return xfeatures ? area_size + FP_XSTATE_MAGIC2_SIZE : FXSAVE_SIZE;
}

u64 fpu_features(void)
{
	return xfeatures;
}

/* All state to or from a signal frame; mask: components, where they are chosen. False: a fault. */
#define FRAME_ACCESS(name, instruction)                                            \
	static bool name(const void __user *frame, u64 mask)                       \
	{                                                                          \
		user_access_begin();                                               \
		__asm__ goto("1: " instruction                                     \
			     " (%0)\n\t" EXCEPTION_FIXUP_STRING("1b", "%l[fault]") \
			     :                                                     \
			     : "r"(frame), "a"((u32)mask), "d"((u32)(mask >> 32))  \
			     : "memory"                                            \
			     : fault);                                             \
		user_access_end();                                                 \
		return true;                                                       \
fault:                                                                             \
		user_access_end();                                                 \
		return false;                                                      \
	}
FRAME_ACCESS(xsave_to_user, "xsave64")
FRAME_ACCESS(fxsave_to_user, "fxsave64")
FRAME_ACCESS(xrstor_from_user, "xrstor64")
FRAME_ACCESS(fxrstor_from_user, "fxrstor64")

/*
 * What makes an XSAVE image in a frame known as one: the note in the gap that FXSAVE leaves, and
 * the word behind the image.
 */
static int mark_frame(u8 __user *frame)
{
	const struct fpu_frame_note note = {
		.magic1 = FP_XSTATE_MAGIC1,
		.extended_size = area_size + FP_XSTATE_MAGIC2_SIZE,
		.xfeatures = xfeatures,
		.xstate_size = area_size,
	};
	u64 __user *xstate_bv = (u64 __user *)(frame + FXSAVE_SIZE);
	u64 saved;

	if (copy_to_user(frame + FPU_FRAME_NOTE_OFFSET, &note, sizeof(note)) ||
	    put_user(FP_XSTATE_MAGIC2, (u32 __user *)(frame + area_size)) ||
	    get_user(saved, xstate_bv))
		return -EFAULT;
	/* Handlers may change x87 and SSE registers in the frame without knowing of XSTATE_BV. */
	return put_user(saved | XFEATURE_X87 | XFEATURE_SSE, xstate_bv);
}

int fpu_save_to_frame(void __user *frame)
{
	u8 __user *bytes = frame;

	ASSERT((unsigned long)frame % FPU_FRAME_ALIGN == 0);
	if (!access_ok(frame, fpu_frame_size()))
		return -EFAULT;
	if (xfeatures && clear_user(bytes + FXSAVE_SIZE, XSAVE_HEADER_SIZE))
		return -EFAULT;
	if (!(xfeatures ? xsave_to_user(frame, ~0ull) : fxsave_to_user(frame, 0)))
		return -EFAULT;
	return xfeatures ? mark_frame(bytes) : 0;
}

/*
 * The components that the frame's XSAVE image holds; 0: it is no XSAVE image. False: it cannot be
 * read.
 */
static bool frame_features(const u8 __user *frame, u64 *features)
{
	struct fpu_frame_note note;
	u32 magic2;

	*features = 0;
	if (copy_from_user(&note, frame + FPU_FRAME_NOTE_OFFSET, sizeof(note)))
		return false;
	if (note.magic1 != FP_XSTATE_MAGIC1 || note.xstate_size < XSAVE_MIN_SIZE ||
	    note.xstate_size > area_size || note.xstate_size > note.extended_size)
		return true;
	if (get_user(magic2, (const u32 __user *)(frame + note.xstate_size)))
		return false;
	if (magic2 == FP_XSTATE_MAGIC2)
		*features = note.xfeatures & xfeatures;
	return true;
}

static bool load_frame(const u8 __user *frame)
{
	u64 held;

	if (!access_ok(frame, xfeatures ? area_size : FXSAVE_SIZE))
		return false;
	if (!xfeatures)
		return fxrstor_from_user(frame, 0);
	if (!frame_features(frame, &held))
		return false;
	if (held == 0) {
		xrstor(&initial_state, ~(XFEATURE_X87 | XFEATURE_SSE));
		return fxrstor_from_user(frame, 0);
	}
	if (!xrstor_from_user(frame, held))
		return false;
	if (xfeatures & ~held)
		xrstor(&initial_state, ~held);
	return true;
}

int fpu_restore_from_frame(const void __user *frame)
{
	if (frame && load_frame(frame))
		return 0;
	fpu_reset();
	return frame ? -EFAULT : 0;
}
