/* Address spaces: mm_struct, the memory map (VMAs), faults; and what fork, exec and exit need. */
#pragma once

#include <tine/arch.h>
#include <tine/atomic.h>
#include <tine/mutex.h>
#include <tine/page.h>
#include <tine/types.h>

struct file;
struct inode;
struct task_struct;

#define VM_READ        0x0001u
#define VM_WRITE       0x0002u
#define VM_EXEC        0x0004u
#define VM_SHARED      0x0008u
#define VM_MAYREAD     0x0010u /* what mprotect may add */
#define VM_MAYWRITE    0x0020u
#define VM_MAYEXEC     0x0040u
#define VM_GROWSDOWN   0x0100u
#define VM_LOCKED      0x0200u
#define VM_NORESERVE   0x0400u
#define VM_DONTCOPY    0x0800u /* MADV_DONTFORK */
#define VM_WIPEONFORK  0x1000u /* MADV_WIPEONFORK */
#define VM_DONTEXPAND  0x2000u
#define VM_UNCOUNTED   0x4000u  /* of the vDSO's pages: no references are counted */
#define VM_LOCKONFAULT 0x8000u  /* with VM_LOCKED: pages come in when they are touched */
#define VM_IO          0x20000u /* the vDSO's data: the kernel writes to it all the time */
#define VM_ACCOUNT     0x10000u /* counts as promised memory: private, and was writable once */

/*
 * A mapping: a node of a balanced tree ordered by address. Like the page tables, the tree is
 * persistent: fork shares its root, and a node with more than one reference is immutable; who
 * changes the map copies the path to the change (mm/vma.c). So a pointer to a vma is good only
 * while the mm's lock is held and the map is not changed.
 */
struct vma {
	struct atomic count; /* pointers to this node: parents in trees, and roots */
	u32 flags;           /* VM_ */
	unsigned long start, end;
	struct file *file; /* counted; NULL: anonymous */
	u64 pgoff; /* page offset in file of start; private anonymous: start >> PAGE_SHIFT */
	/* Private to mm/vma.c. */
	struct vma *left, *right;
	unsigned long tree_start, tree_end, tree_gap;
	u32 tree_flags;
	u32 height;
};

/* How many mappings there are and how large they are together; or how much that has changed. */
struct map_size {
	long count;
	unsigned long total_pages, data_pages, stack_pages, locked_pages, committed_pages;
};

/*
 * Locks: m = mm->lock (a mutex); a = atomic; c = constant once the mm is in use. All address spaces
 * are in one list.
 */
struct mm_struct {
	struct atomic users; /* a: tasks in it, and who else keeps its contents (mm_get/mm_put) */
	struct atomic count; /* a: all users are one; who only keeps the struct (mm_grab) */
	struct mutex lock;
	struct list_head link;    /* mm_list_lock: among all of them, oldest first */
	struct page *root;        /* c: root of the page tables */
	u64 cpus;                 /* a: CPUs that have the root loaded */
	struct vma *vmas;         /* m: root of the memory map */
	struct map_size map;      /* m */
	unsigned long peak_pages; /* m: the most that map.total_pages ever was */
	/* m: how often a page came where none was: what is resident is not more. */
	unsigned long touched_pages;
	unsigned long mmap_base; /* c: mappings are placed downwards from here */
	unsigned long start_code, end_code, start_data, end_data; /* c */
	unsigned long start_brk;                                  /* c */
	unsigned long brk;                                        /* m */
	unsigned long start_stack;                                /* c */
	unsigned long arg_start, arg_end, env_start, env_end;     /* c */
	unsigned long vdso;    /* c: where the vDSO's code was put */
	struct file *exe_file; /* c: counted */
	u16 dumpable;          /* a */
	u16 thp_disabled;      /* a: exec keeps it */
	u32 membarrier;        /* a: MEMBARRIER_CMD_REGISTER_ commands that were given */
	bool unborn; /* m: exec builds it: an edit of the map that fails may leave any of it */
	bool vmas_are_list; /* m: and the map is no tree yet (mm/vma.c) */
	/* Zero in a child of fork. */
	u32 def_flags;  /* m: VM_LOCKED, VM_LOCKONFAULT: what new mappings get (mlockall) */
	u32 oom_victim; /* a: no more memory but reserves for it */
	/* Not cleared in a new one. */
	unsigned long auxv[42]; /* c: pairs, as given to the program */
};

