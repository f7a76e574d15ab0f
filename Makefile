# Tine's build. `make help` lists what it can do; everything it makes goes under build/.
#
# Two flavours of the kernel come from the same rules: build/tine.elf, which is what one runs, and
# build/debug/tine.elf (CONFIG_DEBUG: lock-order checks, object counters), which is what is tested.

# ---- options, as in `make run SMP=4 MEM=1G` --------------------------------------------------------

ACCEL   ?= tcg#    tcg, or kvm where that is usable
SMP     ?= 2#      processors; for `test` it limits the run to this number
MEM     ?= 256M#   memory (512M with APPS=1)
MACHINE ?= q35#    q35 or pc
CPU     ?= max#    processor model, down to qemu64
MODE    ?= serial# serial: this terminal is the console; window: VGA text and a keyboard
APPS    ?=#        1: run and gdb take the archive of `make apps`
APPEND  ?=#        more words for the kernel's command line
DEBUG   ?=#        1: run, iso and gdb take the debug kernel
UEFI    ?=#        1: run-iso boots by UEFI, not by BIOS
T       ?=#        test, test-linux: only what has this in its name; profile: the measurement
SECONDS ?= 600#    stress: for how long
SEED    ?=#        stress: what a run before it printed, to do the same again
LINUX   ?=#        test-linux, bench: a Linux kernel image to take instead of Debian's
WERROR  ?= $(CI)#  1: warnings are errors
V       ?=#        1: show whole commands

B := build

# ---- ground rules ---------------------------------------------------------------------------------

SHELL := /bin/sh
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules --no-print-directory
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += --jobs=$(shell nproc 2>/dev/null || echo 1)
endif

say = @$(if $(V),:,printf '  %-5s %s\n' $(1) '$(2)')
Q   = $(if $(V),,@)

# $(call once,NAME,value) in NAME's own definition: found out at the first use, then kept.
once = $(eval $(1) := $(2))$($(1))

# A stamp changes when its text does. What depends on one is made anew after a change of flags or of
# the list of files.
.PHONY: FORCE
$(B)/stamp/%: FORCE | need
	@mkdir -p $(@D)
	@echo '$(stamp.$*)' | cmp -s - $@ || echo '$(stamp.$*)' >$@

# ---- what the machine must have -------------------------------------------------------------------

# In the words of tools/doctor, which installs or names what is missing.
tasks.all           = build
tasks.apps          = build user apps
tasks.run           = build user qemu $(filter window,$(MODE)) $(if $(APPS),apps)
tasks.iso           = build user iso
tasks.run-iso       = build user iso qemu $(if $(UEFI),uefi)
tasks.gdb           = build user qemu gdb $(if $(APPS),apps)
tasks.test          = build user iso qemu unit uefi
tasks.test-linux    = build user qemu linux
tasks.bench         = build user qemu linux plot
tasks.record        = build user qemu
tasks.profile       = build user qemu
tasks.stress        = build user qemu
tasks.check         = build user unit format
tasks.format        = format
tasks.docs          = unit

# Everything that is built comes after this, so that doctor runs once and first. The compiler is looked
# up later still, in the recipes, since doctor may just have installed it.
.PHONY: need
need:
	@tools/doctor --install $(foreach goal,$(or $(MAKECMDGOALS),all),$(or \
		$(tasks.$(goal)),build user unit))

ifeq ($(origin CROSS_COMPILE),undefined)
CROSS_COMPILE = $(call once,CROSS_COMPILE,$(firstword $(foreach \
	prefix,x86_64-elf- x86_64-linux-gnu-,$(if $(shell command -v $(prefix)gcc),$(prefix)))))
endif

.PHONY: doctor
doctor: ## say what is missing on this machine, and how to get it
	@tools/doctor

# ---- the kernel -----------------------------------------------------------------------------------

.PHONY: all
all: $(B)/tine.elf ## build the kernel, build/tine.elf (the default)
.DEFAULT_GOAL := all

