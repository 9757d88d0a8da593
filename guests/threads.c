/* threads: a small kernel of its own, with more threads than harts. It runs in supervisor mode, the
 * threads in user mode; a timer takes the hart from each after its slice, wherever it is.
 *
 *   threads_trap.S   the way from user mode into the kernel and back
 *   threads.h        where a thread's registers lie; the system calls
 *   threads.c        the threads, the calls, the scheduler, the check
 *   harts.h          locks, and starting harts
 *
 * Each hart runs the same scheduler on one list of threads, under one lock:
 *
 *                     .---- slice over, or yield ----.
 *                     v                              |
 *      NEW -> READY --'-> picked by a hart ------> RUNNING --- exit --> DONE
 *               ^                                    |
 *               '---- its time has come ------ SLEEPING
 *
 * A hart that finds no thread ready sleeps in wfi until the next sleeper's time, or until another
 * hart that has found more than it can run sends it an interrupt.
 *
 * There is no address translation on this machine, so threads are kept apart by good manners alone;
 * what user mode keeps them from are the kernel's instructions.
 *
 * The check: each thread adds to four counters in four ways, of which each goes wrong where
 * something else does: amoadd, lr/sc, an ordinary addition under a lock, a system call. In the end
 * all must say the same. And each holds numbers in its registers while it is interrupted again and
 * again. */
#include "harts.h"
#include "threads.h"

#define THREADS_MAX     64
#define THREAD_STACK    4096
#define HOLD_SLICES     2 /* that a thread holds its registers for, in each round */
#define MEASURED        1000
#define ADDITIONS       50 /* to each counter, in each round */
#define CAUSE_INTERRUPT (1ull << 63)
#define CAUSE_SOFTWARE  (CAUSE_INTERRUPT | 1)
#define CAUSE_TIMER     (CAUSE_INTERRUPT | 5)
#define CAUSE_CALL      8
#define SSTATUS_SPIE    (1ull << 5)             /* interrupts on after sret, */
#define SSTATUS_SPP     (1ull << 8)             /* and where it goes: 0 is user mode */
#define INTERRUPTS      (1ull << 1 | 1ull << 5) /* software and timer */

#define csr_read(name)                                      \
    ({                                                      \
        uint64_t value_;                                    \
        __asm__ volatile("csrr %0, " #name : "=r"(value_)); \
        value_;                                             \
    })
#define csr_write(name, value) __asm__ volatile("csrw " #name ", %0" : : "r"(value) : "memory")

enum thread_state { READY, RUNNING, SLEEPING, DONE };

struct frame {
    uint64_t x[32]; /* x[0]: the pc */
    uint8_t *kernel_stack;
    uint64_t hart_idx;
};

_Static_assert(sizeof(struct frame) == FRAME_BYTES, "threads.h knows the frame");

struct thread {
    struct frame frame; /* first: the assembly has its address */
    enum thread_state state;
    uint64_t wake_ns;
};

static struct thread threads[THREADS_MAX];
static uint8_t thread_stacks[THREADS_MAX][THREAD_STACK] __attribute__((aligned(4096)));
static uint8_t kernel_stacks[HARTS_MAX][HART_STACK_BYTES] __attribute__((aligned(4096)));

static struct {
    struct lock lock; /* around all of this, and the threads' states */
    uint64_t thread_count, done_count, round_count;
    uint64_t slice_ns, hold_count;
    uint64_t next_idx;  /* where the search for a ready thread begins: everybody gets a turn */
    uint64_t idle_mask; /* harts that sleep */
    uint64_t interrupted_count, called_count;
} kernel;

static struct {
    volatile uint64_t by_amo, by_reservation, by_lock;
    struct lock lock;
} shared;

extern void trap_entry(void);
_Noreturn void resume(struct frame *frame);
uint64_t hold_registers(uint64_t number, uint64_t count);
void trap(struct frame *frame);
_Noreturn void kernel_trap(void);

/* ---- Threads: user mode ---- */

static uint64_t call(uint64_t which, uint64_t argument)
{
    register uint64_t a0 __asm__("a0") = argument;
    register uint64_t a7 __asm__("a7") = which;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7) : "memory");
    return a0;
}

static void add_under_lock(void)
{
    /* Its holder may be off its hart: spinning out a slice would bring nobody further. */
    while (!lock_try(&shared.lock))
        call(CALL_YIELD, 0);
    shared.by_lock = shared.by_lock + 1;
    lock_give(&shared.lock);
}

