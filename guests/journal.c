/* journal: a bank that writes down what it is going to do before it does it, so that whoever has
 * nothing but the journal can tell what the accounts must hold. It is the guest to find out with
 * whether what was moved belongs to one instant: memory of an earlier one, or of two, does not
 * agree.
 *
 * The journal is a ring of records in memory. A record is written in three steps, in this order:
 *
 *      body      from, to, amount, both balances afterwards
 *      seal      the checksum of sequence number, body and the seal before it: a chain
 *      commit    the record's sequence number, last of all: it says that body and seal are there
 *
 *      +--------+------+------+--------+--------------+------------+------+
 *      | commit | from |  to  | amount | balance_from | balance_to | seal |   64 bytes
 *      +--------+------+------+--------+--------------+------------+------+
 *
 * Only then are the two accounts changed. The order is forced by flush(), which writes the cache of
 * the machine back where it has one.
 *
 * Where there is a disk the journal is written to it as well: eight records are a block, and the
 * block of a record is rung for as soon as its commit is flushed. The disk reads memory and knows
 * nothing of caches: without the flush it would find an older record there, or half of one. Nobody
 * waits for the disk until the block is to be changed again.
 *
 * The check, every so many records, begins with the accounts as the last check left them (a copy)
 * and follows the chain from there: each commit is the next number, each seal is right, each
 * balance follows from the ones before, and at the end the accounts are those of the copy. A record
 * without its commit is the last one, whatever its body says. And money is neither made nor lost.
 * With a disk the records are those that it gives back: a journal that was torn on its way there is
 * found out as well.
 */
#include "runtime.h"

#include "base/prng.h"

#define ACCOUNTS_MAX    (1u << 20)
#define OPENING_BALANCE 1000
#define BLOCK_RECORDS   (DISK_BLOCK_BYTES / sizeof(struct record))
#define DISK_WAIT_NS    10000 /* between two looks at whether it is done */

struct record {
    uint64_t commit; /* the sequence number, 1 for the first; 0: was never written */
    uint32_t from, to;
    uint64_t amount;
    uint64_t balance_from, balance_to;
    uint64_t seal;
    uint64_t unused[2]; /* records do not cross pages */
};

_Static_assert(sizeof(struct record) == 64, "a record fills a cache line");

static struct bank {
    uint64_t *accounts, *checked; /* now, and as the last check found them */
    struct record *ring;
    uint64_t account_count, ring_count;
    uint64_t sequence; /* of the last record */
    uint64_t checked_sequence, checked_seal;

    bool has_disk;
    int64_t last_request;    /* to the disk */
    struct record *returned; /* a block that was read from it, */
    uint64_t returned_idx;   /* and which */
} bank;

/* What was stored before is in memory before what is stored after: for the compiler and the hart,
 * and for whoever reads memory beneath the cache. */
static void flush(const void *first, size_t count)
{
    __asm__ volatile("fence rw, rw" ::: "memory");
    flush_cache(first, count);
}

static struct record *record_of(uint64_t sequence)
{
    return &bank.ring[sequence % bank.ring_count];
}

/* ---- The disk ---- */

/* Until it does nothing for us any more: the memory that it was given is ours again. */
static void wait_for_disk(void)
{
    while (disk_call(DISK_POLL, 0, NULL) < bank.last_request)
        sleep_until(time_ns() + DISK_WAIT_NS);
}

static void write_to_disk(uint64_t sequence)
{
    uint64_t block_idx = sequence % bank.ring_count / BLOCK_RECORDS;
    if (bank.has_disk)
        bank.last_request = disk_call(DISK_WRITE, block_idx, &bank.ring[block_idx * BLOCK_RECORDS]);
}

/* The record as the disk has it; as memory has it, where there is none. What was read before is
 * flushed, so that no line hides what the disk puts beneath it. */
static const struct record *returned_record(uint64_t sequence)
{
    uint64_t place = sequence % bank.ring_count, block_idx = place / BLOCK_RECORDS;
    if (!bank.has_disk)
        return record_of(sequence);
    if (bank.returned_idx != block_idx) {
        flush(bank.returned, DISK_BLOCK_BYTES);
        bank.last_request = disk_call(DISK_READ, block_idx, bank.returned);
        wait_for_disk();
        bank.returned_idx = block_idx;
    }
    return &bank.returned[place % BLOCK_RECORDS];
}

/* ---- The bank ---- */

static uint64_t seal_of(uint64_t sequence, const struct record *record, uint64_t seal_before)
{
    return checksum(&record->from,
                    (size_t)((const uint8_t *)&record->seal - (const uint8_t *)&record->from),
                    seal_before ^ sequence);
}

static uint64_t last_seal(void)
{
    return bank.sequence == bank.checked_sequence ? bank.checked_seal
                                                  : record_of(bank.sequence)->seal;
}

static void write_record(uint32_t from, uint32_t to, uint64_t amount)
{
    uint64_t sequence = bank.sequence + 1, seal_before = last_seal();
    struct record *record = record_of(sequence);

    wait_for_disk(); /* it may still read the block */
    record->from = from;
    record->to = to;
    record->amount = amount;
    record->balance_from = bank.accounts[from] - amount;
    record->balance_to = bank.accounts[to] + amount;
    flush(record, sizeof *record);
    record->seal = seal_of(sequence, record, seal_before);
    flush(record, sizeof *record);
    *(volatile uint64_t *)&record->commit = sequence;
    flush(record, sizeof *record);
    write_to_disk(sequence);
    bank.sequence = sequence;
}

