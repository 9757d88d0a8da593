/* database: a table that is written to all the time: an index over a log.
 *
 *   database_tree.h   the index: a B+ tree of pages, from a key to the number of a record
 *   database_log.h    the log: a ring of records, cleaned at its tail
 *   database.c        the work, and the check of each against the other
 *
 * Of ten operations seven set a key, one deletes one, two read one. A set writes at the head of the
 * log, pages that nobody has written for long, and in one leaf of the index, a page that is written
 * again and again: what is sent of the first is sent once, the second are the hot pages.
 *
 * Each read is checked: what stands there is what was set. Every so many operations all is checked:
 * each key of the index has its record in the log; each record of the log is the one that the index
 * names, or older; and there are as many of the first as of the second. */
#include "runtime.h"

#include "base/prng.h"
#include "base/zipf.h"

#include "database_log.h"
#include "database_tree.h"

#define KEYS_MAX (1u << 26)

enum pattern { UNIFORM, ZIPF };

static struct {
    uint64_t key_count; /* that there may be */
    enum pattern pattern;
    struct zipf zipf;
    struct prng prng;
    uint64_t version; /* changes made */
    uint64_t reads, sets, deletes;
} work;

_Noreturn static void fail(const char *what, uint64_t key)
{
    print("database: %s key %016lx\n", what, key);
    exit(1);
}

/* ---- The operations ---- */

/* Keys lie scattered, so that those that are written often share no leaf. Multiplying by an odd
 * number maps no two to one. */
static uint64_t choose_key(void)
{
    uint64_t idx = work.pattern == ZIPF ? zipf_next(&work.zipf, &work.prng) - 1
                                        : prng_below(&work.prng, work.key_count);
    return idx * 0x9e3779b97f4a7c15ull;
}

/* What the key held after that change: any other value in its place is noticed. */
static void fill_value(uint8_t *value, uint64_t key, uint64_t version)
{
    struct prng prng = prng_make(key, version);
    for (uint32_t i = 0; i < VALUE_BYTES; i += sizeof(uint64_t)) {
        uint64_t word = prng_next(&prng);
        memcpy(value + i, &word, sizeof word);
    }
}

static bool is_current(const struct record *record)
{
    uint64_t number;
    return record->kind == RECORD_SET && tree_get(record->key, &number) && number == record->number;
}

static void set(uint64_t key)
{
    uint8_t value[VALUE_BYTES];

    fill_value(value, key, ++work.version);
    log_make_room(is_current, tree_set);
    tree_set(key, log_append(key, RECORD_SET, work.version, value));
    work.sets++;
}

static void delete (uint64_t key)
{
    static const uint8_t nothing[VALUE_BYTES];

    work.deletes++;
    if (!tree_delete(key))
        return;
    log_make_room(is_current, tree_set);
    log_append(key, RECORD_DELETE, ++work.version, nothing);
}

static void read(uint64_t key)
{
    uint8_t value[VALUE_BYTES];
    uint64_t number;

    work.reads++;
    if (!tree_get(key, &number))
        return;
    const struct record *record = log_record(number);
    if (!log_is_sound(number) || record->key != key || record->kind != RECORD_SET)
        fail("the index names a record that is not that of", key);
    fill_value(value, key, record->version);
    if (memcmp(value, record->value, VALUE_BYTES) != 0)
        fail("another value was read than was set for", key);
}

static void operate(void)
{
    uint64_t choice = prng_below(&work.prng, 10);
    uint64_t key = choose_key();

    if (choice < 7)
        set(key);
    else if (choice < 8)
        delete (key);
    else
        read(key);
}

/* ---- The check of all ---- */

static bool has_its_record(uint64_t key, uint64_t number)
{
    const struct record *record = log_record(number);
    if (!log_is_sound(number) || record->kind != RECORD_SET || record->key != key)
        fail("the log has no sound record of", key);
    return true;
}

