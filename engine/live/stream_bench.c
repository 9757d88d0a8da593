/* How fast memory travels from one process to another: the engine's two ends on one TCP connection
 * of loopback, beside one plain TCP stream of the same memory (1 MiB writes, into fresh memory on
 * huge pages). All in turn, each with a new receiving process; medians and the quickest, and their
 * ratio, which should be at least 0.8: the status is 1 where it is not. And beside both: the plain
 * stream where nothing is paced, as live mode has it within a computer; a stream that sends one MiB
 * of the cache again and again, and never looks at memory; and two plain streams at once, with half
 * of it each.
 *
 *   stream_bench [MiB [runs]]    (1024, 5)
 *
 * Beside them what either process has used of a processor, which says where the time goes, and on a
 * machine that others use as well says more than the clock does.
 *
 * The guest is a machine that stands still, its memory incompressible. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bench.h"
#include "base/prng.h"
#include "machine/machine.h"
#include "migrate/source.h"
#include "migrate/target.h"

#define RATIO_MIN   0.8
#define RUNS_MAX    99
#define PLAIN_BYTES (1u << 20)
#define HUGE_BYTES  (2u << 20)
#define SPANS_MAX   256
#define CHUNK_BYTES (64u * MESSAGE_PAGE_WIRE_BYTES) /* what the source hands out at once */

static uint64_t total_bytes = 1ull << 30;

struct times {
    double seconds, sender_cpu, receiver_cpu;
};
static double *receiver_cpu; /* shared with the receivers */

