/* harts: several processors in one guest: starting them, and what keeps them out of each other's
 * way. A part of the runtime for those who want it; hart 0 is the one that main runs on.
 *
 * Memory is one for all harts, and what one stores another sees. Three ways to change a word
 * together are shown here, from the smallest: an instruction that adds in memory (amoadd), a pair
 * of which the second says whether anybody came between (lr, sc), and a lock. */
#ifndef GUESTS_HARTS_H
#define GUESTS_HARTS_H

#include "runtime.h"

#define HARTS_MAX        8
#define HART_STACK_BYTES 8192

static inline uint32_t hart_idx(void)
{
    uint64_t idx;
    __asm__("mv %0, tp" : "=r"(idx)); /* start.S */
    return (uint32_t)idx;
}

/* How many there are, started or not. */
static inline uint32_t hart_count(void)
{
    uint32_t count = 1;
    while (count < HARTS_MAX && hypercall(HYPERCALL_HSM, HSM_STATUS, count, 0, 0).error == 0)
        count++;
    return count;
}

struct hart_work { /* start.S knows the order */
    uint8_t *stack_top;
    void (*run)(void *argument);
    void *argument;
};

static inline void hart_start(uint32_t idx, void (*run)(void *argument), void *argument)
{
    extern char start_hart[];
    static uint8_t stacks[HARTS_MAX][HART_STACK_BYTES] __attribute__((aligned(4096)));
    static struct hart_work works[HARTS_MAX];

    works[idx] = (struct hart_work){stacks[idx] + HART_STACK_BYTES, run, argument};
    hypercall(HYPERCALL_HSM, HSM_START, idx, (uint64_t)start_hart, (uint64_t)&works[idx]);
}

/* A software interrupt for each hart of the mask: ends its wfi. */
static inline void hart_wake(uint64_t mask)
{
    hypercall(HYPERCALL_IPI, 0, mask, 0, 0);
}

/* ---- Words that many change ---- */

static inline uint64_t atomic_add(volatile uint64_t *word, uint64_t number)
{
    uint64_t before;
    __asm__ volatile("amoadd.d.aqrl %0, %2, (%1)"
                     : "=r"(before)
                     : "r"(word), "r"(number)
                     : "memory");
    return before;
}

/* The same by a reservation: sc stores only where nobody has stored since lr. */
static inline uint64_t reserved_add(volatile uint64_t *word, uint64_t number)
{
    uint64_t before, after, has_failed;
    __asm__ volatile("1: lr.d.aqrl %0, (%3)\n"
                     "   add %1, %0, %4\n"
                     "   sc.d.aqrl %2, %1, (%3)\n"
                     "   bnez %2, 1b"
                     : "=&r"(before), "=&r"(after), "=&r"(has_failed)
                     : "r"(word), "r"(number)
                     : "memory");
    return before;
}

/* A lock: 1 while somebody has it. */
struct lock {
    volatile uint32_t is_taken;
};

static inline bool lock_try(struct lock *lock)
{
    uint32_t was_taken;
    __asm__ volatile("amoswap.w.aq %0, %2, (%1)"
                     : "=r"(was_taken)
                     : "r"(&lock->is_taken), "r"(1)
                     : "memory");
    return was_taken == 0;
}

static inline void lock_take(struct lock *lock)
{
    while (!lock_try(lock))
        while (lock->is_taken) /* reading alone keeps nobody else from anything */
            ;
}

static inline void lock_give(struct lock *lock)
{
    __asm__ volatile("amoswap.w.rl zero, zero, (%0)" : : "r"(&lock->is_taken) : "memory");
}

/* Everybody waits until all have come. */
struct meeting {
    volatile uint64_t come_count, round;
};

static inline void meet(struct meeting *meeting, uint64_t count)
{
    uint64_t round = meeting->round;

    if (atomic_add(&meeting->come_count, 1) + 1 == count) {
        meeting->come_count = 0;
        atomic_add(&meeting->round, 1);
    } else {
        while (meeting->round == round)
            ;
    }
}

#endif
