/* parent: processes of live mode that were started by another end with it, however that ends. */
#ifndef LABS_PARENT_H
#define LABS_PARENT_H

#include "base/status.h"

/* From now on this process is told to end (SIGTERM) when its parent has ended. It says so, and does
 * not begin, where that has happened already. */
MUST_USE enum status parent_follow(struct problem *problem);

#endif