static void __attribute__((noreturn)) give_up(const char *what)
{
    fprintf(stderr, "stream_bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* ---- Two processes, one connection ---- */

static int listen_on_loopback(struct sockaddr_in *address)
{
    socklen_t bytes = sizeof *address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    *address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || bind(fd, (struct sockaddr *)address, bytes) != 0 || listen(fd, 1) != 0 ||
        getsockname(fd, (struct sockaddr *)address, &bytes) != 0)
        give_up("loopback");
    return fd;
}

/* As live mode does within a computer: nothing is paced. */
static bool is_unpaced;

static void tune(int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (is_unpaced)
        setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", strlen("reno"));
}

/* Runs `receive` in a process of its own; the connection to it. It says when it is ready. */
static int start_receiver(void (*receive)(int fd), pid_t *pid)
{
    struct sockaddr_in address;
    int listening = listen_on_loopback(&address), fd;
    char ready;

    *pid = fork();
    if (*pid < 0)
        give_up("fork");
    if (*pid == 0) {
        fd = accept(listening, NULL, NULL);
        if (fd < 0)
            give_up("accept");
        tune(fd);
        receive(fd);
        _exit(0);
    }
    fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        give_up("connect");
    close(listening);
    tune(fd);
    if (recv(fd, &ready, 1, MSG_WAITALL) != 1)
        give_up("the receiver");
    return fd;
}

static void end_receiver(int fd, pid_t pid)
{
    int status;

    close(fd);
    if (waitpid(pid, &status, 0) != pid || status != 0)
        give_up("the receiver failed");
}

/* What is lent goes from where it is. */
static void put_lent(int fd, const struct bytes *own, const struct lending *lent)
{
    struct span spans[SPANS_MAX];
    struct iovec parts[SPANS_MAX];
    size_t at = 0, count;

    while ((count = lending_spans(lent, own, at, spans, SPANS_MAX)) > 0) {
        for (size_t i = 0; i < count; i++)
            parts[i] = (struct iovec){spans[i].data, spans[i].count};
        ssize_t sent = writev(fd, parts, (int)count);
        if (sent < 0)
            give_up("writev");
        at += (size_t)sent;
    }
}

static void put(int fd, const void *data, size_t count)
{
    for (size_t done = 0; done < count;) {
        ssize_t sent = send(fd, (const uint8_t *)data + done, count - done, MSG_NOSIGNAL);
        if (sent < 0)
            give_up("send");
        done += (size_t)sent;
    }
}

/* ---- A plain stream ---- */

static uint8_t *huge_pages(uint64_t count)
{
    uint8_t *memory = mmap(NULL, count + HUGE_BYTES, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        give_up("mmap");
    memory += HUGE_BYTES - (uintptr_t)memory % HUGE_BYTES;
    madvise(memory, count, MADV_HUGEPAGE);
    return memory;
}

/* Memory that lay free for long was taken back by this machine's own host, and is slow when it is
 * touched first: what is about to be used has just been touched by somebody else. */
static void warm_memory(void)
{
    uint8_t *memory = huge_pages(total_bytes);
    for (uint64_t at = 0; at < total_bytes; at += PAGE_BYTES)
        memory[at] = 1;
    munmap(memory, total_bytes);
}

static void receive_plain(int fd)
{
    warm_memory();
    uint8_t *memory = huge_pages(total_bytes);
    double cpu = cpu_seconds();

    put(fd, "", 1);
    for (uint64_t done = 0; done < total_bytes;) {
        ssize_t count =
            recv(fd, memory + done,
                 total_bytes - done < PLAIN_BYTES ? total_bytes - done : PLAIN_BYTES, 0);
        if (count <= 0)
            give_up("recv");
        done += (uint64_t)count;
    }
    *receiver_cpu = cpu_seconds() - cpu;
    put(fd, "", 1);
}

/* Out of `memory`, as a guest's is sent; NULL: the same MiB again and again. */
static void send_plain(int fd, const uint8_t *memory)
{
    static uint8_t piece[PLAIN_BYTES];
    char last;

    memset(piece, 1, sizeof piece);
    for (uint64_t done = 0; done < total_bytes; done += sizeof piece)
        put(fd, memory != NULL ? memory + done : piece,
            total_bytes - done < sizeof piece ? total_bytes - done : sizeof piece);
    if (recv(fd, &last, 1, MSG_WAITALL) != 1)
        give_up("recv");
}

static struct times time_plain(const uint8_t *memory)
{
    pid_t pid;
    int fd = start_receiver(receive_plain, &pid);

    double begin = bench_seconds(), cpu = cpu_seconds();
    send_plain(fd, memory);
    struct times times = {bench_seconds() - begin, cpu_seconds() - cpu, *receiver_cpu};
    end_receiver(fd, pid);
    return times;
}

/* Half of it each on two connections at once, which have nothing in common but the processors: no
 * move by two connections is faster than that here. */
static struct times time_two_plain(const uint8_t *memory)
{
    pid_t receivers[2], sender;
    int fds[2], status;

    total_bytes /= 2;
    for (unsigned i = 0; i < 2; i++)
        fds[i] = start_receiver(receive_plain, &receivers[i]);
    double begin = bench_seconds(), cpu = cpu_seconds();
    sender = fork();
    if (sender < 0)
        give_up("fork");
    if (sender == 0) {
        send_plain(fds[1], memory + total_bytes);
        _exit(0);
    }
    send_plain(fds[0], memory);
    if (waitpid(sender, &status, 0) != sender || status != 0)
        give_up("the second sender failed");
    struct times times = {bench_seconds() - begin, 2 * (cpu_seconds() - cpu), 2 * *receiver_cpu};
    for (unsigned i = 0; i < 2; i++)
        end_receiver(fds[i], receivers[i]);
    total_bytes *= 2;
    return times;
}

/* ---- The engine's ends ---- */

static struct guest *make_guest(void)
{
    struct machine_config config = {
        .memory_bytes = total_bytes, .cpu_rate = 1000000000, .hart_count = 1};
    struct guest *guest = machine_open_empty(&config);
    machine_use_huge_pages(guest);
    struct prng prng = prng_make(1, 1);
    uint64_t page[PAGE_BYTES / 8];

    for (uint64_t idx = 0; idx < guest->total_pages; idx++) {
        for (unsigned i = 0; i < PAGE_BYTES / 8; i++)
            page[i] = prng_next(&prng);
        guest->ops->install_pages(guest, idx, 1, (const uint8_t *)page);
    }
    return guest;
}

static void receive_guest(int fd)
{
    static uint8_t in[CHUNK_BYTES];
    struct machine_config config = {
        .memory_bytes = total_bytes, .cpu_rate = 1000000000, .hart_count = 1};
    struct guest *guest = machine_open_empty(&config);
    struct event_list events = {0};
    struct bytes out = {0};
    struct target target;

    warm_memory();
    target_init(&target, guest, &events);
    double cpu = cpu_seconds();
    put(fd, "", 1);
    while (!target.is_complete) {
        struct span spans[SPANS_MAX];
        struct iovec places[SPANS_MAX];
        size_t span_count = target_place(&target, spans, SPANS_MAX);
        for (size_t i = 0; i < span_count; i++)
            places[i] = (struct iovec){spans[i].data, spans[i].count};
        ssize_t count =
            span_count > 0 ? readv(fd, places, (int)span_count) : recv(fd, in, sizeof in, 0);
        if (count <= 0)
            give_up("recv");
        if (span_count > 0)
            target_placed(&target, 0, (size_t)count);
        else
            target_receive(&target, 0, in, (size_t)count);
        if (target.phase == TARGET_REFUSED) {
            fprintf(stderr, "stream_bench: refused: %s\n", target.reason);
            exit(1);
        }
        events.count = 0;
        target_send(&target, &out);
        *receiver_cpu = cpu_seconds() - cpu;
        put(fd, out.data, out.count);
        bytes_clear(&out);
    }
}

/* What has come from the target, if anything; waits for it where nothing is left to say. */
static void hear(int fd, struct source *source, bool is_waited_for)
{
    uint8_t in[4096];
    ssize_t count = recv(fd, in, sizeof in, is_waited_for ? 0 : MSG_DONTWAIT);

    if (count > 0)
        source_receive(source, 0, in, (size_t)count);
    else if (count == 0 || errno != EAGAIN)
        give_up("recv");
}

static struct times time_guest(struct guest *guest, enum mode mode)
{
    struct source_config config = {
        .strategy = strategy_of(mode),
        .limits = {.downtime_ns = 1000000, .max_rounds = 5, .total_time_ns = LIMIT_NONE},
        .copy_chunk_bytes = CHUNK_BYTES,
        .push_chunk_bytes = CHUNK_BYTES,
        .is_lending = true,
    };
    struct event_list events = {0};
    struct lending lent = {0};
    struct bytes out = {0};
    struct source source;
    pid_t pid;
    int fd = start_receiver(receive_guest, &pid);

    double begin = bench_seconds(), cpu = cpu_seconds();
    source_init(&source, &config, guest, &events);
    source_start(&source, 0);
    while (source.phase != PHASE_COMPLETED && source.phase != PHASE_ABORTED) {
        uint64_t charge =
            source_send_lending(&source, (uint64_t)(bench_seconds() * 1e9), 0, &out, &lent);
        put_lent(fd, &out, &lent);
        bytes_clear(&out);
        lending_clear(&lent);
        events.count = 0;
        hear(fd, &source, charge == 0);
    }
    struct times times = {bench_seconds() - begin, cpu_seconds() - cpu, *receiver_cpu};
    if (source.phase == PHASE_ABORTED) {
        fprintf(stderr, "stream_bench: aborted: %s\n", source.reason);
        exit(1);
    }
    source_fini(&source);
    end_receiver(fd, pid);
    event_list_fini(&events);
    bytes_fini(&out);
    lending_fini(&lent);
    guest->ops->track(guest, false);
    return times;
}

/* ---- All of it ---- */

/* The median of them, or the least. */
static double one_of(const double *times, unsigned count, bool is_least)
{
    double sorted[RUNS_MAX];
    memcpy(sorted, times, count * sizeof *times);
    qsort(sorted, count, sizeof *sorted, bench_by_size);
    return sorted[is_least ? 0 : count / 2];
}

struct series {
    double seconds[RUNS_MAX], sender_cpu[RUNS_MAX], receiver_cpu[RUNS_MAX];
};

static void add(struct series *series, unsigned run, struct times times)
{
    series->seconds[run] = times.seconds;
    series->sender_cpu[run] = times.sender_cpu;
    series->receiver_cpu[run] = times.receiver_cpu;
}

/* A row; returns the ratio of the medians or, where it is better, of the quickest runs: what else
 * happens on the machine only ever adds. */
static double tell(const char *name, const struct series *series, const struct series *plain,
                   unsigned runs)
{
    double ratios[2], best;

    printf("%-14s", name);
    for (unsigned i = 0; i < 2; i++) {
        double seconds = one_of(series->seconds, runs, i == 1);
        ratios[i] = one_of(plain->seconds, runs, i == 1) / seconds;
        printf(" %6.3f s %5.2f GiB/s %4.2f ", seconds, (double)total_bytes / (1u << 30) / seconds,
               ratios[i]);
    }
    printf("  %5.3f s  %5.3f s\n", one_of(series->sender_cpu, runs, true),
           one_of(series->receiver_cpu, runs, true));
    best = ratios[0] > ratios[1] ? ratios[0] : ratios[1];
    return best;
}

int main(int argc, char **argv)
{
    static const enum mode modes[] = {MODE_STOP_AND_COPY, MODE_PRE_COPY, MODE_POST_COPY};
    static struct series cached, plain, unpaced, two, guests[3];
    bool is_met = true;
    unsigned runs = argc > 2 ? (unsigned)atoi(argv[2]) : 5;

    if (argc > 1)
        total_bytes = (uint64_t)atoi(argv[1]) << 20;
    if (runs < 1 || runs > RUNS_MAX || total_bytes < 2 * PLAIN_BYTES ||
        total_bytes > MACHINE_MEMORY_MAX) {
        fprintf(stderr, "stream_bench: MiB from 2 to 4096, runs from 1 to %d\n", RUNS_MAX);
        return 2;
    }
    receiver_cpu =
        mmap(NULL, sizeof *receiver_cpu, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (receiver_cpu == MAP_FAILED)
        give_up("mmap");
    struct guest *guest = make_guest();
    const uint8_t *memory = guest->ops->lend_pages(guest, 0, guest->total_pages);
    for (unsigned run = 0; run < runs; run++) {
        is_unpaced = false;
        add(&cached, run, time_plain(NULL));
        add(&plain, run, time_plain(memory));
        is_unpaced = true;
        add(&unpaced, run, time_plain(memory));
        add(&two, run, time_two_plain(memory));
        for (unsigned i = 0; i < 3; i++)
            add(&guests[i], run, time_guest(guest, modes[i]));
    }
    printf("%-14s %-26s %-26s   %s\n", "", " median", " quickest", "sender   receiver");
    tell("1 MiB by TCP", &cached, &plain, runs);
    tell("plain TCP", &plain, &plain, runs);
    tell("plain, unpaced", &unpaced, &plain, runs);
    tell("two plain", &two, &plain, runs);
    for (unsigned i = 0; i < 3; i++)
        is_met &= tell(mode_name(modes[i]), &guests[i], &plain, runs) >= RATIO_MIN;
    guest->ops->close(guest);
    return is_met ? 0 : 1;
}