static void check(void)
{
    uint64_t current_count = 0;

    if (!tree_walk(has_its_record))
        fail("the index is not in order; the log's newest record is that of",
             log_record(log.head - 1)->key);
    for (uint64_t number = log.tail; number < log.head; number++) {
        const struct record *record = log_record(number);
        uint64_t indexed;
        if (!log_is_sound(number))
            fail("a record of the log is damaged, as far as can be told that of", record->key);
        if (record->kind != RECORD_SET || !tree_get(record->key, &indexed))
            continue;
        if (indexed < number)
            fail("the index missed the last change of", record->key);
        current_count += indexed == number;
    }
    if (current_count != tree.key_count)
        fail("index and log do not hold equally many; the root of the index is at", tree.root_idx);
}

/* ---- The course of it ---- */

/* A log of twice the keys and a bit, and pages for the index, one after the other. */
static bool open_database(uint64_t key_count, uint64_t seed)
{
    uint64_t records_per_page = PAGE_BYTES / sizeof(struct record);
    uint64_t log_pages = (2 * key_count + 64) / records_per_page + 1;
    uint64_t index_pages = tree_pages(key_count);

    if (key_count < 1 || key_count > KEYS_MAX) {
        print("database: --keys needs 1 to %u, not %lu\n", KEYS_MAX, key_count);
        return false;
    }
    if ((log_pages + index_pages) * PAGE_BYTES > heap_bytes()) {
        print("database: %lu keys need %lu KiB, more than the %lu KiB of memory that are free\n",
              key_count, (log_pages + index_pages) * (PAGE_BYTES / 1024), heap_bytes() / 1024);
        return false;
    }
    give_pages(__heap_start, heap_bytes()); /* what is used is taken back by using it */
    log.records = (struct record *)__heap_start;
    log.count = log_pages * records_per_page;
    tree_init(__heap_start + log_pages * PAGE_BYTES, index_pages);
    work.key_count = key_count;
    work.zipf = zipf_make(key_count);
    work.prng = prng_make(seed, 0);
    return true;
}

static void work_through(uint64_t operations, uint64_t rate, uint64_t check_every)
{
    uint64_t start_ns = time_ns();

    for (uint64_t i = 1; i <= operations; i++) {
        uint64_t due_ns = start_ns + i / rate * 1000000000 + i % rate * 1000000000 / rate;
        if (time_ns() < due_ns)
            sleep_until(due_ns);
        operate();
        if (i % check_every == 0)
            check();
    }
    check();
    print("database: %lu sets, %lu deletes, %lu reads; index of %lu keys in %lu pages, %lu deep\n",
          work.sets, work.deletes, work.reads, tree.key_count, tree.node_count, tree_depth());
    print("database: index and log agree, ok\n");
}

int main(int argc, char **argv)
{
    static const char *const patterns[] = {"uniform", "zipf", NULL};
    uint64_t key_count = 30000, operations = 40000, rate = 20000, check_every = 10000;
    uint64_t pattern = ZIPF, seed = 1;
    const struct option options[] = {
        {"--keys", OPTION_NUMBER, &key_count, NULL},
        {"--operations", OPTION_NUMBER, &operations, NULL},
        {"--rate", OPTION_FREQUENCY, &rate, NULL},
        {"--pattern", OPTION_WORD, &pattern, patterns},
        {"--check-every", OPTION_NUMBER, &check_every, NULL},
        {"--seed", OPTION_NUMBER, &seed, NULL},
    };

    read_options(argc, argv, options, sizeof options / sizeof options[0]);
    if (rate == 0 || check_every == 0) {
        print("database: %s\n",
              rate == 0 ? "--rate needs 1/s or more" : "--check-every needs 1 operation or more");
        return 2;
    }
    if (!open_database(key_count, seed))
        return 2;
    work.pattern = (enum pattern)pattern;
    work_through(operations, rate, check_every);
    return 0;
}
