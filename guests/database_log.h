/* database_log: what was written, in the order in which it was: a ring of records, each numbered
 * and sealed by a checksum. Nothing in it is ever changed. Room is made at the tail: a record that
 * is still wanted there is written once more at the head, all others are forgotten (the cleaning of
 * a log-structured store; Rosenblum and Ousterhout, SOSP 1991).
 *
 *        tail                                 head
 *      ... | 17 | 18 | 19 | ...           ... | free ...         record n stands at n % count
 *
 * Part of database.c, which is one program in three files. */
#ifndef GUESTS_DATABASE_LOG_H
#define GUESTS_DATABASE_LOG_H

#include "runtime.h"

#define VALUE_BYTES 88

enum record_kind { RECORD_SET = 1, RECORD_DELETE = 2 };

struct record {
    uint64_t seal; /* the checksum of all that follows */
    uint64_t number;
    uint64_t key;
    uint64_t kind;
    uint64_t version; /* how often the database has changed */
    uint8_t value[VALUE_BYTES];
};

_Static_assert(sizeof(struct record) == 128, "records do not cross pages");

static struct {
    struct record *records;
    uint64_t count; /* that the ring holds */
    uint64_t tail, head;
} log;

static struct record *log_record(uint64_t number)
{
    return &log.records[number % log.count];
}

static uint64_t log_seal(const struct record *record)
{
    return checksum(&record->number, sizeof *record - sizeof record->seal, 0);
}

static bool log_is_sound(uint64_t number)
{
    const struct record *record = log_record(number);
    return number >= log.tail && number < log.head && record->number == number &&
           record->seal == log_seal(record);
}

/* There is room: see log_make_room. Returns the record's number. */
static uint64_t log_append(uint64_t key, enum record_kind kind, uint64_t version,
                           const uint8_t *value)
{
    struct record *record = log_record(log.head);

    record->number = log.head;
    record->key = key;
    record->kind = kind;
    record->version = version;
    memcpy(record->value, value, VALUE_BYTES);
    record->seal = log_seal(record);
    return log.head++;
}

/* Frees records at the tail until two more have room. What `is_wanted` says yes to is written once
 * more, and `moved` told its new number. Fewer than half of the ring may be wanted. */
static void log_make_room(bool (*is_wanted)(const struct record *record),
                          void (*moved)(uint64_t key, uint64_t number))
{
    while (log.head - log.tail > log.count - 2) {
        const struct record *record = log_record(log.tail);
        if (is_wanted(record))
            moved(record->key,
                  log_append(record->key, record->kind, record->version, record->value));
        log.tail++;
    }
}

#endif
