/* Making the nth allocation of a task fail (debug builds); /proc/PID/fail-nth sets the number. */
#include <tine/fail.h>
#include <tine/task.h>

#ifdef CONFIG_DEBUG
bool should_fail_alloc(void)
{
	struct task_struct *task = current;

	return unlikely(task && task->fail_nth) && --task->fail_nth == 0;
}
#endif
