/* swarm_crew: processes that judge seeds, one seed each in turn; what they find comes back in the
 * order of the seeds, however many they are. Nothing is shared: a seed at which the program itself
 * breaks down ends one process, and is known by its place.
 */
#ifndef LABS_SWARM_CREW_H
#define LABS_SWARM_CREW_H

#include <sys/types.h>

#include "sim/swarm.h"

#define SWARM_JOBS_MAX 64

struct swarm_crew {
    struct worker {
        pid_t process;
        int results; /* a pipe */
    } workers[SWARM_JOBS_MAX];
    uint32_t worker_count;
    uint64_t next_seed;
    char death[80]; /* how the process ended that did not answer; "": none did */
};

/* From `first` on, without end. `images` are borrowed. */
MUST_USE enum status swarm_crew_open(struct swarm_crew *crew, uint64_t first, uint32_t jobs,
                                     const struct swarm_image *images, struct problem *problem);
/* The next seed's result. False: its process has died, or says nothing (crew->death). */
bool swarm_crew_next(struct swarm_crew *crew, struct swarm_result *result);
void swarm_crew_close(struct swarm_crew *crew);

#endif
