/* console: what a guest has written, in bounded memory: its end, and a digest of all of it. A guest
 * may write for ever.
 */
#ifndef SIM_CONSOLE_H
#define SIM_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/digest.h"

#define CONSOLE_KEPT_BYTES \
    (64u << 10) /* at least these last ones are kept; at most twice as many */

struct console {
    struct bytes kept; /* owned; all of it as long as that is within CONSOLE_KEPT_BYTES */
    struct digest *digest;
    uint64_t total_bytes;
};

void console_init(struct console *console);
void console_fini(struct console *console);
/* Takes all that is there. Returns how much it was. */
uint64_t console_take(struct console *console, struct bytes *written);
/* The same bytes were written to both. */
bool console_is_same(const struct console *a, const struct console *b);

#endif
