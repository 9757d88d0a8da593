/* quantity: everything about a run that a lab may ask for or name in a text. Those of the scenario
 * are known before the run; the others are measured: read from the timeline of that very run.
 *
 * A value is an integer in the base unit of its form (base/units.h): bytes, nanoseconds, bits per
 * second, a count; a share is in thousandths.
 */
#ifndef LABS_QUANTITY_H
#define LABS_QUANTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/session.h"
#include "scenario/scenario.h"

enum quantity_form {
    FORM_TIME,      /* 2.700 s */
    FORM_SIZE,      /* 32.00 MiB */
    FORM_COUNT,     /* 33,554,432 */
    FORM_BANDWIDTH, /* 100.0 Mbit/s */
    FORM_BYTE_RATE, /* 12.50 MB/s: bytes, powers of 1000, as links have them */
    FORM_RATE,      /* 500/s */
    FORM_SHARE,     /* 0.6 % */
};

/* K(name, form, label): known before the run. M(...): measured. The label heads a line of a table;
 * the player translates it. */
#define QUANTITY_LIST(K, M)                               \
    K(memory, FORM_SIZE, "memory")                        \
    K(memory_bytes, FORM_COUNT, "memory in bytes")        \
    K(memory_bits, FORM_COUNT, "memory in bits")          \
    K(pages, FORM_COUNT, "pages")                         \
    K(page_bytes, FORM_COUNT, "bytes of a page")          \
    K(bandwidth, FORM_BANDWIDTH, "bandwidth")             \
    K(bits_per_s, FORM_COUNT, "bits per second")          \
    K(byte_rate, FORM_BYTE_RATE, "bytes per second")      \
    K(latency, FORM_TIME, "latency, one way")             \
    K(clients, FORM_COUNT, "clients")                     \
    K(request_rate, FORM_RATE, "requests of a client")    \
    K(copy_time, FORM_TIME, "memory over bandwidth")      \
    M(downtime, FORM_TIME, "downtime")                    \
    M(total_time, FORM_TIME, "total migration time")      \
    M(forecast_downtime, FORM_TIME, "downtime, forecast") \
    M(rounds, FORM_COUNT, "rounds")                       \
    M(pages_sent, FORM_COUNT, "pages sent")               \
    M(pages_resent, FORM_COUNT, "of them again")          \
    M(wire, FORM_SIZE, "bytes on the wire")               \
    M(wire_bytes, FORM_COUNT, "bytes on the wire")        \
    M(wire_time, FORM_TIME, "time on the wire")           \
    M(framing, FORM_SIZE, "framing")                      \
    M(framing_time, FORM_TIME, "time for framing")        \
    M(framing_share, FORM_SHARE, "framing")               \
    M(state, FORM_SIZE, "machine state")                  \
    M(state_time, FORM_TIME, "time for the state")        \
    M(faults, FORM_COUNT, "page faults")                  \
    M(answers, FORM_COUNT, "answers")                     \
    M(wrong_answers, FORM_COUNT, "wrong answers")         \
    M(longest_silence, FORM_TIME, "longest silence")      \
    M(usual_latency, FORM_TIME, "usual answer within")    \
    M(longest_latency, FORM_TIME, "longest answer")

enum quantity {
#define QUANTITY_ENUM(name, form, label) QUANTITY_##name,
    QUANTITY_LIST(QUANTITY_ENUM, QUANTITY_ENUM)
#undef QUANTITY_ENUM
        QUANTITY_COUNT
};

struct quantities {
    uint64_t values[QUANTITY_COUNT];
    bool is_measured;
};

const char *quantity_name(enum quantity quantity);
const char *quantity_label(enum quantity quantity);
enum quantity_form quantity_form(enum quantity quantity);
bool quantity_is_measured(enum quantity quantity);
/* QUANTITY_COUNT where there is none of that name. */
enum quantity quantity_find(const char *name, size_t name_bytes);

/* What the scenario alone says; the measured ones are 0. */
void quantities_expect(struct quantities *quantities, const struct scenario *scenario);
/* All of them, from a session that has ended. */
void quantities_measure(struct quantities *quantities, const struct scenario *scenario,
                        const struct session *session);

/* As people read it, with its unit. */
void quantity_format(enum quantity_form form, uint64_t value, char *text, size_t text_bytes);

#endif
