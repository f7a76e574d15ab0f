/* Io contexts (kernel/ioprio.c): what tasks that share one have in common for input and output. */
#pragma once

struct kernel_clone_args;
struct task_struct;

/* A row of clone's table of resources. ENOMEM. */
int copy_io(struct task_struct *child, const struct kernel_clone_args *args);
void release_io(struct task_struct *task);
