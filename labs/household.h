/* household: a gateway and a few hosts on this computer, started by one program and ended with it:
 * what `ferry live` keeps. The first host has the guest.
 */
#ifndef LABS_HOUSEHOLD_H
#define LABS_HOUSEHOLD_H

#include "labs/children.h"
#include "labs/options.h"
#include "live/caller.h"
#include "live/trunk.h"

#define HOUSEHOLD_HOSTS_MAX 4

struct household {
    const struct options *options; /* borrowed */
    struct child gateway, hosts[HOUSEHOLD_HOSTS_MAX];
    unsigned host_count;
    struct caller caller; /* at the gateway's door */
    char control[CONTROL_PATH_MAX];
    char hosts_address[128];
    char clients_address[128];  /* where clients come in, first of all */
    char listen[1024];          /* and all that --listen says, with real ports */
    char guest[TRUNK_NAME_MAX]; /* as hosts call it; */
    char at[64];                /* and where it is */
};

/* Starts all of it, and waits until every host has joined and the guest runs. `options` outlive it.
 * `err`: where children complain. What is wrong with the line is told by the child that saw it:
 * STATUS_REFUSED. household_end in every case. */
MUST_USE enum status household_start(struct household *household, const struct options *options,
                                     const char *control, int err, struct problem *problem);
/* Guests first, then the gateway: the last that clients see is the end of their connections. */
void household_end(struct household *household);

/* How the host is called that is started as the idx-th; HOUSEHOLD_HOSTS_MAX: one more than any. */
const char *household_host_name(unsigned idx);
/* Command lines of those that could take the place of one that died. They append to `line`,
 * NUL-terminated. `has_guest`: the guest is to begin there, anew. */
void household_write_gateway(const struct household *household, struct bytes *line);
void household_write_host(const struct household *household, const char *name, bool has_guest,
                          struct bytes *line);

#endif
