/* kv_store: the keys and their values, in a hash table.
 *
 *   index (read only while keys are overwritten)
 *     bucket -> entry -> entry -> ...
 *                 |
 *                 one block: [next hash sizes class | key, padded to 8 | value | room to grow]
 *
 * An overwrite that fits stays in its block: a SET of an existing key dirties the page of that
 * entry and no other. That is what makes the dirty rate of a migration the rate of its clients. */
#ifndef GUESTS_KV_STORE_H
#define GUESTS_KV_STORE_H

#include "kv_heap.h"

struct slice {
    const uint8_t *bytes;
    uint32_t count;
};

struct entry {
    struct entry *next;
    uint32_t hash;
    uint32_t key_bytes;
    uint32_t value_bytes;
    uint32_t class : 7;
    uint32_t is_preloaded : 1; /* its value is what fill_value makes of the hash; else: */
    uint32_t seal : 24;        /* of the value, as it was set */
    uint8_t data[];            /* the key, then from the next multiple of 8 on the value */
};

static struct {
    struct entry **buckets;
    uint64_t bucket_count; /* a power of two */
    uint64_t entry_count;
} store;

/* A bucket for every KiB of memory: with the smallest entries a chain has about ten. */
static void store_init(void)
{
    store.bucket_count = 1;
    while (store.bucket_count * 1024 < memory_bytes())
        store.bucket_count *= 2;
    store.buckets = (struct entry **)heap_fresh_pages(store.bucket_count * sizeof(struct entry *));
}

static uint32_t entry_capacity(const struct entry *entry)
{
    return heap_class_bytes[entry->class] - (uint32_t)sizeof *entry;
}

static uint64_t padded(uint64_t key_bytes)
{
    return (key_bytes + 7) & ~7ull;
}

static uint8_t *entry_value(struct entry *entry)
{
    return entry->data + padded(entry->key_bytes);
}

/* FNV-1a (Fowler, Noll, Vo), 32 bits; the high ones are folded into those that choose a bucket. */
static uint32_t hash_of(struct slice key)
{
    uint32_t hash = 2166136261u;
    for (uint32_t i = 0; i < key.count; i++)
        hash = (hash ^ key.bytes[i]) * 16777619u;
    return hash ^ hash >> 15;
}

/* Where the pointer to the key's entry is, or would be: the end of its chain. */
static struct entry **store_find(struct slice key, uint32_t hash)
{
    struct entry **link = &store.buckets[hash & (store.bucket_count - 1)];

    for (; *link != NULL; link = &(*link)->next)
        if ((*link)->hash == hash && (*link)->key_bytes == key.count &&
            memcmp((*link)->data, key.bytes, key.count) == 0)
            break;
    return link;
}

static struct entry *store_get(struct slice key)
{
    return *store_find(key, hash_of(key));
}

static uint32_t seal_of(struct slice value)
{
    return (uint32_t)(checksum(value.bytes, value.count, 0) & 0xffffff);
}

/* A large block that would hold almost nothing is exchanged; a page never is. */
static bool is_overwritten_in_place(const struct entry *entry, uint64_t needed_bytes)
{
    uint32_t capacity = entry_capacity(entry);
    return needed_bytes <= capacity && (capacity < PAGE_BYTES || needed_bytes >= capacity / 4);
}

static struct entry *entry_make(struct slice key, uint32_t hash, uint32_t value_bytes)
{
    uint32_t class;
    struct entry *entry = heap_take(sizeof *entry + padded(key.count) + value_bytes, &class);
    if (entry == NULL)
        return NULL;
    entry->next = NULL;
    entry->hash = hash;
    entry->key_bytes = key.count;
    entry->class = class & 0x7f;
    memcpy(entry->data, key.bytes, key.count);
    return entry;
}

/* False when there is no memory; then nothing has changed. */
static bool store_set(struct slice key, struct slice value)
{
    uint32_t hash = hash_of(key);
    struct entry **link = store_find(key, hash);
    struct entry *old = *link, *entry = old;

    if (old == NULL || !is_overwritten_in_place(old, padded(key.count) + value.count)) {
        entry = entry_make(key, hash, value.count);
        if (entry == NULL)
            return false;
        if (old != NULL) {
            entry->next = old->next;
            heap_give(old, old->class);
        } else {
            store.entry_count++;
        }
        *link = entry;
    }
    entry->value_bytes = value.count;
    entry->is_preloaded = false;
    entry->seal = seal_of(value);
    memcpy(entry_value(entry), value.bytes, value.count);
    return true;
}