/* A new address space with an empty map, users 1, unborn. NULL: out of memory. */
struct mm_struct *mm_alloc(void);
/* A copy-on-write copy of current->mm (which is oldmm) without DONTFORK mappings, WIPEONFORK ones
 * emptied. Both will write at stack, any number, soon. ENOMEM as ERR_PTR. Sleeps. */
struct mm_struct *dup_mm(struct mm_struct *oldmm, unsigned long stack);
void mm_get(struct mm_struct *mm);
/* For who only keeps the struct: false if no user is left, and with the last one all contents went. */
bool mm_get_unless_gone(struct mm_struct *mm);
/* Drops a user; the last one unmaps everything. Sleeps. */
void mm_put(struct mm_struct *mm);
static inline void scoped_mm_put(struct mm_struct **mm)
{
	if (*mm)
		mm_put(*mm);
}
void mm_grab(struct mm_struct *mm);
void mm_drop(struct mm_struct *mm);
/* task's mm with a user reference, NULL if it has none. */
struct mm_struct *get_task_mm(struct task_struct *task);
/* For walks over all address spaces: the next one after prev (NULL: the first), with a user
 * reference; the one on prev is dropped. NULL at the end. A copy that fork is making stands behind
 * its original as soon as the original is unlocked. */
struct mm_struct *next_mm(struct mm_struct *prev);
void mm_init(void);

/* The mapping with the lowest addresses of those that end above address; NULL if none. It may start
 * above address. mm locked. */
struct vma *vma_find(struct mm_struct *mm, unsigned long address);
/* Calls visit on each mapping in order of address until one returns non-zero, which is then the
 * result. mm locked. */
int vma_for_each(struct mm_struct *mm, int (*visit)(const struct vma *vma, void *arg), void *arg);

/*
 * What is in memory of an address range: how many pages, by enum page_owner, and how many of them
 * are mapped by others too. share: what is left if each page is divided among those who map it, in
 * pages times MM_SHARE_UNIT; approximate, since who shares a node of the page tables may have cut
 * pages out of his share meanwhile. nodes: of the page tables. The zero page and the vDSO are not
 * counted.
 */
struct mm_usage {
	u64 nodes, pages[PAGE_OWNERS], shared[PAGE_OWNERS], share[PAGE_OWNERS];
};
#define MM_SHARE_UNIT (1ull << 24)

/* Adds what is in memory of [start, end) to usage. Walks the page tables: nobody counts while pages
 * come and go, since fork must not copy counts. mm locked (also against fork); sleeps. */
void mm_measure(struct mm_struct *mm, unsigned long start, unsigned long end,
		struct mm_usage *usage);
/* All of mm. Takes the lock; sleeps. */
struct mm_usage mm_usage(struct mm_struct *mm);
static inline u64 mm_usage_pages(const struct mm_usage *usage)
{
	return usage->pages[PAGE_ANON] + usage->pages[PAGE_SHMEM];
}

/*
 * Maps length bytes of file (NULL: anonymous) at address (0 or a hint unless flags has MAP_FIXED).
 * prot and flags as of mmap(2); takes a reference of its own on file. Returns the address or -errno
 * as mmap(2). mm is current->mm or one that nobody else uses yet; the lock is taken inside.
 */
long do_mmap(struct mm_struct *mm, struct file *file, unsigned long address, unsigned long length,
	     unsigned int prot, unsigned long flags, u64 offset);
long do_munmap(struct mm_struct *mm, unsigned long address, unsigned long length);
/* Makes start (page-aligned) the beginning of the break area, which is empty; for exec. */
void mm_set_brk(struct mm_struct *mm, unsigned long start);

/* mm/image.c: what exec maps, into an unborn mm. The lock is taken inside. */

/* A part of a program's image: [start, file_end) is mapped from the file at offset, [file_end, end)
 * is anonymous. Page-aligned. */
struct image_part {
	unsigned long start, file_end, end;
	u64 offset;
	unsigned long zero_from; /* up to file_end memory is zero, not what the file has there */
	unsigned int prot;       /* PROT_ */
};

