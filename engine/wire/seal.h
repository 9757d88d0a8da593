/* seal: a connection that only those who have a key can read, write or take part in. A state machine
 * without socket, clock or randomness: the nonce comes in from whoever has some. The cryptography is
 * libsodium's.
 *
 * Each end begins with a greeting, and does not wait for the other's:
 *
 *    0            10        11      12                         44
 *    +------------+---------+-------+--------------------------+
 *    | ferry.seal | version | role  | nonce: 32 random bytes   |      role: 0 called, 1 is called
 *    +------------+---------+-------+--------------------------+
 *
 * With both nonces and the key, which never travels, each end has the keys of this connection:
 *
 *    session = BLAKE2b-256 under the key of: "ferry.seal", version, caller's nonce, called's nonce
 *    crypto_kdf_derive_from_key of session, context "ferrysea":
 *        1 the caller's key, 2 the called's key, 3 the caller's header, 4 the called's header
 *
 * and goes on in records of crypto_secretstream_xchacha20poly1305, a stream each way:
 *
 *    0         4                              4 + length
 *    +---------+------------------------------+       length: little-endian, 17 to 65,553
 *    | length  | what one push made           |       the first: empty, with TAG_PUSH, is the proof;
 *    +---------+------------------------------+       the last: empty, with TAG_FINAL; else TAG_MESSAGE
 *
 * The header that secretstream would draw at random is derived instead: the key is of this connection
 * alone, and so no header need differ from another's. Both ends' streams are therefore begun as the
 * reader's is, by init_pull, which is init_push without the drawing.
 *
 * No byte is given out before its record was verified, and none at all before the other end has
 * proved that it has the key. A record that was changed, repeated, left out, put elsewhere or sent
 * back to who sealed it is not verified: that ends it. Whoever cuts the connection cannot make the
 * last record: see seal_has_ended.
 *
 *   seal_init, seal_greet
 *   seal_receive for what comes, until seal_is_open; and on
 *   seal_put, seal_end
 *   seal_fini
 */
#ifndef WIRE_SEAL_H
#define WIRE_SEAL_H

#include <sodium.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

#define SEAL_VERSION        1
#define SEAL_MAGIC          "ferry.seal"
#define SEAL_MAGIC_BYTES    10
#define SEAL_KEY_BYTES      32
#define SEAL_NONCE_BYTES    32
#define SEAL_GREETING_BYTES (SEAL_MAGIC_BYTES + 2 + SEAL_NONCE_BYTES)
#define SEAL_PLAIN_MAX      (64u << 10) /* of one record: a reader keeps no more than one */
#define SEAL_RECORD_MAX     (4 + SEAL_PLAIN_MAX + crypto_secretstream_xchacha20poly1305_ABYTES)

enum seal_role { SEAL_CALLER, SEAL_CALLED };

enum seal_state {
    SEAL_GREETING, /* the other end's greeting has not come */
    SEAL_PROVING,  /* nor its proof */
    SEAL_OPEN,
    SEAL_ENDED,  /* the other end has said its last */
    SEAL_BROKEN, /* nothing is believed any more */
};

struct seal {
    enum seal_role role;
    enum seal_state state;
    uint8_t key[SEAL_KEY_BYTES]; /* forgotten as soon as the session's are made */
    uint8_t nonce[SEAL_NONCE_BYTES];
    crypto_secretstream_xchacha20poly1305_state writing, reading;
    bool has_said_last;
    struct problem problem; /* why it is broken */
};

/* The nonce must be random, and never used before. */
void seal_init(struct seal *seal, enum seal_role role, const uint8_t key[SEAL_KEY_BYTES],
               const uint8_t nonce[SEAL_NONCE_BYTES]);
void seal_fini(struct seal *seal); /* leaves no key behind */

void seal_greet(const struct seal *seal, struct bytes *to);

/* Takes what stands first in `data`, a greeting or one record: `*consumed` is its whole length, or
 * 0: not enough bytes yet. What a record held is written to `plain`, of SEAL_PLAIN_MAX bytes or at
 * least seal_peek. What must be answered (the proof) is appended to `answer`. On STATUS_BAD_STREAM
 * it is broken, and stays so; `problem` says by what. */
MUST_USE enum status seal_receive(struct seal *seal, const uint8_t *data, size_t count,
                                  size_t *consumed, uint8_t *plain, size_t *plain_bytes,
                                  struct bytes *answer, struct problem *problem);
/* How many bytes of plain text the record that stands first in `data` claims to hold. */
size_t seal_peek(const struct seal *seal, const uint8_t *data, size_t count);
bool seal_is_open(const struct seal *seal);   /* both have proved that they have the key */
bool seal_has_ended(const struct seal *seal); /* the other end sends no more, and said so itself */

/* Appends `data` in as many records as it takes; when it is open, or the other end has ended. */
void seal_put(struct seal *seal, const uint8_t *data, size_t count, struct bytes *to);
void seal_end(struct seal *seal, struct bytes *to); /* the last record */

/* The first bytes of a greeting: an end without a key can tell what it is that it cannot read. */
bool seal_is_greeting(const uint8_t *data, size_t count);

#endif
