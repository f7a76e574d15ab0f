/* Making the nth allocation of a task fail (debug builds); /proc/PID/fail-nth sets the number. */
#include <tine/fail.h>
#include <tine/task.h>

#ifdef CONFIG_DEBUG
bool should_fail_alloc(void)
{
	struct task_struct *task = current;

	return unlikely(task->fail_nth) && !task->fail_suspended && --task->fail_nth == 0;
}

bool fail_suspend(void)
{
	bool was_suspended = current->fail_suspended;

	current->fail_suspended = true;
	return was_suspended;
}

void fail_resume(bool was_suspended)
{
	current->fail_suspended = was_suspended;
}
#endif
