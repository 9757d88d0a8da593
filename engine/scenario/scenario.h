/* scenario: all that determines a run, as one validated configuration. The options of `ferry run`
 * and the keys of a scenario file are the same list, kept here once.
 *
 * scenario_init gives the defaults; scenario_set takes one option as text; scenario_check looks at
 * the whole (an option that the guest or the mode cannot obey is refused). scenario_text writes
 * all options back as key = value lines: the head of every recording.
 */
#ifndef SCENARIO_SCENARIO_H
#define SCENARIO_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/event.h"
#include "base/status.h"
#include "base/units.h"
#include "machine/writes.h"
#include "migrate/strategy.h"
#include "wire/page_codec.h"

#define SCENARIO_CLIENTS_MAX 60
#define SCENARIO_NONE        UINT64_MAX /* "none": no limit, or not given */
#define SCENARIO_FAULT_BYTES 256

enum pattern { PATTERN_UNIFORM, PATTERN_SEQUENTIAL, PATTERN_HOT_COLD, PATTERN_ZIPF };

enum dirty_tracking { TRACKING_TRAP, TRACKING_HARDWARE_LOG };
enum disk_at { DISK_SHARED, DISK_SOURCE, DISK_TARGET };
enum leave_out { LEAVE_OUT_NONE, LEAVE_OUT_WRITE_BACK, LEAVE_OUT_BARRIER };
enum route { ROUTE_TUNNEL, ROUTE_ANNOUNCE, ROUTE_NONE };

/* S(key, field, kind, default, help): everything with a number and a unit.
 * C(key, field, type, words, default, help): everything that is one of a list of words; its value
 * is the word's place in the list, so the enumerations follow the lists. */
#define SCENARIO_NUMBERS(S)                                                                        \
    S("memory", memory_bytes, UNIT_SIZE, "64MiB", "memory of the guest")                           \
    S("harts", hart_count, UNIT_COUNT, "1", "processors of the guest, 1 to 8")                     \
    S("cpu-rate", cpu_rate, UNIT_CPU_RATE, "100MIPS", "instructions per second of each hart")      \
    S("trap-cost", trap_cost_ns, UNIT_TIME, "0ns", "world time of one write-protection trap")      \
    S("bandwidth", bandwidth_bits_per_s, UNIT_BANDWIDTH, "1Gbit/s", "of the migration link")       \
    S("latency", latency_ns, UNIT_TIME, "100us", "of the migration link, one way")                 \
    S("dirty-rate", dirty_rate, UNIT_PAGE_RATE, "none", "page writes of memwalk and model guests") \
    S("working-set", working_set_bytes, UNIT_SIZE, "none", "memory that they write to")            \
    S("start-at", start_at_ns, UNIT_TIME, "100ms", "when the move starts")                         \
    S("run-for", run_for_ns, UNIT_TIME, "none", "after the move; none: to its end, or 60 s")       \
    S("downtime-limit", downtime_limit_ns, UNIT_TIME, "30ms", "pause when the forecast is within") \
    S("max-rounds", max_rounds, UNIT_COUNT, "30", "of pre-copy, the paused one not counted")       \
    S("total-time-limit", total_time_limit_ns, UNIT_TIME, "none", "of the move, as --max-rounds")  \
    S("bandwidth-limit", bandwidth_limit_bits_per_s, UNIT_BANDWIDTH, "none",                       \
      "of the move, while the guest runs at the source")                                           \
    S("switch-after", switch_after, UNIT_COUNT, "1", "rounds of pre-copy before hybrid switches")  \
    S("switch-below", switch_below_bytes, UNIT_SIZE, "4MiB", "of --switch-when remaining")         \
    S("switch-deadline", switch_deadline_ns, UNIT_TIME, "1s", "of --switch-when deadline")         \
    S("dirty-limit", dirty_limit, UNIT_PAGE_RATE, "none", "slows each hart until it dirties less") \
    S("push-after", push_after_ns, UNIT_TIME, "10s", "of --prefetch none, after the switch")       \
    S("delta-cache", delta_cache_bytes, UNIT_SIZE, "16MiB", "copies kept for --compress delta")    \
    S("tunnel-for", tunnel_for_ns, UNIT_TIME, "none", "of --route tunnel; none: to the end")       \
    S("clients", client_count, UNIT_COUNT, "none", "that talk to it (kv, web, chat, game: 4)")     \
    S("request-rate", request_rate, UNIT_REQUEST_RATE, "500/s", "of each client")                  \
    S("seed", seed, UNIT_COUNT, "1", "of everything that is random")

#define OFF_ON "off|on" /* such an option may stand alone on a command line: it is on then */

