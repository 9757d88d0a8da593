/* key_file: the key that hosts and gateway share, from a file that nobody else can read. Never from a
 * command line, which every process of the computer may read. */
#ifndef LIVE_KEY_FILE_H
#define LIVE_KEY_FILE_H

#include "base/status.h"
#include "live/channel.h"

/* How a key is made, as advice: nobody else can read it at any instant, and no file of anybody's is
 * named to be written over. */
#define KEY_FILE_MAKING "(umask 077; head -c 32 /dev/urandom > FILE)"

/* The file holds 32 bytes as they are, or 64 hexadecimal digits and perhaps a line end. 32 bytes of
 * text are no key, but words that can be guessed by whoever has recorded one greeting. It must be a
 * regular file of this user (or root's), without any right for group and others. Otherwise
 * STATUS_NO_FILE or STATUS_BAD_INPUT with what is to be done, and the key is all zeros. */
MUST_USE enum status key_file_read(const char *path, struct channel_key *key,
                                   struct problem *problem);
/* The key of those connections that are for this: the trunk, or the moves to a host of that name. So
 * whoever leads a connection elsewhere on its way leads it to somebody who cannot prove himself.
 * Made in `made`, to be forgotten; NULL where `key` is. */
#define KEY_FOR_TRUNK    "trunk"
#define KEY_FOR_MOVES_TO "moves to "
const struct channel_key *key_for(const struct channel_key *key, const char *use, const char *name,
                                  struct channel_key *made);
void key_forget(struct channel_key *key);

#endif
