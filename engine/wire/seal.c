/* seal: see seal.h. */
#include "wire/seal.h"

#include <string.h>

#define TAG_MESSAGE crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
#define TAG_PROOF   crypto_secretstream_xchacha20poly1305_TAG_PUSH
#define TAG_FINAL   crypto_secretstream_xchacha20poly1305_TAG_FINAL
#define ABYTES      crypto_secretstream_xchacha20poly1305_ABYTES

_Static_assert(SEAL_KEY_BYTES == crypto_generichash_KEYBYTES, "the key of the hash");
_Static_assert(SEAL_KEY_BYTES == crypto_kdf_KEYBYTES, "the session's key");

void seal_init(struct seal *seal, enum seal_role role, const uint8_t key[SEAL_KEY_BYTES],
               const uint8_t nonce[SEAL_NONCE_BYTES])
{
    *seal = (struct seal){.role = role};
    memcpy(seal->key, key, SEAL_KEY_BYTES);
    memcpy(seal->nonce, nonce, SEAL_NONCE_BYTES);
}

void seal_fini(struct seal *seal)
{
    sodium_memzero(seal, sizeof *seal);
}

bool seal_is_open(const struct seal *seal)
{
    return seal->state == SEAL_OPEN || seal->state == SEAL_ENDED;
}

bool seal_has_ended(const struct seal *seal)
{
    return seal->state == SEAL_ENDED;
}

bool seal_is_greeting(const uint8_t *data, size_t count)
{
    return count >= SEAL_MAGIC_BYTES && memcmp(data, SEAL_MAGIC, SEAL_MAGIC_BYTES) == 0;
}

static enum status broken(struct seal *seal, struct problem *problem, const char *why)
{
    seal->state = SEAL_BROKEN;
    sodium_memzero(&seal->reading, sizeof seal->reading);
    sodium_memzero(&seal->writing, sizeof seal->writing);
    problem_set(&seal->problem, STATUS_BAD_STREAM, "%s", why);
    return problem_set(problem, STATUS_BAD_STREAM, "%s", seal->problem.text);
}

/* ---- The keys of this connection ---- */

static void derive(const uint8_t session[crypto_kdf_KEYBYTES], enum seal_role role,
                   crypto_secretstream_xchacha20poly1305_state *stream)
{
    uint8_t key[crypto_secretstream_xchacha20poly1305_KEYBYTES];
    uint8_t header[crypto_secretstream_xchacha20poly1305_HEADERBYTES];
    uint64_t key_idx = role == SEAL_CALLER ? 1 : 2;

    MUST(crypto_kdf_derive_from_key(key, sizeof key, key_idx, "ferrysea", session) == 0);
    MUST(crypto_kdf_derive_from_key(header, sizeof header, key_idx + 2, "ferrysea", session) == 0);
    MUST(crypto_secretstream_xchacha20poly1305_init_pull(stream, header, key) == 0);
    sodium_memzero(key, sizeof key);
}

static void make_keys(struct seal *seal, const uint8_t other_nonce[SEAL_NONCE_BYTES])
{
    bool is_caller = seal->role == SEAL_CALLER;
    const uint8_t version = SEAL_VERSION;
    uint8_t session[crypto_kdf_KEYBYTES];
    crypto_generichash_state hash;

    crypto_generichash_init(&hash, seal->key, SEAL_KEY_BYTES, sizeof session);
    crypto_generichash_update(&hash, (const uint8_t *)SEAL_MAGIC, SEAL_MAGIC_BYTES);
    crypto_generichash_update(&hash, &version, 1);
    crypto_generichash_update(&hash, is_caller ? seal->nonce : other_nonce, SEAL_NONCE_BYTES);
    crypto_generichash_update(&hash, is_caller ? other_nonce : seal->nonce, SEAL_NONCE_BYTES);
    crypto_generichash_final(&hash, session, sizeof session);
    derive(session, seal->role, &seal->writing);
    derive(session, is_caller ? SEAL_CALLED : SEAL_CALLER, &seal->reading);
    sodium_memzero(session, sizeof session);
    sodium_memzero(&hash, sizeof hash);
    sodium_memzero(seal->key, sizeof seal->key);
}

/* ---- Writing ---- */

static void put_record(struct seal *seal, const uint8_t *data, size_t count, uint8_t tag,
                       struct bytes *to)
{
    bytes_put_u32(to, (uint32_t)(count + ABYTES));
    uint8_t *sealed = bytes_extend(to, count + ABYTES);
    MUST(crypto_secretstream_xchacha20poly1305_push(&seal->writing, sealed, NULL, data, count, NULL,
                                                    0, tag) == 0);
}

void seal_greet(const struct seal *seal, struct bytes *to)
{
    bytes_put(to, SEAL_MAGIC, SEAL_MAGIC_BYTES);
    bytes_put_u8(to, SEAL_VERSION);
    bytes_put_u8(to, (uint8_t)seal->role);
    bytes_put(to, seal->nonce, SEAL_NONCE_BYTES);
}