SOURCES := $(foreach d,arch/x86_64 kernel mm fs fs/dev ipc,$(sort $(wildcard $(d)/*.c $(d)/*.S)))
OBJECTS := $(addsuffix .o,$(basename $(SOURCES)))

KERNEL_CC = $(CROSS_COMPILE)gcc
KERNEL_LD = $(CROSS_COMPILE)ld
KERNEL_NM = $(CROSS_COMPILE)nm

GCC_INCLUDE = $(call once,GCC_INCLUDE,$(shell $(KERNEL_CC) -print-file-name=include))

CPPFLAGS = -nostdinc -isystem $(GCC_INCLUDE) -Iinclude
CFLAGS   = -std=gnu11 -O2 -g -ffreestanding -fno-common -fno-strict-aliasing \
	   -fno-pic -fno-pie -mcmodel=kernel -mno-red-zone -mgeneral-regs-only \
	   -fno-omit-frame-pointer \
	   -fno-asynchronous-unwind-tables -fcf-protection=none \
	   -Wall -Wextra -Wno-unused-parameter -Wstrict-prototypes -Wmissing-prototypes \
	   -Wvla -Wimplicit-fallthrough $(if $(WERROR),-Werror)
# The stack protector's canary is at gs:40, in the per-CPU area.
CFLAGS  += -fstack-protector-strong -mstack-protector-guard=tls \
	   -mstack-protector-guard-reg=gs -mstack-protector-guard-offset=40
LDFLAGS  = -nostdlib -static -z noexecstack -z max-page-size=4096 --build-id=none

stamp.kernel-flags = $(KERNEL_CC) $(CPPFLAGS) $(FLAVOUR) $(CFLAGS) $(LDFLAGS)
stamp.kernel-files = $(OBJECTS)

# Small functions are for who reads them; the processor need not call each. In the debug kernel it does,
# and the last option makes a backtrace show a function too whose last act was the next one's call.
FLAVOUR = -finline-limit=300
$(B)/debug/%: FLAVOUR = -DCONFIG_DEBUG=1 -fno-optimize-sibling-calls

define compile
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(KERNEL_CC) $(CPPFLAGS) $(FLAVOUR) $(CFLAGS) -MMD -MP -c $< -o $@
endef

$(B)/%.o: %.c $(B)/stamp/kernel-flags
	$(compile)
$(B)/%.o: %.S $(B)/stamp/kernel-flags
	$(compile)
$(B)/debug/%.o: %.c $(B)/stamp/kernel-flags
	$(compile)
$(B)/debug/%.o: %.S $(B)/stamp/kernel-flags
	$(compile)

# The vDSO: a shared library for programs, which the kernel carries as a file.
VDSO_CFLAGS = -std=gnu11 -O2 -ffreestanding -fPIC -fno-stack-protector -fcf-protection=none \
	      -fasynchronous-unwind-tables -Wall -Wextra -Wno-unused-parameter $(if $(WERROR),-Werror)
VDSO_LDFLAGS = -shared -nostdlib -s -Wl,-soname=linux-vdso.so.1,--hash-style=both,--build-id=none \
	       -Wl,--eh-frame-hdr,-z,noexecstack,-z,max-page-size=4096
stamp.vdso = $(KERNEL_CC) $(CPPFLAGS) $(VDSO_CFLAGS) $(VDSO_LDFLAGS)

$(B)/vdso.so: arch/x86_64/vdso/vdso.c arch/x86_64/vdso/vdso.lds include/arch/segments.h \
		include/arch/vdso.h include/uapi/time.h $(B)/stamp/vdso
	$(call say,VDSO,$@)
	$(Q)$(KERNEL_CC) $(CPPFLAGS) $(VDSO_CFLAGS) $(VDSO_LDFLAGS) -T $(word 2,$^) $< -o $@

$(B)/arch/x86_64/vdso_image.o $(B)/debug/arch/x86_64/vdso_image.o: $(B)/vdso.so
$(B)/arch/x86_64/vdso_image.o $(B)/debug/arch/x86_64/vdso_image.o: \
	private FLAVOUR += -DVDSO_IMAGE='"$(B)/vdso.so"'

# The kernel is linked twice, because the names that a backtrace prints are only known after the first
# time. The table lies behind all code, so addresses stay as they were; symtab.py makes sure of it.
FLAVOURS := $(B) $(B)/debug
each      = $(FLAVOURS:%=%/$(1))

$(B)/pass1.elf $(B)/tine.elf: $(OBJECTS:%=$(B)/%)
$(B)/debug/pass1.elf $(B)/debug/tine.elf: $(OBJECTS:%=$(B)/debug/%)

link = $(Q)$(KERNEL_LD) $(LDFLAGS) -T linker.ld -o $@ $(filter %.o,$^)

$(call each,symtab-empty.S): tools/symtab.py | need
	@mkdir -p $(@D)
	$(Q)python3 tools/symtab.py empty >$@

$(call each,pass1.elf): %/pass1.elf: %/symtab-empty.o linker.ld $(B)/stamp/kernel-files
	$(link)

$(call each,symtab.S): %/symtab.S: %/pass1.elf tools/symtab.py
	$(Q)python3 tools/symtab.py table $(KERNEL_NM) $< >$@

$(call each,symtab.o) $(call each,symtab-empty.o): %.o: %.S
	$(Q)$(KERNEL_CC) -c $< -o $@

$(call each,tine.elf): %/tine.elf: %/symtab.o %/pass1.elf linker.ld
	$(call say,LD,$@)
	$(link)
	$(Q)python3 tools/symtab.py check $(KERNEL_NM) $*/pass1.elf $@

# ---- user land ------------------------------------------------------------------------------------

# Ordinary static Linux programs. user/tests/NAME.c becomes /tests/NAME, linked with tap.c;
# user/tests/helpers/NAME.c becomes /tests/helpers/NAME, for tests that execute another program.
USER_CC     = musl-gcc
USER_CFLAGS = -std=gnu11 -static -O2 -g0 -s -Wall -Wextra -Wno-unused-parameter \
	      $(if $(WERROR),-Werror) -Iuser/tests -idirafter include -idirafter include/uapi

TESTS   := $(filter-out user/tests/tap.c,$(sort $(wildcard user/tests/*.c)))
HELPERS := $(sort $(wildcard user/tests/helpers/*.c))
BENCHES := $(sort $(wildcard user/bench/*.c))
STRESS  := $(sort $(wildcard user/stress/*.c))

# user/pthreads/NAME.c becomes /tests/pthread-NAME-musl and /tests/pthread-NAME-glibc: all of them are one program,
# linked with each C library.
PTHREADS         := $(sort $(wildcard user/pthreads/*.c))
PTHREAD_PROGRAMS := $(B)/user/pthreads/musl/pthreads $(B)/user/pthreads/glibc/pthreads
$(B)/user/pthreads/glibc/%: USER_CC = gcc
# Among Debian's programs is the same with the shared glibc that they use.
PTHREADS_SHARED := $(B)/user/pthreads/glibc/pthreads-shared

# All of user/bench/ is one program, all of user/stress/ another.
BENCH_PROGRAM  := $(B)/user/bench/forkbench
STRESS_PROGRAM := $(B)/user/stress/forkstress

USER_PROGRAMS := $(patsubst %.c,$(B)/%,user/init.c $(TESTS) $(HELPERS)) $(PTHREAD_PROGRAMS) $(BENCH_PROGRAM) \
	$(STRESS_PROGRAM)

stamp.user-flags = $(USER_CC) $(USER_CFLAGS)
stamp.user-files = $(USER_PROGRAMS) $(PTHREADS) $(BENCHES) $(STRESS)

define compile_user
	$(call say,USER,$@)
	@mkdir -p $(@D)
	$(Q)$(USER_CC) $(USER_CFLAGS) -MMD -MP -MF $@.d -MT $@ $< $(filter %.o,$^) -o $@
endef

define compile_user_part
	$(call say,USER,$@)
	@mkdir -p $(@D)
	$(Q)$(USER_CC) $(USER_CFLAGS) -MMD -MP -c $< -o $@
endef

$(B)/user/tests/tap.o: user/tests/tap.c $(B)/stamp/user-flags
	$(compile_user_part)
$(B)/user/pthreads/musl/%.o: user/pthreads/%.c $(B)/stamp/user-flags
	$(compile_user_part)
$(B)/user/pthreads/glibc/%.o: user/pthreads/%.c $(B)/stamp/user-flags
	$(compile_user_part)
$(B)/user/pthreads/%/tap.o: user/tests/tap.c $(B)/stamp/user-flags
	$(compile_user_part)
$(B)/user/bench/%.o: user/bench/%.c $(B)/stamp/user-flags
	$(compile_user_part)
$(B)/user/stress/%.o: user/stress/%.c $(B)/stamp/user-flags
	$(compile_user_part)

$(PTHREAD_PROGRAMS): %/pthreads: %/tap.o $(addprefix %/,$(notdir $(PTHREADS:.c=.o))) $(B)/stamp/user-files
	$(call say,USER,$@)
	$(Q)$(USER_CC) $(USER_CFLAGS) $(filter %.o,$^) -o $@
$(PTHREADS_SHARED): %/pthreads-shared: %/tap.o $(addprefix %/,$(notdir $(PTHREADS:.c=.o))) $(B)/stamp/user-files
	$(call say,USER,$@)
	$(Q)$(USER_CC) $(filter-out -static,$(USER_CFLAGS)) $(filter %.o,$^) -o $@
$(BENCH_PROGRAM): $(BENCHES:%.c=$(B)/%.o) $(B)/stamp/user-files
	$(call say,USER,$@)
	$(Q)$(USER_CC) $(USER_CFLAGS) $(filter %.o,$^) -o $@
$(STRESS_PROGRAM): $(STRESS:%.c=$(B)/%.o) $(B)/stamp/user-files
	$(call say,USER,$@)
	$(Q)$(USER_CC) $(USER_CFLAGS) $(filter %.o,$^) -o $@
$(B)/user/tests/helpers/%: user/tests/helpers/%.c $(B)/stamp/user-flags
	$(compile_user)
$(B)/user/tests/%: user/tests/%.c $(B)/user/tests/tap.o $(B)/stamp/user-flags
	$(compile_user)
$(B)/user/%: user/%.c $(B)/stamp/user-flags
	$(compile_user)

INITRAMFS = $(B)/initramfs.cpio.gz
$(INITRAMFS): $(USER_PROGRAMS) $(wildcard user/etc/*) tools/mkinitramfs $(B)/stamp/user-files
	$(call say,CPIO,$@)
	$(Q)tools/mkinitramfs $@ $(B)/user

.PHONY: initramfs
initramfs: $(INITRAMFS) ## build init, the tests and their archive, build/initramfs.cpio.gz

# The same with programs of Debian, taken apart from their packages. The archive and the files in it are in
# memory together while it is unpacked.
APPS_ARCHIVE = $(B)/apps.cpio
ifeq ($(origin MEM)$(APPS),file1)
MEM = 512M
endif

$(B)/apps/packages: tools/mkapps | need
	$(call say,GET,$@)
	$(Q)tools/mkapps $(@D)

$(APPS_ARCHIVE): $(B)/apps/packages $(INITRAMFS) $(PTHREADS_SHARED) $(wildcard user/apps/*)
	$(call say,CPIO,$@)
	$(Q)tools/mkinitramfs $@ $(B)/user $(B)/apps/root

.PHONY: apps
apps: $(APPS_ARCHIVE) ## build that archive with bash, Python and other Debian programs, build/apps.cpio

ARCHIVE = $(if $(APPS),$(APPS_ARCHIVE),$(INITRAMFS))

# ---- running it -----------------------------------------------------------------------------------

KERNEL = $(B)/$(if $(filter 1,$(DEBUG)),debug/)tine.elf

MODE_OPTIONS.serial = -display none -serial mon:stdio
MODE_OPTIONS.window = -serial stdio
CONSOLE.serial      = console=ttyS0
CONSOLE.window      = console=ttyS0 console=tty0

COMMAND_LINE = $(strip $(CONSOLE.$(MODE)) $(APPEND))
QEMU = qemu-system-x86_64 -machine $(MACHINE) -cpu $(CPU) -smp $(SMP) -m $(MEM) \
	-accel $(ACCEL)$(if $(filter tcg,$(ACCEL)),$(comma)thread=multi) \
	-nic none -no-reboot $(MODE_OPTIONS.$(MODE))
comma := ,

.PHONY: run
run: $(KERNEL) $(ARCHIVE) ## boot it in QEMU, to a shell in this terminal
	$(Q)$(QEMU) -kernel $(KERNEL) -initrd $(ARCHIVE) -append '$(COMMAND_LINE)'

stamp.iso = $(KERNEL) $(COMMAND_LINE)
$(B)/tine.iso: $(KERNEL) $(INITRAMFS) iso/grub.cfg tools/mkiso $(B)/stamp/iso
	$(call say,ISO,$@)
	$(Q)tools/mkiso $@ $(KERNEL) $(INITRAMFS) '$(COMMAND_LINE)'

.PHONY: iso
iso: $(B)/tine.iso ## build build/tine.iso, which GRUB boots by BIOS and by UEFI

.PHONY: run-iso
run-iso: $(B)/tine.iso ## boot that image (UEFI=1: by UEFI)
	$(Q)$(QEMU) -cdrom $< $(if $(UEFI),$$(tools/uefi-firmware $(B)))

.PHONY: gdb
gdb: $(KERNEL) $(ARCHIVE) ## boot it under gdb, stopped before its first instruction
	$(Q)tools/debug $(KERNEL) $(B)/console.log $(filter-out $(MODE_OPTIONS.$(MODE)),$(QEMU)) \
		-kernel $(KERNEL) -initrd $(ARCHIVE) -append '$(COMMAND_LINE)'

# ---- testing it -----------------------------------------------------------------------------------

# Pure kernel code, compiled for this machine. A unit test's first line names the sources it tests:
#   // sources: mm/pgtable.c kernel/clone_rules.c
UNIT_TESTS  := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/unit/*.c)))
UNIT_CFLAGS  = -std=gnu11 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	       -fno-omit-frame-pointer -Wall -Wextra -Wno-unused-parameter $(if $(WERROR),-Werror) \
	       -DTINE_HOST_TEST -Iinclude -Itests/unit
stamp.unit   = $(UNIT_CFLAGS)

$(B)/tests/unit/%: tests/unit/%.c $(B)/stamp/unit
	$(call say,UNIT,$@)
	@mkdir -p $(@D)
	$(Q)sources="$< $$(sed -n '1s,^// sources:,,p' $<)" && \
		gcc $(UNIT_CFLAGS) -o $@ $$sources && \
		gcc $(UNIT_CFLAGS) -MM -MP -MT $@ $$sources >$@.d

.PHONY: unit-tests
unit-tests: $(UNIT_TESTS)

SUITE_ISO = $(B)/fork-suite.iso
$(SUITE_ISO): $(B)/debug/tine.elf $(INITRAMFS) iso/grub.cfg tools/mkiso
	$(call say,ISO,$@)
	$(Q)tools/mkiso $@ $< $(INITRAMFS) "console=ttyS0 quiet -- test fork* cow* vfork*"

RUN_TESTS = python3 tests/run.py $(if $(T),--filter '$(T)') \
	$(if $(filter-out file,$(origin SMP)),--smp $(SMP))

apps_wanted = $(if $(T),$(if $(filter app%,$(T)),apps-or-why),apps-or-why)

.PHONY: test
test: $(B)/debug/tine.elf $(B)/tine.elf $(INITRAMFS) $(SUITE_ISO) $(UNIT_TESTS) $(apps_wanted) ## run all tests (T=fork: those named so)
	$(Q)$(RUN_TESTS)

# Where Debian's packages cannot be had, mkapps leaves the reason, and the tests that need them are skipped.
.PHONY: apps-or-why
apps-or-why: $(INITRAMFS)
	$(Q)$(MAKE) apps || { test -s $(B)/apps/unavailable && rm -f $(APPS_ARCHIVE); }

LINUX_IMAGE = $(or $(LINUX),$(B)/linux/vmlinuz)
$(B)/linux/vmlinuz: tools/fetch-linux | need
	$(call say,GET,$@)
	$(Q)tools/fetch-linux $(@D)

.PHONY: test-linux
test-linux: $(B)/debug/tine.elf $(INITRAMFS) $(LINUX_IMAGE) ## compare with Linux: the same tests, line by line
	$(Q)$(RUN_TESTS) --compare-with $(LINUX_IMAGE)

.PHONY: stress
stress: $(B)/debug/tine.elf $(INITRAMFS) ## memory under stress, checked by a model (SECONDS=600 SMP=4 SEED=...)
	$(Q)python3 tests/stress.py --seconds $(SECONDS) --smp $(if $(filter file,$(origin SMP)),4,$(SMP)) \
		$(if $(SEED),--seed $(SEED))

.PHONY: bench
bench: $(B)/tine.elf $(INITRAMFS) $(LINUX_IMAGE) ## measure it on Tine and on Linux, write docs/benchmarks.md
	$(Q)python3 tests/bench.py --report --linux $(LINUX_IMAGE)

.PHONY: record
record: $(B)/tine.elf $(INITRAMFS) ## write tests/instructions.txt, which the tests compare with
	$(Q)python3 tests/bench.py --record

.PHONY: profile
profile: $(B)/tine.elf $(INITRAMFS) ## where the instructions of a measurement go (T=fork-exit-wait)
	$(Q)python3 tests/profile.py $(or $(T),fork-exit-wait)

# ---- keeping it in order --------------------------------------------------------------------------

C_FILES := $(sort $(shell find arch kernel mm fs ipc include user tests tools -name '*.[ch]' 2>/dev/null))

# The rules of clone, as a program of this machine prints them.
CLONE_RULES = $(B)/tools/clone_rules

.PHONY: check check-format check-build check-tools
check: check-format check-tools check-build ## what can be checked without booting: format, warnings, citations, documents, layers

check-format: | need
	$(call say,CHECK,format)
	$(Q)bad=0; for file in $(C_FILES); do \
		clang-format --dry-run -Werror $$file >/dev/null 2>&1 || \
			{ echo "$$file: not as .clang-format says; make format lays it out"; bad=1; }; \
	done; exit $$bad

check-tools: $(CLONE_RULES) | need
	$(call say,CHECK,citations)
	$(Q)python3 tools/check_citations.py
	$(call say,CHECK,clone flags)
	$(Q)python3 tools/clone_flags.py --check $(CLONE_RULES)
	$(call say,CHECK,layers)
	$(Q)python3 tools/check_layers.py
	$(call say,CHECK,size)
	$(Q)python3 tools/count_lines.py

check-build: | need
	$(call say,CHECK,warnings)
	$(Q)$(MAKE) B=$(B)/check WERROR=1 every-program

.PHONY: every-program
every-program: $(B)/tine.elf $(B)/debug/tine.elf $(USER_PROGRAMS) $(UNIT_TESTS)

$(CLONE_RULES): tools/clone_rules.c kernel/clone_rules.c $(B)/stamp/unit
	$(call say,HOST,$@)
	@mkdir -p $(@D)
	$(Q)gcc $(UNIT_CFLAGS) -MMD -MP -MF $@.d -MT $@ -o $@ $(filter %.c,$^)

.PHONY: docs
docs: $(CLONE_RULES) ## write docs/clone-flags.md and README's table of flags anew
	$(Q)python3 tools/clone_flags.py $(CLONE_RULES)

.PHONY: format
format: | need ## lay the code out as .clang-format says
	$(Q)clang-format -i $(C_FILES)

.PHONY: compile_commands.json
compile_commands.json: | need ## write build/compile_commands.json, for editors
	$(Q)mkdir -p $(B)
	$(Q)python3 tools/compile_commands.py $(B)/compile_commands.json \
		'$(KERNEL_CC) $(CPPFLAGS) $(CFLAGS)' $(SOURCES) \
		-- '$(USER_CC) $(USER_CFLAGS)' user/init.c $(TESTS) $(HELPERS) $(PTHREADS) $(BENCHES) $(STRESS) \
		-- 'gcc $(UNIT_CFLAGS)' $(wildcard tests/unit/*.c)

.PHONY: clean
clean: ## remove build/
	rm -rf $(B)

.PHONY: help
help: ## this list
	@echo 'Targets:'
	@sed -n 's/^\([a-z_.-]*\):[^#]*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{ printf "%-24s%s\n", $$1, $$2 }'
	@echo 'Options, as in "make run SMP=4 MEM=1G":'
	@sed -n 's/^\([A-Z]*\) *?= *\([^ #]*\)# *\(.*\)/  \1=\2|\3/p' Makefile | awk -F'|' '{ printf "%-24s%s\n", $$1, $$2 }'

-include $(shell find $(B) -name apps -prune -o -name '*.d' -type f -print 2>/dev/null)
