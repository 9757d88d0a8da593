/* model: a guest without instructions, only its page writes: when and where, by a pattern, a rate
 * and a seed (writes.h), evenly spaced at exactly the rate.
 *
 * A page is (number, version): a write raises the version, and the version is all that is kept and
 * all that travels; the link is charged the full page. What stands in it is made when somebody
 * looks (contents.h). So a machine of 1 TiB is 268,435,456 small numbers (versions.h).
 */
#ifndef MACHINE_MODEL_H
#define MACHINE_MODEL_H

#include <stdint.h>

#include "machine/guest.h"
#include "machine/writes.h"

#define MODEL_PAGES_MAX (1ull << 28) /* 1 TiB: bounds what a scenario can make us allocate */

struct model_config {
    enum writes_pattern pattern;
    uint64_t total_pages;
    uint64_t working_set_pages; /* the first ones are written; at most total_pages */
    uint64_t write_rate;        /* page writes per second of guest time; 0: none */
    uint64_t seed;
};

struct guest *model_open(const struct model_config *config);
/* Every page missing, no state: what a target holds before anything has arrived. */
struct guest *model_open_empty(const struct model_config *config);

#endif
