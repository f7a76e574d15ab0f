/* membarrier(2): commands, a bit each, so that MEMBARRIER_CMD_QUERY can tell which there are. */
#pragma once

#define MEMBARRIER_CMD_QUERY                                0
#define MEMBARRIER_CMD_GLOBAL                               0x01
#define MEMBARRIER_CMD_GLOBAL_EXPEDITED                     0x02
#define MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED            0x04
#define MEMBARRIER_CMD_PRIVATE_EXPEDITED                    0x08
#define MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED           0x10
#define MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE          0x20
#define MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE 0x40
#define MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ               0x80
#define MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ      0x100

#define MEMBARRIER_CMD_FLAG_CPU 1 /* PRIVATE_EXPEDITED_RSEQ: on one CPU only */