static bool store_delete(struct slice key)
{
    struct entry **link = store_find(key, hash_of(key));
    struct entry *entry = *link;

    if (entry == NULL)
        return false;
    *link = entry->next;
    heap_give(entry, entry->class);
    store.entry_count--;
    return true;
}

static void store_clear(void)
{
    for (uint64_t i = 0; i < store.bucket_count; i++) {
        struct entry *entry = store.buckets[i];
        while (entry != NULL) {
            struct entry *next = entry->next;
            heap_give(entry, entry->class);
            entry = next;
        }
        if (store.buckets[i] != NULL)
            store.buckets[i] = NULL; /* empty buckets are not written: their pages stay clean */
    }
    store.entry_count = 0;
    heap_start_again((uint8_t *)(store.buckets + store.bucket_count));
}

/* ---- Preloading: keys "key:00000000", "key:00000001", ... that fill a page each ---- */

#define PRELOAD_KEY_BYTES     12
#define PRELOAD_RESERVE_BYTES (64 * 4096) /* for requests, and for keys that clients add */

/* Printable and different in every page: eight words from one random number (by Knuth's MMIX
 * generator), because preloading 48 MiB has to be quick. Not inlined: its constants need all the
 * registers. */
__attribute__((noinline)) static void fill_value(uint8_t *bytes, uint32_t count, uint64_t seed)
{
    const uint64_t ones = 0x0101010101010101ull, nibbles = 0x0f * ones;
    const uint64_t digits = '0' * ones, upper = '@' * ones, more = 'P' * ones, lower = '`' * ones;
    uint64_t *words = (uint64_t *)bytes;
    uint64_t random = seed;

    for (; count >= 64; count -= 64, words += 8) {
        random = random * 6364136223846793005ull + 1442695040888963407ull;
        uint64_t a = random & nibbles, b = random >> 4 & nibbles;
        words[0] = a | upper, words[1] = b | lower;
        words[2] = a | more, words[3] = b | digits;
        words[4] = a | lower, words[5] = b | upper;
        words[6] = a | digits, words[7] = b | more;
    }
    memset(words, '.', count);
}

static void preload_key(uint64_t number)
{
    char text[PRELOAD_KEY_BYTES + 1];
    struct slice key = {(const uint8_t *)text, PRELOAD_KEY_BYTES};
    uint32_t value_bytes =
        (uint32_t)(PAGE_BYTES - sizeof(struct entry) - padded(PRELOAD_KEY_BYTES));

    memcpy(text, "key:", 4);
    for (unsigned i = PRELOAD_KEY_BYTES; i > 4; number /= 10)
        text[--i] = (char)('0' + number % 10);
    uint32_t hash = hash_of(key);
    struct entry *entry = entry_make(key, hash, value_bytes);
    entry->value_bytes = value_bytes;
    entry->is_preloaded = true;
    fill_value(entry_value(entry), value_bytes, hash);
    struct entry **bucket = &store.buckets[hash & (store.bucket_count - 1)];
    entry->next = *bucket; /* at the front: all keys are new, there is nothing to look for */
    *bucket = entry;
    store.entry_count++;
}

/* False, and nothing has happened, when memory is too small. */
static bool store_preload(uint64_t bytes)
{
    uint64_t count = bytes / PAGE_BYTES;

    if (count > 99999999 ||
        count * PAGE_BYTES + PRELOAD_RESERVE_BYTES > (uint64_t)(heap.end - heap.fresh))
        return false;
    for (uint64_t number = 0; number < count; number++)
        preload_key(number);
    return true;
}

/* ---- The check: what is stored is what was set, and where it can be found ---- */

static bool entry_is_sound(struct entry *entry)
{
    static uint8_t made[PAGE_BYTES];
    struct slice value = {entry_value(entry), entry->value_bytes};

    if (!entry->is_preloaded)
        return entry->seal == seal_of(value);
    if (entry->value_bytes > sizeof made)
        return false;
    fill_value(made, entry->value_bytes, entry->hash);
    return memcmp(made, value.bytes, value.count) == 0;
}

/* False: a value, a chain or the count of keys is not what it should be. */
static bool store_is_sound(void)
{
    uint64_t count = 0;

    for (uint64_t i = 0; i < store.bucket_count; i++)
        for (struct entry *entry = store.buckets[i]; entry != NULL; entry = entry->next) {
            struct slice key = {entry->data, entry->key_bytes};
            if (++count > store.entry_count || (entry->hash & (store.bucket_count - 1)) != i ||
                padded(entry->key_bytes) + entry->value_bytes > entry_capacity(entry) ||
                hash_of(key) != entry->hash || !entry_is_sound(entry))
                return false;
        }
    return count == store.entry_count;
}

#endif
