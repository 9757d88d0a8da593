/* runtime: what a guest has instead of an operating system and a C library.
 *
 * A guest runs on the bare machine: it owns all memory from __heap_start to the end, and asks for
 * everything else by hypercalls (machine/hypercall.h). Its main(argc, argv) is an ordinary one.
 *
 * The stack has 32 KiB at the beginning of memory (guest.ld). What overflows it leaves memory and
 * ends the guest as a crash; a program that needs more sets an sp of its own, or is linked with
 * -Wl,--defsym=__stack_bytes=0x20000 (GUEST_CFLAGS of guest.mk). There is no floating point: the
 * machine has none, and no library stands in for it.
 *
 * Misaligned loads and stores are allowed on this machine; the copying functions rely on it.
 */
#ifndef GUESTS_RUNTIME_H
#define GUESTS_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "machine/hypercall.h"

/* ---- Hypercalls ---- */

struct hypercall_result {
    int64_t error;
    uint64_t value;
};

static inline struct hypercall_result hypercall(uint64_t extension, uint64_t function,
                                                uint64_t argument0, uint64_t argument1,
                                                uint64_t argument2)
{
    register uint64_t a0 __asm__("a0") = argument0;
    register uint64_t a1 __asm__("a1") = argument1;
    register uint64_t a2 __asm__("a2") = argument2;
    register uint64_t a6 __asm__("a6") = function;
    register uint64_t a7 __asm__("a7") = extension;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a6), "r"(a7) : "memory");
    return (struct hypercall_result){(int64_t)a0, a1};
}

_Noreturn static inline void exit(int status)
{
    for (;;)
        hypercall(HYPERCALL_EXIT, 0, (uint64_t)status, 0, 0);
}

static inline uint64_t memory_bytes(void)
{
    return hypercall(HYPERCALL_ARGUMENTS, 1, 0, 0, 0).value;
}

/* The name of the host where this guest is just now; "" where nobody has named it. It says something
 * else after a move, and is for people: whoever decides by it behaves differently for being moved. */
static inline const char *host_name(char name[HOST_NAME_BYTES])
{
    uint64_t count =
        hypercall(HYPERCALL_ARGUMENTS, ARGUMENTS_HOST, (uint64_t)name, HOST_NAME_BYTES - 1, 0)
            .value;
    name[count < HOST_NAME_BYTES ? count : HOST_NAME_BYTES - 1] = '\0';
    return name;
}

/* ---- Time, in nanoseconds that this guest has lived ---- */

static inline uint64_t time_ns(void)
{
    uint64_t now;
    __asm__ volatile("rdtime %0" : "=r"(now));
    return now;
}

static inline void set_timer(uint64_t at_ns)
{
    hypercall(HYPERCALL_TIME, 0, at_ns, 0, 0);
}

/* Sleeps until the timer is due or a mailbox wants attention; not at all when it is so already. */
static inline void wait_for_something(void)
{
    __asm__ volatile("wfi" ::: "memory");
}

void sleep_until(uint64_t at_ns); /* UINT64_MAX: for ever */

/* ---- Mailboxes: the result is a count or stream number, or a negative HYPERCALL_ error ---- */

static inline int64_t mailbox_call(uint64_t function, uint64_t argument0, uint64_t argument1,
                                   uint64_t argument2)
{
    struct hypercall_result result =
        hypercall(HYPERCALL_MAILBOX, function, argument0, argument1, argument2);
    return result.error < 0 ? result.error : (int64_t)result.value;
}

static inline int64_t mailbox_listen(uint16_t port)
{
    return mailbox_call(MAILBOX_LISTEN, port, 0, 0);
}

static inline int64_t mailbox_accept(void)
{
    return mailbox_call(MAILBOX_ACCEPT, 0, 0, 0);
}

static inline int64_t mailbox_receive(uint32_t stream_idx, void *data, size_t capacity)
{
    return mailbox_call(MAILBOX_RECEIVE, stream_idx, (uint64_t)data, capacity);
}

static inline int64_t mailbox_send(uint32_t stream_idx, const void *data, size_t count)
{
    return mailbox_call(MAILBOX_SEND, stream_idx, (uint64_t)data, count);
}

