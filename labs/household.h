/* household: a gateway and a few hosts on this computer, started by one program and ended with it:
 * what `ferry live` keeps. The first host has the guest.
 */
#ifndef LABS_HOUSEHOLD_H
#define LABS_HOUSEHOLD_H

#include "labs/children.h"
#include "labs/options.h"
#include "live/caller.h"

#define HOUSEHOLD_HOSTS_MAX 4

struct household {
    struct child gateway, hosts[HOUSEHOLD_HOSTS_MAX];
    unsigned host_count;
    struct caller caller; /* at the gateway's door */
    char control[CONTROL_PATH_MAX];
    char hosts_address[128];
    char clients_address[128]; /* where clients come in */
    char guest[64];            /* as hosts call it; */
    char at[64];               /* and where it is */
};

/* Starts all of it, and waits until every host has joined and the guest runs. `options` outlive it.
 * `err`: where children complain. What is wrong with the line is told by the child that saw it:
 * STATUS_REFUSED. household_end in every case. */
MUST_USE enum status household_start(struct household *household, const struct options *options,
                                     const char *control, int err, struct problem *problem);
/* Guests first, then the gateway: the last that clients see is the end of their connections. */
void household_end(struct household *household);

/* The command line by which a child could be started again. Appends to `line`, NUL-terminated. */
void household_write_command(const struct child *child, struct bytes *line);

#endif
