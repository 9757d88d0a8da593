/* subject: what somebody wants to watch, as a session: a scenario as it runs, a recording, or real
 * hosts behind a gateway's door. */
#ifndef LABS_SUBJECT_H
#define LABS_SUBJECT_H

#include "base/bytes.h"
#include "labs/setting.h"
#include "record/session.h"

struct subject {
    struct session *session; /* NULL: it was not opened, or somebody else has closed it */
    bool is_at;              /* --at was given: */
    uint64_t at_ns;
    struct bytes bytes;    /* of a recording, */
    uint64_t *round_pages; /* and owned: what theory expects of its rounds */
};

/* `setting` is ready, and stays until subject_close. subject_close also after a failure. */
MUST_USE enum status subject_open(struct subject *subject, const struct setting *setting,
                                  struct problem *problem);
void subject_close(struct subject *subject);

#endif
