/*
 * How much memory may be promised: vm.overcommit_memory.
 *
 * Mappings promise memory that is taken when it is touched: private ones that were ever writable
 * (VM_ACCOUNT), in full, since copy-on-write may need it all; files in memory by what they hold;
 * shared anonymous memory by its size. 0: only what can never be kept is refused; 1: nothing; 2:
 * what goes beyond overcommit_ratio percent of memory, all promises together.
 *
 * Nobody keeps the sum. Each mm counts its own promises as its map changes, and fork copies that
 * number with the others; who needs the sum, which in modes 0 and 1 is only who reads /proc/meminfo,
 * adds them up.
 */
#include <tine/cred.h>
#include <tine/file.h>
#include <tine/mm.h>
#include <tine/page.h>
#include <tine/task.h>
#include <tine/vma.h>

#define ADMIN_RESERVE ((8ul << 20) >> PAGE_SHIFT)   /* kept back from the unprivileged, at most */
#define USER_RESERVE  ((128ul << 20) >> PAGE_SHIFT) /* kept back from large processes, at most */

int overcommit_memory = OVERCOMMIT_GUESS;
int overcommit_ratio = 50;

u64 commit_limit(void)
{
	return total_page_count() * READ_ONCE(overcommit_ratio) / 100;
}

u64 committed_pages(void)
{
	return mm_committed_pages() + shmem_committed_pages();
}

/* In mode 2 a little is kept, so that an administrator can still log in and kill something. */
static bool within_commit_limit(unsigned long pages)
{
	u64 reserve = MIN(current->mm ? current->mm->map.total_pages / 32 : 0, USER_RESERVE);

	if (!capable(CAP_SYS_ADMIN))
		reserve += MIN(total_page_count() / 32, ADMIN_RESERVE);
	return committed_pages() + pages + reserve < commit_limit();
}

bool enough_memory(unsigned long pages)
{
	switch (READ_ONCE(overcommit_memory)) {
	case OVERCOMMIT_ALWAYS:
		return true;
	case OVERCOMMIT_NEVER:
		return within_commit_limit(pages);
	default:
		return pages <= total_page_count();
	}
}