#define SCENARIO_CHOICES(C)                                                                       \
    C("pattern", pattern, enum pattern, "uniform|sequential|hot-cold|zipf", "uniform",            \
      "of memwalk (hot-cold: 90 % of writes to 10 %)")                                            \
    C("on-limit", on_limit, enum on_limit, "pause|abort|post-copy", "pause",                      \
      "when the rounds or the time are used up")                                                  \
    C("switch-when", switch_when, enum switch_when, "rounds|no-progress|remaining|deadline",      \
      "rounds", "what makes hybrid switch over")                                                  \
    C("auto-converge", auto_converge, unsigned, OFF_ON, "off", "slows the guest step by step")    \
    C("hot-last", hot_last, unsigned, OFF_ON, "off", "pages written in every round go last")      \
    C("skip-rewritten", skip_rewritten, unsigned, OFF_ON, "off", "pages written again must wait") \
    C("prefetch", prefetch, enum prefetch, "none|sequential|bubble", "sequential",                \
      "what is pushed once the guest runs there")                                                 \
    C("fault-throttle", fault_throttle, unsigned, OFF_ON, "off", "slows a guest that faults")     \
    C("compress", compress, enum compress, "none|zero|delta|lz4|zstd|auto", "none",               \
      "how pages travel: forms that are smaller")                                                 \
    C("free-hints", free_hints, unsigned, OFF_ON, "on", "pages given away are not sent")          \
    C("dirty-tracking", dirty_tracking, enum dirty_tracking, "trap|hardware-log", "trap",         \
      "how writes are noticed")                                                                   \
    C("cache", cache, unsigned, OFF_ON, "off", "a write-back cache before the memory")            \
    C("disk-at", disk_at, enum disk_at, "shared|source|target", "shared", "who serves the disk")  \
    C("leave-out", leave_out, enum leave_out, "none|write-back|barrier", "none",                  \
      "of the consistent cut: to see it torn")                                                    \
    C("route", route, enum route, "tunnel|announce|none", "announce",                             \
      "how connections find the guest")

struct scenario {
#define SCENARIO_FIELD(key, field, kind, text, help) uint64_t field;
    SCENARIO_NUMBERS(SCENARIO_FIELD)
#undef SCENARIO_FIELD
#define SCENARIO_CHOICE(key, field, type, words, text, help) type field;
    SCENARIO_CHOICES(SCENARIO_CHOICE)
#undef SCENARIO_CHOICE
    char guest[512]; /* "kv", "model:uniform", or a path that contains '/' or ends with .elf */
    enum mode mode;
    char fault[SCENARIO_FAULT_BYTES]; /* "cut@1.2s+300ms,slow@2s:10Mbit/s", see fault.h; "": none */
    char image[17];         /* digest that the guest's file must have, in hexadecimal; "": any */
    struct bytes arguments; /* the guest's own, each ended by a NUL, without its name */
    uint64_t given;         /* bit i: option i of scenario_option was set and is no default */
    /* Borrowed, and no part of the text: decides in place of its mode's own; NULL: none. */
    const struct strategy *strategy;
};

/* The options in order, for help, files and JSON. */
struct scenario_option {
    const char *key;
    const char *default_text;
    const char *help;
    const char *choices; /* "pause|abort|post-copy"; NULL for numbers and free text */
    enum unit_kind kind; /* of numbers */
    bool is_number;
};
uint32_t scenario_option_count(void);
const struct scenario_option *scenario_option(uint32_t idx);

void scenario_init(struct scenario *scenario);
void scenario_fini(struct scenario *scenario);
void scenario_copy(struct scenario *to, const struct scenario *from);

/* One option, as written on the command line or in a file. STATUS_USAGE with a detail for an
 * unknown key (names one that is close) or a value that is not right. */
MUST_USE enum status scenario_set(struct scenario *scenario, const char *key, const char *value,
                                  struct problem *problem);
/* The value of an option as text that scenario_set reads back; "none" where there is none. */
void scenario_get(const struct scenario *scenario, uint32_t idx, char *text, size_t text_bytes);
/* Its number in the base unit; false when it is none or not a number. */
bool scenario_number(const struct scenario *scenario, uint32_t idx, uint64_t *value);

/* From now on the guest must have this image: what a recording says of its run. Models have none.
 */
void scenario_name_image(struct scenario *scenario, const uint8_t *image, size_t image_bytes);

/* The whole: fills what depends on the guest (clients, run-for), refuses what does not fit
 * together. `is_comparison`: options of one mode are accepted although another mode is set. */
MUST_USE enum status scenario_check(struct scenario *scenario, bool is_comparison,
                                    struct problem *problem);
/* The options of a move of a guest whose clients are real: they may come, and that is granted; where
 * the guest is not known, that it may have a cache, too. */
MUST_USE enum status scenario_check_move(struct scenario *scenario, bool is_guest_known,
                                         struct problem *problem);

/* The port on which its guest serves; 0: it serves nobody. A file of the user's is spoken to as kv. */
uint16_t scenario_port(const struct scenario *scenario);

/* Its limits, as a strategy is given them. */
struct limits scenario_limits(const struct scenario *scenario);

bool scenario_is_model(const struct scenario *scenario);
enum writes_pattern scenario_model_pattern(const struct scenario *scenario); /* of a model */
bool scenario_is_file(const struct scenario *scenario); /* the guest is a file of the user's */
void scenario_text(const struct scenario *scenario, struct bytes *text); /* NUL-terminated */
/* Sets what such a text says, on top of what is set: the head of a recording, what one host tells
 * another. STATUS_USAGE with the line where it is none of ours; but between which `hosts` a recorded
 * move went is left to whoever shows it. scenario_check is the caller's. */
MUST_USE enum status scenario_read_text(struct scenario *scenario, const char *text,
                                        struct problem *problem);

/* What an option is about, where guest, link and move are asked for apart (live mode). */
enum scenario_part {
    PART_GUEST, /* chosen when the guest is started, */
    PART_MOVE,  /* when it is moved, */
    PART_LINK,  /* at any time */
    PART_WORLD, /* of a simulated world: real clients, seeds and accidents are not chosen */
};
enum scenario_part scenario_part(uint32_t idx);
/* Why an option cannot be chosen where that part is, with what would be right; NULL: it can. */
const char *scenario_part_objection(uint32_t idx, enum scenario_part part);

#endif
