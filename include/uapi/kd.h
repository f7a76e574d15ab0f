/* Consoles: requests by which programs know one (ioctl_console(2)). */
#pragma once

#define KDGKBTYPE 0x4b33
#define KDSETMODE 0x4b3a
#define KDGETMODE 0x4b3b
#define KDGKBMODE 0x4b44
#define KDSKBMODE 0x4b45
#define KB_101    2
#define KD_TEXT   0
#define K_XLATE   1
#define K_UNICODE 3

#define VT_OPENQRY    0x5600
#define VT_GETMODE    0x5601
#define VT_GETSTATE   0x5603
#define VT_ACTIVATE   0x5606
#define VT_WAITACTIVE 0x5607

struct vt_mode {
	char mode, waitv;
	short relsig, acqsig, frsig;
};

struct vt_stat {
	unsigned short v_active, v_signal, v_state;
};
