/* key_file: see key_file.h. */
#include "live/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEX_BYTES (2 * sizeof((struct channel_key *)0)->bytes)

/* Who owns and who may read what has been opened: not what stands at the path a moment later. */
static enum status check(int fd, const char *path, struct problem *problem)
{
    struct stat found;

    if (fstat(fd, &found) != 0 || !S_ISREG(found.st_mode))
        return problem_set(problem, STATUS_NO_FILE, "%s: a key file is a regular file", path);
    if (found.st_uid != getuid() && found.st_uid != 0)
        return problem_set(problem, STATUS_NO_FILE,
                           "%s: this key file is another user's: make one of your own", path);
    if ((found.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return problem_set(problem, STATUS_NO_FILE,
                           "%s: others may read this key (mode %03o): chmod 600 %s", path,
                           (unsigned)(found.st_mode & 0777), path);
    return STATUS_OK;
}

/* As many bytes as there are, at most `most`. */
static size_t read_all(int fd, uint8_t *data, size_t most)
{
    size_t count = 0;
    ssize_t got;

    while (count < most && (got = read(fd, data + count, most - count)) > 0)
        count += (size_t)got;
    return count;
}

/* What is drawn at random is so once in 10^13 times. */
static bool is_text(const uint8_t *data, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if ((data[i] < ' ' || data[i] > '~') && data[i] != '\n' && data[i] != '\r' &&
            data[i] != '\t')
            return false;
    return true;
}

/* NULL: it is read. */
static const char *decode(const uint8_t *data, size_t count, struct channel_key *key)
{
    size_t decoded = 0;

    if (count == sizeof key->bytes) {
        memcpy(key->bytes, data, count);
        return is_text(data, count) ? "a text of 32 characters is no key, it can be guessed" : NULL;
    }
    if (count == HEX_BYTES + 1 && data[HEX_BYTES] == '\n')
        count--;
    if (count == HEX_BYTES &&
        sodium_hex2bin(key->bytes, sizeof key->bytes, (const char *)data, count, NULL, &decoded,
                       NULL) == 0 &&
        decoded == sizeof key->bytes)
        return NULL;
    return "a key is 32 bytes, or 64 hexadecimal digits";
}

enum status key_file_read(const char *path, struct channel_key *key, struct problem *problem)
{
    uint8_t data[HEX_BYTES + 2]; /* one byte more than there may be */
    /* What is no regular file is not waited for. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    *key = (struct channel_key){0};
    if (fd < 0)
        return problem_set(problem, STATUS_NO_FILE,
                           "%s: the key cannot be read: %s: make one by " KEY_FILE_MAKING, path,
                           strerror(errno));
    enum status status = check(fd, path, problem);
    const char *objection =
        status == STATUS_OK ? decode(data, read_all(fd, data, sizeof data), key) : NULL;
    if (objection != NULL) {
        key_forget(key);
        status = problem_set(problem, STATUS_BAD_INPUT, "%s: %s: make one by " KEY_FILE_MAKING,
                             path, objection);
    }
    sodium_memzero(data, sizeof data);
    close(fd);
    return status;
}

const struct channel_key *key_for(const struct channel_key *key, const char *use, const char *name,
                                  struct channel_key *made)
{
    crypto_generichash_state hash;

    if (key == NULL)
        return NULL;
    crypto_generichash_init(&hash, key->bytes, sizeof key->bytes, sizeof made->bytes);
    crypto_generichash_update(&hash, (const uint8_t *)use, strlen(use));
    crypto_generichash_update(&hash, (const uint8_t *)name, strlen(name));
    crypto_generichash_final(&hash, made->bytes, sizeof made->bytes);
    sodium_memzero(&hash, sizeof hash);
    return made;
}

void key_forget(struct channel_key *key)
{
    sodium_memzero(key, sizeof *key);
}