static void live(uint64_t own_idx)
{
    uint64_t changed = 0;

    for (uint64_t round = 0; round < kernel.round_count; round++) {
        /* Often enough that harts meet within the few instructions of an addition. */
        for (unsigned i = 0; i < ADDITIONS; i++) {
            atomic_add(&shared.by_amo, 1);
            reserved_add(&shared.by_reservation, 1);
            add_under_lock();
        }
        call(CALL_COUNT, ADDITIONS);
        changed |= hold_registers(own_idx + 1, kernel.hold_count);
        if ((round + own_idx) % 8 == 0)
            call(CALL_SLEEP, 100000 * (1 + own_idx % 5));
    }
    call(CALL_EXIT, changed);
}

/* ---- The kernel ---- */

_Noreturn static void fail(const char *what, uint64_t number)
{
    print("threads: %s %lu\n", what, number);
    exit(1);
}

_Noreturn static void fail_thread(const struct thread *thread, uint64_t cause)
{
    print("threads: thread %lu cannot go on: cause %lx at %lx, address %lx\n",
          (uint64_t)(thread - threads), cause, thread->frame.x[0], csr_read(stval));
    exit(1);
}

_Noreturn void kernel_trap(void)
{
    print("threads: the kernel itself trapped: cause %lx at %lx, address %lx\n", csr_read(scause),
          csr_read(sepc), csr_read(stval));
    exit(1);
}

static uint64_t next_wake_ns(void)
{
    uint64_t wake_ns = UINT64_MAX;
    for (uint64_t i = 0; i < kernel.thread_count; i++)
        if (threads[i].state == SLEEPING && threads[i].wake_ns < wake_ns)
            wake_ns = threads[i].wake_ns;
    return wake_ns;
}

/* Makes those ready whose time has come, and returns the one whose turn it is; NULL: none is ready.
 * `more`: another one is. */
static struct thread *pick(bool *more)
{
    uint64_t now_ns = time_ns();
    struct thread *picked = NULL;

    *more = false;
    for (uint64_t i = 0; i < kernel.thread_count; i++) {
        struct thread *thread = &threads[(kernel.next_idx + i) % kernel.thread_count];
        if (thread->state == SLEEPING && thread->wake_ns <= now_ns)
            thread->state = READY;
        if (thread->state != READY)
            continue;
        if (picked == NULL)
            picked = thread;
        else
            *more = true;
    }
    if (picked != NULL)
        kernel.next_idx = (uint64_t)(picked - threads) + 1;
    return picked;
}

static void check_all(void)
{
    uint64_t expected = kernel.thread_count * kernel.round_count * ADDITIONS;

    if (shared.by_amo != expected)
        fail("the counter by amoadd is wrong:", shared.by_amo);
    if (shared.by_reservation != expected)
        fail("the counter by lr and sc is wrong:", shared.by_reservation);
    if (shared.by_lock != expected)
        fail("the counter under the lock is wrong:", shared.by_lock);
    if (kernel.called_count != expected)
        fail("the counter of the system call is wrong:", kernel.called_count);
    /* At 100 MIPS a round takes 400 us and more: two slices, where they are what they are by
     * default. */
    if (kernel.round_count > 0 && kernel.interrupted_count == 0)
        fail("nobody was ever interrupted, slice in ns:", kernel.slice_ns);
    print("threads: %lu thread%s, %lu round%s each: four counters say %lu, registers held, ok\n",
          kernel.thread_count, plural(kernel.thread_count), kernel.round_count,
          plural(kernel.round_count), expected);
    exit(0);
}

