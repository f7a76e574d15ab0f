/* capget(2), capset(2). */
#pragma once

#define LINUX_CAPABILITY_VERSION_1 0x19980330u /* 32 capabilities: one struct cap_user_data */
#define LINUX_CAPABILITY_VERSION_2 0x20071026u /* 64: two, the low halves first */
#define LINUX_CAPABILITY_VERSION_3 0x20080522u

struct cap_user_header {
	unsigned int version;
	int pid;
};

struct cap_user_data {
	unsigned int effective, permitted, inheritable;
};