void seal_put(struct seal *seal, const uint8_t *data, size_t count, struct bytes *to)
{
    MUST(seal_is_open(seal) && !seal->has_said_last);
    while (count > 0) {
        size_t piece = count < SEAL_PLAIN_MAX ? count : SEAL_PLAIN_MAX;
        put_record(seal, data, piece, TAG_MESSAGE, to);
        data += piece;
        count -= piece;
    }
}

void seal_end(struct seal *seal, struct bytes *to)
{
    MUST(seal_is_open(seal) && !seal->has_said_last);
    seal->has_said_last = true;
    put_record(seal, NULL, 0, TAG_FINAL, to);
}

/* ---- Reading ---- */

/* As soon as the first byte is none of a greeting's, it is none. */
static enum status get_greeting(struct seal *seal, const uint8_t *data, size_t count,
                                size_t *consumed, struct bytes *answer, struct problem *problem)
{
    size_t known = count < SEAL_MAGIC_BYTES ? count : SEAL_MAGIC_BYTES;

    if (memcmp(data, SEAL_MAGIC, known) != 0)
        return broken(seal, problem,
                      "the other end does not seal what it sends: start it with --key FILE and the "
                      "same key");
    if (count > SEAL_MAGIC_BYTES && data[SEAL_MAGIC_BYTES] != SEAL_VERSION)
        return broken(seal, problem,
                      "the other end seals by another version: run the same ferry at both ends");
    if (count < SEAL_GREETING_BYTES)
        return STATUS_OK;
    if (data[SEAL_MAGIC_BYTES + 1] != (seal->role == SEAL_CALLER ? SEAL_CALLED : SEAL_CALLER))
        return broken(seal, problem,
                      "the other end greets with this end's own role: it sends back what it is "
                      "sent, or both have called");
    make_keys(seal, data + SEAL_MAGIC_BYTES + 2);
    put_record(seal, NULL, 0, TAG_PROOF, answer);
    seal->state = SEAL_PROVING;
    *consumed = SEAL_GREETING_BYTES;
    return STATUS_OK;
}

static uint32_t record_length(const uint8_t *data)
{
    struct bytes_reader reader;
    bytes_reader_init(&reader, data, 4);
    return bytes_get_u32(&reader);
}

/* What a verified record means here. */
static enum status take_record(struct seal *seal, uint8_t tag, size_t plain_bytes,
                               struct problem *problem)
{
    if (seal->state == SEAL_PROVING && tag == TAG_PROOF && plain_bytes == 0)
        seal->state = SEAL_OPEN;
    else if (seal->state == SEAL_OPEN && tag == TAG_FINAL && plain_bytes == 0)
        seal->state = SEAL_ENDED;
    else if (seal->state != SEAL_OPEN || tag != TAG_MESSAGE || plain_bytes == 0)
        return broken(seal, problem, "a sealed record stands where it does not belong");
    return STATUS_OK;
}

static enum status get_record(struct seal *seal, const uint8_t *data, size_t count,
                              size_t *consumed, uint8_t *plain, size_t *plain_bytes,
                              struct problem *problem)
{
    bool is_proof = seal->state == SEAL_PROVING;
    unsigned long long length = 0;
    uint8_t tag;

    if (count < 4)
        return STATUS_OK;
    uint32_t sealed_bytes = record_length(data);
    /* The proof is empty: nobody who has proved nothing makes this end wait for more. */
    if (sealed_bytes < ABYTES || sealed_bytes > ABYTES + (is_proof ? 0 : SEAL_PLAIN_MAX))
        return broken(seal, problem,
                      is_proof ? "the other end does not prove that it has the same key"
                               : "a sealed record has a length that cannot be: it was changed on "
                                 "the way");
    if (count < 4 + sealed_bytes)
        return STATUS_OK;
    if (crypto_secretstream_xchacha20poly1305_pull(&seal->reading, plain, &length, &tag, data + 4,
                                                   sealed_bytes, NULL, 0) != 0)
        return broken(seal, problem,
                      is_proof ? "the other end does not prove that it has the same key"
                               : "a sealed record was changed, repeated, left out or put elsewhere "
                                 "on the way");
    enum status status = take_record(seal, tag, length, problem);
    if (status == STATUS_OK) {
        *plain_bytes = length;
        *consumed = 4 + sealed_bytes;
    }
    return status;
}

size_t seal_peek(const struct seal *seal, const uint8_t *data, size_t count)
{
    if (seal->state == SEAL_GREETING || count < 4)
        return 0;
    uint32_t sealed_bytes = record_length(data);
    return sealed_bytes < ABYTES ? 0 : sealed_bytes - ABYTES;
}

enum status seal_receive(struct seal *seal, const uint8_t *data, size_t count, size_t *consumed,
                         uint8_t *plain, size_t *plain_bytes, struct bytes *answer,
                         struct problem *problem)
{
    *consumed = *plain_bytes = 0;
    switch (seal->state) {
    case SEAL_BROKEN:
        return problem_set(problem, STATUS_BAD_STREAM, "%s", seal->problem.text);
    case SEAL_ENDED:
        return count == 0 ? STATUS_OK
                          : broken(seal, problem, "something comes behind the sealed end");
    case SEAL_GREETING:
        return get_greeting(seal, data, count, consumed, answer, problem);
    default:
        return get_record(seal, data, count, consumed, plain, plain_bytes, problem);
    }
}
