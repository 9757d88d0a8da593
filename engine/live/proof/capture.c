/* capture FILE: all that travels over loopback, packet after packet, with headers and all, into a
 * file, until SIGTERM. What somebody who listens on the wire would have.
 *
 * Sees to it that loopback is up: in a network namespace of one's own (unshare -Urn), where
 * everybody may listen, it is not at first. Says "listening" on standard output when it does, and
 * at its end how many bytes and packets it wrote and how many packets were lost. */
#include <errno.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define BUFFER_BYTES (256 << 20) /* a move is faster than a disk */
#define PACKET_BYTES (1 << 17)   /* loopback's segments are larger than its MTU */

static volatile sig_atomic_t is_to_end;

static void end(int signal_number)
{
    (void)signal_number;
    is_to_end = 1;
}

static void must(bool is_done, const char *what)
{
    if (is_done)
        return;
    fprintf(stderr, "capture: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int listen_on_loopback(void)
{
    struct ifreq loopback = {.ifr_name = "lo"};
    int buffer_bytes = BUFFER_BYTES;
    struct timeval glance = {.tv_usec = 100000}; /* a signal may come just before a wait */
    int descriptor = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));

    must(descriptor >= 0, "a raw socket (try unshare -Urn)");
    must(ioctl(descriptor, SIOCGIFFLAGS, &loopback) == 0, "lo");
    loopback.ifr_flags = (short)(loopback.ifr_flags | IFF_UP);
    must(ioctl(descriptor, SIOCSIFFLAGS, &loopback) == 0, "lo: up");
    must(ioctl(descriptor, SIOCGIFINDEX, &loopback) == 0, "lo");
    struct sockaddr_ll address = {.sll_family = AF_PACKET,
                                  .sll_protocol = htons(ETH_P_ALL),
                                  .sll_ifindex = loopback.ifr_ifindex};
    must(bind(descriptor, (struct sockaddr *)&address, sizeof address) == 0, "bind to lo");
    if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof buffer_bytes) != 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &glance, sizeof glance);
    return descriptor;
}

int main(int argc, char **argv)
{
    static uint8_t packet[PACKET_BYTES];
    uint64_t bytes = 0, packets = 0;
    struct tpacket_stats stats = {0};
    socklen_t stats_bytes = sizeof stats;

    if (argc != 2) {
        fprintf(stderr, "usage: capture FILE\n");
        return 2;
    }
    int descriptor = listen_on_loopback();
    FILE *file = fopen(argv[1], "wb");
    must(file != NULL, argv[1]);
    struct sigaction action = {.sa_handler = end};
    sigaction(SIGTERM, &action, NULL);
    printf("listening\n");
    fflush(stdout);
    for (bool is_empty = false; !is_to_end || !is_empty;) {
        struct sockaddr_ll from;
        socklen_t from_bytes = sizeof from;
        ssize_t count = recvfrom(descriptor, packet, sizeof packet, is_to_end ? MSG_DONTWAIT : 0,
                                 (struct sockaddr *)&from, &from_bytes);
        is_empty = count < 0 && errno == EAGAIN;
        must(count >= 0 || is_empty || errno == EINTR, "receive");
        if (count <= 0 || from.sll_pkttype == PACKET_OUTGOING) /* the same as it comes in */
            continue;
        must(fwrite(packet, 1, (size_t)count, file) == (size_t)count, argv[1]);
        bytes += (uint64_t)count;
        packets++;
    }
    getsockopt(descriptor, SOL_PACKET, PACKET_STATISTICS, &stats, &stats_bytes);
    must(fclose(file) == 0, argv[1]);
    printf("captured bytes %" PRIu64 " packets %" PRIu64 " lost %u\n", bytes, packets,
           stats.tp_drops);
    return 0;
}
