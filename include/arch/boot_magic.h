/* How loaders say who they are; for assembly too. */
#pragma once

#define MULTIBOOT2_HEADER_MAGIC 0xe85250d6
#define MULTIBOOT2_MAGIC        0x36d76289 /* in eax */
#define PVH_MAGIC               0x336ec578 /* in the information's first word */