/* Runs whoever is ready; the lock is taken, and given back on the way out or before sleeping. */
_Noreturn static void schedule(void)
{
    uint64_t own_bit = 1ull << hart_idx();

    for (;;) {
        bool more;
        struct thread *thread = pick(&more);
        uint64_t wake_ns = next_wake_ns(), idle_mask = kernel.idle_mask;
        if (kernel.done_count == kernel.thread_count)
            check_all();
        if (thread != NULL) {
            uint64_t slice_end_ns = time_ns() + kernel.slice_ns;
            thread->state = RUNNING;
            thread->frame.hart_idx = hart_idx();
            thread->frame.kernel_stack = kernel_stacks[hart_idx()] + HART_STACK_BYTES;
            lock_give(&kernel.lock);
            if (more && idle_mask != 0)
                hart_wake(idle_mask & -idle_mask); /* one of them */
            set_timer(slice_end_ns);
            csr_write(sstatus, SSTATUS_SPIE); /* and SPP is 0 */
            resume(&thread->frame);
        }
        kernel.idle_mask |= own_bit;
        lock_give(&kernel.lock);
        set_timer(wake_ns);
        wait_for_something();
        csr_write(sip, 0); /* the interrupt that woke it, if it was another hart's */
        lock_take(&kernel.lock);
        kernel.idle_mask &= ~own_bit;
    }
}

static void obey(struct thread *thread)
{
    uint64_t *a0 = &thread->frame.x[10];

    thread->frame.x[0] += 4; /* behind the ecall */
    switch (thread->frame.x[17]) {
    case CALL_YIELD:
        break;
    case CALL_SLEEP:
        thread->state = SLEEPING;
        thread->wake_ns = time_ns() + *a0;
        break;
    case CALL_COUNT:
        *a0 = kernel.called_count += *a0;
        break;
    case CALL_EXIT:
        if (*a0 != 0)
            fail("a thread lost what was in its registers:", *a0);
        thread->state = DONE;
        kernel.done_count++;
        break;
    default:
        fail("a thread made a call that is not there:", thread->frame.x[17]);
    }
}

/* From threads_trap.S: a thread was interrupted, or wants something, or has done something wrong.
 */
void trap(struct frame *frame)
{
    struct thread *thread = (struct thread *)frame;
    uint64_t cause = csr_read(scause);

    lock_take(&kernel.lock);
    thread->state = READY;
    if (cause == CAUSE_CALL)
        obey(thread);
    else if (cause == CAUSE_TIMER)
        kernel.interrupted_count++;
    else if (cause == CAUSE_SOFTWARE)
        csr_write(sip, 0); /* it came too late: this hart has found work by itself */
    else
        fail_thread(thread, cause);
    schedule();
}

static void run_hart(void *argument)
{
    (void)argument;
    csr_write(stvec, (uint64_t)trap_entry);
    csr_write(sscratch, 0ul);
    csr_write(scounteren, 7ul);
    csr_write(sie, INTERRUPTS);
    lock_take(&kernel.lock);
    schedule();
}

static void make_threads(void)
{
    for (uint64_t i = 0; i < kernel.thread_count; i++) {
        threads[i].state = READY;
        threads[i].frame.x[0] = (uint64_t)live;
        threads[i].frame.x[2] = (uint64_t)thread_stacks[i] + THREAD_STACK;
        threads[i].frame.x[10] = i;
    }
}

/* How often a hart must go round to be sure to be interrupted, however fast this machine is. */
static void measure_hold(void)
{
    uint64_t start_ns = time_ns(), taken_ns;

    hold_registers(1, MEASURED);
    taken_ns = time_ns() - start_ns;
    kernel.hold_count = HOLD_SLICES * kernel.slice_ns * MEASURED / (taken_ns + 1) + 1;
}

int main(int argc, char **argv)
{
    const struct option options[] = {
        {"--threads", OPTION_NUMBER, &kernel.thread_count, NULL},
        {"--rounds", OPTION_NUMBER, &kernel.round_count, NULL},
        {"--slice", OPTION_TIME, &kernel.slice_ns, NULL},
    };
    uint32_t harts = hart_count();

    kernel.thread_count = 12;
    kernel.round_count = 200;
    kernel.slice_ns = 200000;
    read_options(argc, argv, options, sizeof options / sizeof options[0]);
    if (kernel.thread_count < 1 || kernel.thread_count > THREADS_MAX || kernel.slice_ns < 10000 ||
        kernel.slice_ns > 1000000000) {
        print("threads: there may be 1 to %u threads, and a slice is 10us to 1s\n", THREADS_MAX);
        return 2;
    }
    print("threads: %lu thread%s on %u hart%s\n", kernel.thread_count, plural(kernel.thread_count),
          harts, plural(harts));
    make_threads();
    measure_hold();
    for (uint32_t i = 1; i < harts; i++)
        hart_start(i, run_hart, NULL);
    run_hart(NULL);
    return 1; /* it never comes here */
}
