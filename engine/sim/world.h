/* world: two hosts, a migration link, a switch, a guest and its clients, in virtual time.
 *
 * Deterministic: integer nanoseconds, seeded randomness, ties broken by order. The same scenario,
 * seed and guest image give the same events, byte for byte, on any machine and compiler.
 *
 * The world lives from event to event. Whoever owns it lets it live (world_advance, world_step), is
 * given the events that happened, and may interfere (the knobs). The oracle watches all the time;
 * what it found is in world_oracle.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/event.h"
#include "base/status.h"
#include "machine/debug.h"
#include "sim/console.h"
#include "sim/oracle.h"
#include "scenario/scenario.h"

struct world;

/* `image` is the guest's ELF file (NULL for model guests); it is not needed after the call.
 * The scenario has been checked. */
MUST_USE enum status world_open(const struct scenario *scenario, const uint8_t *image,
                                size_t image_bytes, struct world **world, struct problem *problem);
void world_close(struct world *world);

/* Lives until `until_ns` or the end. Events are appended to `events`. Returns false at the end. */
bool world_advance(struct world *world, uint64_t until_ns, struct event_list *events);
/* Lives until at least one more event has happened. False at the end. */
bool world_step(struct world *world, struct event_list *events);

/* The knobs; false when the world is not in a state to obey. */
bool world_start(struct world *world, struct event_list *events);
bool world_switch_to_post_copy(struct world *world, struct event_list *events);
bool world_abort(struct world *world, struct event_list *events);
/* To the migration link, beside what the plan's faults do to it. */
bool world_cut_link(struct world *world, bool is_cut, struct event_list *events);
bool world_set_bandwidth(struct world *world, uint64_t bits_per_s, struct event_list *events);

/* A debugger at the guest, wherever it is: `debug` is borrowed; NULL: none. While it holds the
 * guest the world stands still: world_advance and world_step return true and nothing has happened.
 * Being held changes nothing of what happens afterwards. */
void world_debug(struct world *world, struct debug *debug);
struct guest *world_guest(const struct world *world); /* where it lives, or lived last */

uint64_t world_now_ns(const struct world *world);
uint64_t world_total_pages(const struct world *world);
uint64_t world_lived_ns(const struct world *world); /* guest time, where the guest is now */
/* What the source's state would cost on the link now, its framing included. */
uint64_t world_state_bytes(const struct world *world);
/* Why the migration ended as it did: one sentence; "" before its end. */
const char *world_reason(const struct world *world);
/* When fault idx of the scenario's plan began; WORLD_NEVER: not at all. */
#define WORLD_NEVER UINT64_MAX
uint64_t world_fault_begun_ns(const struct world *world, uint32_t idx);
const struct oracle *world_oracle(const struct world *world);
/* What the guest has written to its console, on whichever host. */
const struct console *world_console(const struct world *world);

#endif
