/* model: a guest without instructions, only its page writes: "idle" never writes, "uniform" writes
 * evenly spaced at exactly write_rate, each to a page of the working set chosen at random.
 *
 * A page is (number, version): a write raises the version, and the version is all that travels; the
 * link is charged the full page. So a machine of 64 GiB is 16,777,216 versions.
 */
#ifndef MACHINE_MODEL_H
#define MACHINE_MODEL_H

#include <stdint.h>

#include "machine/guest.h"

#define MODEL_PAGES_MAX (1ull << 28) /* 1 TiB: bounds what a scenario can make us allocate */

enum model_pattern {
    MODEL_IDLE,
    MODEL_UNIFORM,
};

struct model_config {
    enum model_pattern pattern;
    uint64_t total_pages;
    uint64_t working_set_pages; /* the first ones are written; at most total_pages */
    uint64_t write_rate;        /* page writes per second of guest time; 0: none */
    uint64_t seed;
};

struct guest *model_open(const struct model_config *config);
/* Every page missing, no state: what a target holds before anything has arrived. */
struct guest *model_open_empty(const struct model_config *config);

#endif
