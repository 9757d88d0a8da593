/* bare_reply [COUNT]: what a page that is asked for costs at the least here: two processes, one TCP
 * connection over loopback, a request of 32 bytes and a reply of 4 KiB with 32 bytes of header, one
 * after the other. Prints the median and the 99th percentile of COUNT (20000) of them:
 *
 *      bare_reply p50_ns N p99_ns N */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_BYTES 32u
#define REPLY_BYTES   (4096u + 32u)
#define WARM_COUNT    1000u

static void must(bool is_done, const char *what)
{
    if (is_done)
        return;
    fprintf(stderr, "bare_reply: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static bool read_all(int descriptor, uint8_t *data, size_t count)
{
    for (size_t done = 0; done < count;) {
        ssize_t got = read(descriptor, data + done, count - done);
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

static void send_at_once(int descriptor)
{
    int one = 1;
    must(setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0, "TCP_NODELAY");
}

/* Answers until nobody asks any more. */
_Noreturn static void serve(int listener)
{
    static uint8_t request[REQUEST_BYTES], reply[REPLY_BYTES];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int descriptor = accept(listener, NULL, NULL);
    must(descriptor >= 0, "accept");
    send_at_once(descriptor);
    while (read_all(descriptor, request, sizeof request))
        must(write(descriptor, reply, sizeof reply) == sizeof reply, "write");
    exit(0);
}

static int by_size(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

int main(int argc, char **argv)
{
    static uint8_t request[REQUEST_BYTES], reply[REPLY_BYTES];
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 20000;
    uint64_t *took_ns = calloc(count + 1, sizeof *took_ns);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t address_bytes = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), descriptor = socket(AF_INET, SOCK_STREAM, 0);

    must(took_ns != NULL && count > 0, "COUNT needs a number");
    must(bind(listener, (struct sockaddr *)&address, sizeof address) == 0, "bind");
    must(listen(listener, 1) == 0, "listen");
    must(getsockname(listener, (struct sockaddr *)&address, &address_bytes) == 0, "getsockname");
    if (fork() == 0)
        serve(listener);
    must(connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0, "connect");
    send_at_once(descriptor);
    for (size_t i = 0; i < WARM_COUNT + count; i++) {
        uint64_t began_ns = now_ns();
        must(write(descriptor, request, sizeof request) == sizeof request, "write");
        must(read_all(descriptor, reply, sizeof reply), "read");
        if (i >= WARM_COUNT)
            took_ns[i - WARM_COUNT] = now_ns() - began_ns;
    }
    qsort(took_ns, count, sizeof *took_ns, by_size);
    printf("bare_reply p50_ns %" PRIu64 " p99_ns %" PRIu64 "\n", took_ns[(count - 1) / 2],
           took_ns[(count - 1) * 99 / 100]);
    free(took_ns);
    return 0;
}
