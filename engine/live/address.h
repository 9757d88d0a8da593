/* address: where a channel listens or goes to, as people write it.
 *
 *   HOST:PORT      HOST an IPv4 number, an IPv6 number in [], or a name that this computer resolves
 *   /PATH, ./PATH  a Unix socket: whatever contains a '/'
 */
#ifndef LIVE_ADDRESS_H
#define LIVE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/status.h"

#define ADDRESS_TEXT_BYTES 128 /* the longest path of a Unix socket has 107 characters */

struct address {
    struct sockaddr_storage socket;
    socklen_t socket_bytes;
};

/* A name is looked up at once, and may take its time: what hosts tell each other are numbers.
 * STATUS_USAGE: it can never be one; STATUS_NO_FILE: nobody has that name now. */
MUST_USE enum status address_parse(const char *text, struct address *address,
                                   struct problem *problem);
/* The same of a number or a path, where nothing is to be looked up: somebody else's word. */
MUST_USE enum status address_parse_number(const char *text, struct address *address,
                                          struct problem *problem);
bool address_is_unix(const struct address *address);
/* Nobody but this computer's own can be at its other end. */
bool address_is_local(const struct address *address);
/* The form that address_parse reads, always with a number and the port. */
void address_format(const struct address *address, char text[ADDRESS_TEXT_BYTES]);

/* Makes the folder of a Unix socket's path, for this user alone (0700); one that is there already
 * must be safe: this user's or root's, and nobody else may put another socket in the place. */
MUST_USE enum status address_make_folder(const char *path, struct problem *problem);
/* Whoever takes a Unix socket's place, or leaves it, holds its folder meanwhile: another who does
 * the same waits. Close what is returned; -1: nobody waits, for the folder cannot be held, or
 * somebody holds it without an end. */
int address_hold_folder(const char *path);
/* With the folder held: the path may be bound: nothing is there, or a socket that nobody listens at
 * any more, which is removed. Whatever else is there stays, and is a problem. */
MUST_USE enum status address_reclaim(const char *path, struct problem *problem);

#endif
