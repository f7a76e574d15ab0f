/*
 * personality(2): in which ways the kernel is to behave like another one to this thread and who it
 * makes. The number is kept and shown whatever it says. Obeyed are, as tools use them:
 *
 *	ADDR_NO_RANDOMIZE  programs are loaded where they were the last time (setarch -R, debuggers)
 *	READ_IMPLIES_EXEC  what may be read may be executed (mm/mmap.c, mm/mprotect.c)
 *	UNAME26, PER_LINUX32  what uname says (setarch i686)
 *
 * exec drops READ_IMPLIES_EXEC, and all that makes a program easier to attack when it gains rights.
 */
#include <tine/string.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/utsname.h>
#include <uapi/personality.h>

int randomize_va_space = 2;

long sys_personality(unsigned int personality)
{
	u32 old = current->personality;

	if (personality != 0xffffffffu)
		current->personality = personality;
	return old;
}

void personality_uname(struct new_utsname *uts)
{
	if ((current->personality & PER_MASK) == PER_LINUX32)
		strscpy(uts->machine, "i686", sizeof(uts->machine));
	if (current->personality & UNAME26)
		strscpy(uts->release, UTS_RELEASE26, sizeof(uts->release));
}

unsigned int personality_randomize(bool must)
{
	if (!must && (current->personality & ADDR_NO_RANDOMIZE))
		return 0;
	return READ_ONCE(randomize_va_space);
}

void personality_exec(bool clears)
{
	current->personality &= ~(clears ? PER_CLEAR_ON_SETID : READ_IMPLIES_EXEC);
}