static inline int64_t mailbox_close(uint32_t stream_idx)
{
    return mailbox_call(MAILBOX_CLOSE, stream_idx, 0, 0);
}

static inline int64_t mailbox_poll(uint32_t *streams, size_t capacity)
{
    return mailbox_call(MAILBOX_POLL, (uint64_t)streams, capacity, 0);
}

/* ---- Cache, disk and free pages: see machine/hypercall.h ---- */

#define CACHE_LINE_BYTES 64

/* What was stored to the bytes is in memory when this returns, where devices read it: line by line
 * by cbo.flush (Zicbom; the compiler's assembler does not know its name). */
static inline void flush_cache(const void *first, size_t count)
{
    uint64_t at = (uint64_t)first & ~(uint64_t)(CACHE_LINE_BYTES - 1);
    for (; at < (uint64_t)first + count; at += CACHE_LINE_BYTES)
        __asm__ volatile(".insn i 0x0F, 2, x0, %0, 2" : : "r"(at) : "memory");
}

/* The result is a number, or a negative HYPERCALL_ error. */
static inline int64_t disk_call(uint64_t function, uint64_t block_idx, const void *block)
{
    struct hypercall_result result =
        hypercall(HYPERCALL_DISK, function, block_idx, (uint64_t)block, 0);
    return result.error < 0 ? result.error : (int64_t)result.value;
}

static inline uint64_t disk_blocks(void) /* 0: there is no disk */
{
    int64_t blocks = disk_call(DISK_BLOCKS, 0, NULL);
    return blocks < 0 ? 0 : (uint64_t)blocks;
}

/* The memory there is not needed: it reads as zeros from now on, as far as it fills pages, and is
 * not carried by a move until it is used again. */
static inline void give_pages(void *first, size_t count)
{
    struct hypercall_result given = {0, 0};
    for (uint64_t at = 0; at < count && given.error == 0; at += given.value)
        given = hypercall(HYPERCALL_PAGES, PAGES_GIVE, (uint64_t)first + at, count - at, 0);
}

/* ---- Memory ---- */

extern uint8_t __heap_start[]; /* page-aligned; everything from here on is free (guest.ld) */

static inline uint8_t *heap_end(void)
{
    return (uint8_t *)(uint64_t)RAM_BASE + memory_bytes();
}

static inline uint64_t heap_bytes(void)
{
    return (uint64_t)(heap_end() - __heap_start);
}

/* A fingerprint of bytes, by which a guest notices that its memory is not what it wrote. Any byte
 * counts, and its place; `before` chains one to the next. No secret: nobody here forges. */
uint64_t checksum(const void *bytes, size_t count, uint64_t before);

/* The compiler emits calls to these, used or not. */
void *memcpy(void *restrict to, const void *restrict from, size_t count);
void *memmove(void *to, const void *from, size_t count);
void *memset(void *to, int byte, size_t count);
int memcmp(const void *a, const void *b, size_t count);
size_t strlen(const char *text);
int strcmp(const char *a, const char *b);

/* ---- Console ---- */

void write_console(const char *text, size_t count);

/* A small printf: %s %c %p %% and %d %i %u %x %X for int, with l or z for 64 bits, a width, and
 * before that 0 or - ("%08lu", "%-12s"). What it does not know it writes as it stands, and passes
 * over one argument. One call is one write; what is longer than 256 bytes is cut. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
size_t format_text(char *text, size_t capacity, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "s" behind a noun, where there is not exactly one of it. */
static inline const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

/* ---- Options ---- */

enum option_kind {
    OPTION_NUMBER,    /* 20 */
    OPTION_SIZE,      /* 65536, 64KiB, 48MiB */
    OPTION_RATE,      /* 5000, 5000pages/s, 5kpages/s */
    OPTION_FREQUENCY, /* 500, 500/s, 2k/s */
    OPTION_TIME,      /* 500ms, 20us: in nanoseconds */
    OPTION_WORD,      /* one of `words`; its index is the value */
};

struct option {
    const char *name; /* "--count" */
    enum option_kind kind;
    uint64_t *value;          /* holds the default */
    const char *const *words; /* of OPTION_WORD, NULL at the end */
};

/* Reads "--name value" pairs. What it does not know it names in one line, and exits with 2. */
void read_options(int argc, char **argv, const struct option *options, size_t option_count);

#endif
