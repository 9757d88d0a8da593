/* incr HOST:PORT KEY: one client that never lets go: INCR after INCR on one connection, a few at a
 * time in flight, and each answer must be the one before plus one. Until SIGTERM; then it waits for
 * what is in flight, asks for the total by GET, and prints
 *
 *      incr answered N total N longest_silence_ns N
 *
 * Status 1, and a line that says so, when an answer is another, or the connection ends. Then the
 * guest may have counted as many as were asked for, and no less than were answered:
 *
 *      incr answered N asked N */
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define IN_FLIGHT 4u

static volatile sig_atomic_t is_to_end;
static uint64_t asked, answered;

static void end(int signal_number)
{
    (void)signal_number;
    is_to_end = 1;
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

_Noreturn static void give_up(const char *about, const char *what)
{
    fprintf(stderr, "incr: %s: %s\n", about, what);
    exit(1);
}

_Noreturn static void be_cut_off(const char *why)
{
    printf("incr answered %" PRIu64 " asked %" PRIu64 "\n", answered, asked);
    fflush(stdout);
    give_up("the connection is over", why);
}

static FILE *connect_to(char *address)
{
    char *colon = strrchr(address, ':');
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    int one = 1;

    if (colon == NULL)
        give_up(address, "write HOST:PORT");
    *colon = '\0';
    if (getaddrinfo(address, colon + 1, &hints, &found) != 0)
        give_up(address, "there is no such address");
    int descriptor = socket(found->ai_family, SOCK_STREAM, 0);
    if (descriptor < 0 || connect(descriptor, found->ai_addr, found->ai_addrlen) != 0)
        give_up(address, strerror(errno));
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    freeaddrinfo(found);
    return fdopen(descriptor, "r");
}

static void ask(FILE *stream, const char *command, const char *key)
{
    char text[512];
    int count = snprintf(text, sizeof text, "*2\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n", strlen(command),
                         command, strlen(key), key);
    if (write(fileno(stream), text, (size_t)count) != count)
        be_cut_off(strerror(errno));
}

/* The next line of an answer, behind its first character. */
static uint64_t hear(FILE *stream, char kind)
{
    char line[512];

    if (fgets(line, sizeof line, stream) == NULL || strchr(line, '\n') == NULL)
        be_cut_off(ferror(stream) ? strerror(errno) : "the other end closed it");
    if (kind != '\0' && line[0] != kind)
        give_up("this was not the answer that was due", line);
    return strtoull(line + (kind != '\0'), NULL, 10);
}

int main(int argc, char **argv)
{
    uint64_t first = 0, longest_ns = 0;

    if (argc != 3) {
        fprintf(stderr, "usage: incr HOST:PORT KEY\n");
        return 2;
    }
    FILE *stream = connect_to(argv[1]);
    struct sigaction action = {.sa_handler = end, .sa_flags = SA_RESTART};
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    uint64_t heard_ns = now_ns();
    while (!is_to_end || answered < asked) {
        for (; !is_to_end && asked < answered + IN_FLIGHT; asked++)
            ask(stream, "INCR", argv[2]);
        if (answered == asked)
            break;
        uint64_t number = hear(stream, ':'), now = now_ns();
        if (now - heard_ns > longest_ns)
            longest_ns = now - heard_ns;
        heard_ns = now;
        if (answered++ == 0)
            first = number;
        if (number != first + answered - 1) {
            fprintf(stderr, "incr: answer %" PRIu64 " is %" PRIu64 " and not %" PRIu64 "\n",
                    answered, number, first + answered - 1);
            return 1;
        }
    }
    ask(stream, "GET", argv[2]);
    hear(stream, '$');
    printf("incr answered %" PRIu64 " total %" PRIu64 " longest_silence_ns %" PRIu64 "\n", answered,
           hear(stream, '\0'), longest_ns);
    fclose(stream);
    return 0;
}