/*
 * Maps a part of an image, in place of all that was there (of files that the caller holds). Of its
 * pages, those in memory that a read at touch (in the part) would map are mapped. file: opened for
 * exec, with get_page, and its mmap operation was called. EOVERFLOW: no file is that long; EPERM:
 * below MMAP_MIN_ADDR, or a limit forbids it; ENOMEM: memory is out.
 */
int mm_map_image_part(struct mm_struct *mm, struct file *file, const struct image_part *part,
		      unsigned long touch);
/* Where mmap would put length bytes (page-aligned) that it has to choose the place for. ENOMEM: there
 * is none, or RLIMIT_AS forbids them. */
long mm_find_room(struct mm_struct *mm, unsigned long length);
/* The stack of a new program: grows down from top (page-aligned), size bytes at first; executable
 * if asked. EPERM, ENOMEM as above. */
int mm_map_stack(struct mm_struct *mm, unsigned long top, unsigned long size, bool exec);
/* The vDSO's pages, above the stack, which ends there, if there is room; place (a random number)
 * says where. Sets mm->vdso. ENOMEM. To be called when all else is mapped. */
int mm_map_vdso(struct mm_struct *mm, unsigned long stack, unsigned int place);

/* task's mm with a user reference, if current may look into it as a debugger may (real ids). EACCES;
 * ESRCH: it has none. */
struct mm_struct *mm_access(struct task_struct *task);
/* Copies n bytes to or from another address space, faulting pages in; breaks copy-on-write when
 * writing; force writes where the mapping is private but not writable (ptrace, exec). Returns the
 * bytes copied. mm kept by the caller; sleeps. */
size_t access_remote_vm(struct mm_struct *mm, unsigned long address, void *buf, size_t n,
			bool write, bool force);

/*
 * Takes the pages [first, end) of inode out of every mapping of it. The file must still hold them, or
 * a private mapping might take the last reference to be its own page; a fault may bring one back unless
 * the file is too short for it. Copies that private mappings made go too if the range goes to the
 * end, as for truncation. Sleeps; the caller may hold the inode's lock, but not its mapping's.
 */
#define UNMAP_TO_END (~0ull)
void unmap_file_pages(const struct inode *inode, u64 first, u64 end);
/* A shared mapping of inode exists that may be written to, or be made so. Locks as above. */
bool file_mapped_writable(const struct inode *inode);

/* mm/commit.c: memory that was promised, of all address spaces and files in memory together, and how
 * much may be when overcommit_memory is OVERCOMMIT_NEVER. */
u64 committed_pages(void);
u64 commit_limit(void);
u64 mm_committed_pages(void); /* the part of all address spaces */
#define OVERCOMMIT_GUESS  0
#define OVERCOMMIT_ALWAYS 1
#define OVERCOMMIT_NEVER  2
extern int overcommit_memory, overcommit_ratio; /* atomic */

enum fault_access { FAULT_READ, FAULT_WRITE, FAULT_EXEC };
enum fault_result {
	FAULT_OK,     /* try the access again */
	FAULT_MAPERR, /* SIGSEGV, SEGV_MAPERR */
	FAULT_ACCERR, /* SIGSEGV, SEGV_ACCERR */
	FAULT_BUS,    /* SIGBUS, BUS_ADRERR: beyond the end of the file */
	FAULT_OOM,    /* no memory, and nobody left to kill for it: the task cannot go on */
	FAULT_KILLED, /* current has a fatal signal */
};
/* A page fault of current (or by the kernel in current->mm) at a user address. Any access in the
 * gap below a VM_GROWSDOWN mapping grows it, within RLIMIT_STACK and the guard gap, as on Linux.
 * Sleeps. */
enum fault_result handle_page_fault(struct mm_struct *mm, unsigned long address,
				    enum fault_access access);

/* Kills the process that would free the most; called when an allocation for user memory failed.
 * Returns false if there is none to kill (then the caller fails), else the allocation can be tried
 * again. Sleeps a little. No lock but that of current->mm may be held. */
bool out_of_memory(void);
/* What it thinks of task's process: the pages that its end would free, shifted by oom_score_adj. 0:
 * it is not to be killed. Sleeps. */
long oom_points(struct task_struct *task);
