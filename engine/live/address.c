/* address: see address.h. */
#include "live/address.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Who takes a place has it in no time. A folder like /tmp anybody can hold, for as long as he likes:
 * nobody waits for that longer than a second. */
#define HOLD_TRIES    100
#define HOLD_PAUSE_NS 10000000

/* ---- Reading and writing ---- */

static enum status parse_path(const char *text, struct address *address, struct problem *problem)
{
    struct sockaddr_un *local = (struct sockaddr_un *)&address->socket;

    if (strlen(text) >= sizeof local->sun_path)
        return problem_set(problem, STATUS_USAGE,
                           "%.60s...: the path of a Unix socket has at most %zu characters", text,
                           sizeof local->sun_path - 1);
    local->sun_family = AF_UNIX;
    memcpy(local->sun_path, text, strlen(text) + 1);
    address->socket_bytes = sizeof *local;
    return STATUS_OK;
}

/* Splits "HOST:PORT" and "[HOST]:PORT". */
static bool split(const char *text, char host[256], const char **port)
{
    const char *end = strrchr(text, ':'), *begin = text;
    size_t digits;

    if (end == NULL || end == text)
        return false;
    *port = end + 1;
    digits = strspn(*port, "0123456789");
    if (text[0] == '[' && end[-1] == ']')
        begin++, end--;
    else if (memchr(text, ':', (size_t)(end - text)) != NULL)
        return false; /* an IPv6 number without its brackets */
    if (end <= begin || end - begin > 255 || digits == 0 || digits > 5 || (*port)[digits] != '\0')
        return false;
    memcpy(host, begin, (size_t)(end - begin));
    host[end - begin] = '\0';
    return true;
}

static enum status parse(const char *text, int flags, struct address *address,
                         struct problem *problem)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | flags},
                    *found;
    const char *port;
    char host[256];

    *address = (struct address){0};
    if (strchr(text, '/') != NULL)
        return parse_path(text, address, problem);
    if (!split(text, host, &port) || strtoul(port, NULL, 10) > UINT16_MAX)
        return problem_set(problem, STATUS_USAGE,
                           "\"%.100s\" is no address: write HOST:PORT such as 127.0.0.1:7000, "
                           "[::1]:7000, or the path of a Unix socket with its '/'",
                           text);
    int error = getaddrinfo(host, port, &hints, &found);
    if (error != 0)
        return problem_set(problem, STATUS_NO_FILE, "%.100s: there is no computer of that name: %s",
                           text, gai_strerror(error));
    memcpy(&address->socket, found->ai_addr, found->ai_addrlen);
    address->socket_bytes = found->ai_addrlen;
    freeaddrinfo(found);
    return STATUS_OK;
}

enum status address_parse(const char *text, struct address *address, struct problem *problem)
{
    return parse(text, 0, address, problem);
}

enum status address_parse_number(const char *text, struct address *address, struct problem *problem)
{
    return parse(text, AI_NUMERICHOST, address, problem);
}

bool address_is_unix(const struct address *address)
{
    return address->socket.ss_family == AF_UNIX;
}

bool address_is_local(const struct address *address)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address->socket;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address->socket;

    switch (address->socket.ss_family) {
    case AF_UNIX:
        return true;
    case AF_INET:
        return ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    case AF_INET6:
        return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) ||
               (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) &&
                v6->sin6_addr.s6_addr[12] == IN_LOOPBACKNET);
    default:
        return false;
    }
}

void address_format(const struct address *address, char text[ADDRESS_TEXT_BYTES])
{
    bool is_v6 = address->socket.ss_family == AF_INET6;
    char number[INET6_ADDRSTRLEN + 1 + IF_NAMESIZE], port[6]; /* fe80::1%eth0 */

    if (address_is_unix(address))
        snprintf(text, ADDRESS_TEXT_BYTES, "%s",
                 ((const struct sockaddr_un *)&address->socket)->sun_path);
    else if (getnameinfo((const struct sockaddr *)&address->socket, address->socket_bytes, number,
                         sizeof number, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        snprintf(text, ADDRESS_TEXT_BYTES, is_v6 ? "[%s]:%s" : "%s:%s", number, port);
    else
        snprintf(text, ADDRESS_TEXT_BYTES, "?");
}

/* ---- A Unix socket's place ---- */

static void folder_of(const char *path, char folder[ADDRESS_TEXT_BYTES])
{
    const char *end = strrchr(path, '/');

    MUST(end != NULL && end - path < ADDRESS_TEXT_BYTES);
    snprintf(folder, ADDRESS_TEXT_BYTES, "%.*s", end == path ? 1 : (int)(end - path), path);
}

enum status address_make_folder(const char *path, struct problem *problem)
{
    char folder[ADDRESS_TEXT_BYTES];
    struct stat found;

    folder_of(path, folder);
    if (mkdir(folder, 0700) == 0)
        return STATUS_OK;
    if (errno != EEXIST)
        return problem_set(problem, STATUS_NO_FILE, "%s: this folder cannot be made: %s", folder,
                           strerror(errno));
    /* A link in its place leads where its maker wants. */
    if (lstat(folder, &found) == 0 && S_ISLNK(found.st_mode) && found.st_uid != getuid() &&
        found.st_uid != 0)
        return problem_set(problem, STATUS_NO_FILE,
                           "%s: this is another user's link: choose a folder of your own", folder);
    if (stat(folder, &found) != 0 || !S_ISDIR(found.st_mode))
        return problem_set(problem, STATUS_NO_FILE, "%s is no folder", folder);
    if (found.st_uid != getuid() && found.st_uid != 0)
        return problem_set(problem, STATUS_NO_FILE,
                           "%s: this folder is another user's: choose one of your own", folder);
    /* In a folder with the sticky bit, as /tmp has it, nobody replaces what is another's. */
    if ((found.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (found.st_mode & S_ISVTX) == 0)
        return problem_set(problem, STATUS_NO_FILE,
                           "%s: others may write in this folder: chmod go-w %s", folder, folder);
    return STATUS_OK;
}

int address_hold_folder(const char *path)
{
    char folder[ADDRESS_TEXT_BYTES];

    folder_of(path, folder);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (unsigned i = 0; fd >= 0 && i < HOLD_TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return fd;
        if (errno != EWOULDBLOCK && errno != EINTR)
            break;
        nanosleep(&(struct timespec){.tv_nsec = HOLD_PAUSE_NS}, NULL);
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

enum status address_reclaim(const char *path, struct problem *problem)
{
    struct address address;
    struct stat found;

    if (lstat(path, &found) != 0)
        return STATUS_OK; /* bind says what else there may be */
    if (!S_ISSOCK(found.st_mode))
        return problem_set(problem, STATUS_NO_FILE,
                           "%s: there is something that is no socket: name a path that is free",
                           path);
    enum status status = parse_path(path, &address, problem);
    if (status != STATUS_OK)
        return status;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool is_stale = fd >= 0 &&
                    connect(fd, (struct sockaddr *)&address.socket, address.socket_bytes) != 0 &&
                    errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    if (!is_stale)
        return problem_set(problem, STATUS_NO_FILE,
                           "%s: a process listens there already: end it, or name another path",
                           path);
    if (unlink(path) != 0)
        return problem_set(problem, STATUS_NO_FILE, "%s: the socket left over there stays: %s",
                           path, strerror(errno));
    return STATUS_OK;
}
