/* tick_gap HOST:PORT: how long a client waited for the next tick of the guest metronome, by this
 * computer's clock: what a pause is to whoever listens.
 *
 * A line on standard input ends an interval: it is said again, with what was heard since the line
 * before, and the next interval begins.
 *
 *      NAME ticks N missing N longest_gap_ns N at_ns N later_gap_ns N
 *
 * `at_ns`: CLOCK_MONOTONIC, where the longest gap began. `later_gap_ns`: the longest of those that
 * began more than 100 ms after the end of the longest one. A gap that still lasts when the interval
 * ends counts as far as it has come. Status 1, and a line that says so, when the connection ends or
 * a tick's number is not greater than that of the tick before; 0 at the end of standard input. */
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 128

static struct {
    uint64_t ticks, missing;
    uint64_t longest_ns, longest_at_ns, later_ns;
} interval;

static uint64_t last_tick, last_heard_ns;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

_Noreturn static void give_up(const char *what, const char *about)
{
    fprintf(stderr, "tick_gap: %s: %s\n", about, what);
    exit(1);
}

static int connect_to(char *address)
{
    char *colon = strrchr(address, ':');
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    int one = 1;

    if (colon == NULL)
        give_up("write HOST:PORT", address);
    *colon = '\0';
    if (getaddrinfo(address, colon + 1, &hints, &found) != 0)
        give_up("there is no such address", address);
    int descriptor = socket(found->ai_family, SOCK_STREAM, 0);
    if (descriptor < 0 || connect(descriptor, found->ai_addr, found->ai_addrlen) != 0)
        give_up(strerror(errno), address);
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    freeaddrinfo(found);
    return descriptor;
}

/* ---- What is heard ---- */

static void note_gap(uint64_t now)
{
    uint64_t gap_ns = now - last_heard_ns;

    if (last_heard_ns == 0)
        return;
    if (gap_ns > interval.longest_ns) {
        interval.longest_ns = gap_ns;
        interval.longest_at_ns = last_heard_ns;
        interval.later_ns = 0;
    } else if (last_heard_ns > interval.longest_at_ns + interval.longest_ns + 100000000u &&
               gap_ns > interval.later_ns) {
        interval.later_ns = gap_ns;
    }
}

static void hear_line(const char *line, uint64_t now)
{
    uint64_t tick;

    if (sscanf(line, "tick %" SCNu64, &tick) != 1)
        give_up(line, "this is no tick");
    if (tick <= last_tick)
        give_up(line, "this tick was there already");
    note_gap(now);
    if (last_tick > 0)
        interval.missing += tick - last_tick - 1;
    last_tick = tick;
    last_heard_ns = now;
    interval.ticks++;
}

static void hear(int descriptor)
{
    static char text[65536];
    static size_t count;
    char *at = text, *line_end;
    ssize_t got = recv(descriptor, text + count, sizeof text - count, 0);
    uint64_t now = now_ns();

    if (got <= 0)
        give_up(got == 0 ? "the guest's end closed it" : strerror(errno), "the connection is over");
    count += (size_t)got;
    while ((line_end = memchr(at, '\n', count - (size_t)(at - text))) != NULL) {
        *line_end = '\0';
        hear_line(at, now);
        at = line_end + 1;
    }
    count -= (size_t)(at - text);
    memmove(text, at, count);
    if (count >= LINE_BYTES)
        give_up("a line without an end", "this is no tick");
}

static void end_interval(char *name)
{
    note_gap(now_ns());
    name[strcspn(name, "\n")] = '\0';
    printf("%s ticks %" PRIu64 " missing %" PRIu64 " longest_gap_ns %" PRIu64 " at_ns %" PRIu64
           " later_gap_ns %" PRIu64 "\n",
           name, interval.ticks, interval.missing, interval.longest_ns, interval.longest_at_ns,
           interval.later_ns);
    fflush(stdout);
    memset(&interval, 0, sizeof interval);
}

int main(int argc, char **argv)
{
    char name[LINE_BYTES];

    if (argc != 2) {
        fprintf(stderr, "usage: tick_gap HOST:PORT <intervals\n");
        return 2;
    }
    struct pollfd ends[] = {{connect_to(argv[1]), POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    setvbuf(stdin, NULL, _IONBF, 0); /* poll and stdio must agree on what has been read */
    for (;;) {
        if (poll(ends, 2, -1) < 0)
            give_up(strerror(errno), "poll");
        if (ends[0].revents != 0)
            hear(ends[0].fd);
        if (ends[1].revents == 0)
            continue;
        if (fgets(name, sizeof name, stdin) == NULL)
            return 0;
        end_interval(name);
    }
}
