/* execve(2) (kernel/exec.c, kernel/elf.c, kernel/script.c). */
#pragma once

#include <tine/types.h>

/*
 * Replaces current's program from inside the kernel (init): argv and envp are kernel arrays ended
 * by NULL. 0 or -errno; after 0 the caller, a kernel thread without PF_KTHREAD duties left, returns
 * and goes to user mode.
 */
int kernel_execve(const char *path, const char *const *argv, const char *const *envp);
