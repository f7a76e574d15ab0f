/* Flags of prctl(PR_SET_SECUREBITS): user 0 without its privileges. Each has a lock, the next bit.
 */
#pragma once

#define SECBIT_NOROOT                      0x01u
#define SECBIT_NOROOT_LOCKED               0x02u
#define SECBIT_NO_SETUID_FIXUP             0x04u
#define SECBIT_NO_SETUID_FIXUP_LOCKED      0x08u
#define SECBIT_KEEP_CAPS                   0x10u
#define SECBIT_KEEP_CAPS_LOCKED            0x20u
#define SECBIT_NO_CAP_AMBIENT_RAISE        0x40u
#define SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED 0x80u

#define SECBITS_ALL   0x55u
#define SECBITS_LOCKS 0xaau