/* What a transfer does, written down first. */
static void transfer(struct prng *prng)
{
    uint32_t from = (uint32_t)prng_below(prng, bank.account_count);
    uint32_t other = (uint32_t)prng_below(prng, bank.account_count - 1);
    uint32_t to = other + (other >= from); /* another account */
    uint64_t amount = prng_below(prng, bank.accounts[from] + 1);

    write_record(from, to, amount);
    bank.accounts[from] = record_of(bank.sequence)->balance_from;
    bank.accounts[to] = record_of(bank.sequence)->balance_to;
}

static bool wrong(const char *what, uint64_t number)
{
    print("journal: %s %lu\n", what, number);
    return false;
}

static bool redo(uint64_t sequence, const struct record *record)
{
    if (record->commit != sequence)
        return wrong("no commit of record", sequence);
    if (record->seal != seal_of(sequence, record, bank.checked_seal))
        return wrong("the seal does not fit record", sequence);
    if (record->from >= bank.account_count || record->to >= bank.account_count)
        return wrong("an account that is not there in record", sequence);
    bank.checked[record->from] -= record->amount;
    bank.checked[record->to] += record->amount;
    if (bank.checked[record->from] != record->balance_from ||
        bank.checked[record->to] != record->balance_to)
        return wrong("the balance does not follow in record", sequence);
    bank.checked_sequence = sequence;
    bank.checked_seal = record->seal;
    return true;
}

static bool check(void)
{
    uint64_t sum = 0;

    wait_for_disk();
    bank.returned_idx = UINT64_MAX;
    for (uint64_t sequence = bank.checked_sequence + 1; sequence <= bank.sequence; sequence++)
        if (!redo(sequence, returned_record(sequence)))
            return false;
    if (record_of(bank.sequence + 1)->commit > bank.sequence)
        return wrong("a commit of the future stands behind record", bank.sequence);
    for (uint64_t i = 0; i < bank.account_count; i++) {
        if (bank.accounts[i] != bank.checked[i])
            return wrong("the journal does not lead to the balance of account", i);
        sum += bank.accounts[i];
    }
    return sum == bank.account_count * OPENING_BALANCE ||
           wrong("money was made or lost; there is", sum);
}

static bool open_bank(uint64_t account_count, uint64_t check_every)
{
    uint64_t account_bytes =
        (account_count * sizeof(uint64_t) + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    uint64_t ring_count = (2 * check_every + BLOCK_RECORDS) / BLOCK_RECORDS * BLOCK_RECORDS;
    uint64_t ring_bytes = ring_count * sizeof(struct record) + DISK_BLOCK_BYTES;

    if (account_count < 2 || account_count > ACCOUNTS_MAX) {
        print("journal: --accounts needs 2 to %u, not %lu\n", ACCOUNTS_MAX, account_count);
        return false;
    }
    if (check_every < 1) {
        print("journal: --check-every needs 1 record or more\n");
        return false;
    }
    if (check_every > heap_bytes() / (2 * sizeof(struct record)) ||
        2 * account_bytes + ring_bytes > heap_bytes()) {
        print("journal: two copies of %lu accounts, and two records for each of --check-every %lu, "
              "need more than the %lu KiB of memory that are free\n",
              account_count, check_every, heap_bytes() / 1024);
        return false;
    }
    bank.accounts = (uint64_t *)__heap_start;
    bank.checked = (uint64_t *)(__heap_start + account_bytes);
    bank.ring = (struct record *)(__heap_start + 2 * account_bytes);
    bank.account_count = account_count;
    bank.ring_count = ring_count;
    bank.returned = &bank.ring[ring_count];
    bank.has_disk = ring_count / BLOCK_RECORDS <= disk_blocks();
    for (uint64_t i = 0; i < account_count; i++)
        bank.accounts[i] = bank.checked[i] = OPENING_BALANCE;
    return true;
}

int main(int argc, char **argv)
{
    uint64_t account_count = 4096, record_count = 5000, check_every = 500, rate = 5000, seed = 1;
    const struct option options[] = {
        {"--accounts", OPTION_NUMBER, &account_count, NULL},
        {"--records", OPTION_NUMBER, &record_count, NULL},
        {"--check-every", OPTION_NUMBER, &check_every, NULL},
        {"--rate", OPTION_FREQUENCY, &rate, NULL},
        {"--seed", OPTION_NUMBER, &seed, NULL},
    };
    uint64_t check_count = 0;

    read_options(argc, argv, options, sizeof options / sizeof options[0]);
    if (rate == 0) {
        print("journal: --rate needs 1/s or more\n");
        return 2;
    }
    if (!open_bank(account_count, check_every))
        return 2;
    struct prng prng = prng_make(seed, 0);
    uint64_t start_ns = time_ns();
    for (uint64_t i = 1; i <= record_count; i++) {
        transfer(&prng);
        if (i % check_every == 0 || i == record_count) {
            if (!check())
                return 1;
            check_count++;
        }
        uint64_t due_ns = start_ns + i / rate * 1000000000 + i % rate * 1000000000 / rate;
        if (time_ns() < due_ns)
            sleep_until(due_ns);
    }
    print("journal: %lu record%s, %lu check%s, %lu accounts as the journal says, ok\n",
          record_count, plural(record_count), check_count, plural(check_count), account_count);
    return 0;
}
