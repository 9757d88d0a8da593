/* harts: several processors in one guest: starting them, and what keeps them out of each other's
 * way. A part of the runtime for those who want it; hart 0 is the one that main runs on.
 *
 * Memory is one for all harts, and what one stores another sees. Three ways to change a word
 * together are shown here, from the smallest: an instruction that adds in memory (amoadd), a pair
 * of which the second says whether anybody came between (lr, sc), and a lock.
 *
 * Each hart but the first has a stack of 8 KiB, next to the others'. Whether it was enough is
 * looked at when the hart's function returns: if not, the guest says so and ends with 1. A function
 * that needs more may give its hart an sp of its own. */
#ifndef GUESTS_HARTS_H
#define GUESTS_HARTS_H

#include "runtime.h"

#define HARTS_MAX        8
#define HART_STACK_BYTES 8192
#define HART_GUARD_WORDS 64 /* at the lower end of each stack: few frames are larger */
#define HART_GUARD       0x6775617264206f6bull

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

struct hart_work {
    uint8_t *stack_top; /* start.S knows the first two: live gets all of it */
    void (*live)(struct hart_work *work);
    void (*run)(void *argument);
    void *argument;
    uint64_t *guard;
};

static inline void hart_live(struct hart_work *work)
{
    work->run(work->argument);
    for (int i = 0; i < HART_GUARD_WORDS; i++) {
        if (work->guard[i] == HART_GUARD)
            continue;
        print("hart %u has used more than the %u bytes of its stack\n", hart_idx(),
              HART_STACK_BYTES - HART_GUARD_WORDS * (unsigned)sizeof(uint64_t));
        exit(1);
    }
}

/* Lets a hart that is stopped run that function; when it returns, the hart is stopped again. 0, or
 * a negative HYPERCALL_ error: there is no such hart, or it runs already. */
static inline int64_t hart_start(uint32_t idx, void (*run)(void *argument), void *argument)
{
    extern char start_hart[];
    static uint64_t stacks[HARTS_MAX][HART_STACK_BYTES / sizeof(uint64_t)]
        __attribute__((aligned(4096)));
    static struct hart_work works[HARTS_MAX];
    struct hypercall_result status = hypercall(HYPERCALL_HSM, HSM_STATUS, idx, 0, 0);

    if (status.error != 0)
        return status.error;
    if (status.value != HSM_STOPPED)
        return HYPERCALL_ALREADY_AVAILABLE; /* its stack is in use */
    for (int i = 0; i < HART_GUARD_WORDS; i++)
        stacks[idx][i] = HART_GUARD;
    works[idx] = (struct hart_work){(uint8_t *)stacks[idx] + HART_STACK_BYTES, hart_live, run,
                                    argument, stacks[idx]};
    return hypercall(HYPERCALL_HSM, HSM_START, idx, (uint64_t)start_hart, (uint64_t)&works[idx])
        .error;
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
