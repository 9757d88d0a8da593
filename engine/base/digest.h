/* digest: a 64-bit fingerprint (XXH3, by libxxhash) of bytes that arrive in pieces.
 *
 * It tells whether two things are the same; it is no protection against an adversary.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

struct digest; /* one running fingerprint */

struct digest *digest_open(void);
void digest_close(struct digest *digest);
void digest_add(struct digest *digest, const void *data, size_t count);
void digest_add_u64(struct digest *digest, uint64_t value); /* as eight little-endian bytes */
uint64_t digest_value(const struct digest *digest);         /* of all that was added so far */

/* Of one piece. */
uint64_t digest_of(const void *data, size_t count);

#endif
