/* enemy: somebody at the other end of a connection who says whatever he was given, sealed or not, and
 * goes, in order or not. His own end is a bare socket: what he does wrong no channel keeps him from.
 *
 * Included by tests and proofs. */
#ifndef LIVE_ENEMY_H
#define LIVE_ENEMY_H

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "live/address.h"
#include "live/channel.h"
#include "live/mutation.h"
#include "wire/seal.h"

enum enemy_seal {
    ENEMY_PLAIN,
    ENEMY_SEALED, /* he has the key */
    ENEMY_FORGED, /* what is sealed is changed on its way */
    ENEMY_NO_KEY, /* he has none, and says something that may begin as a greeting does */
};

struct enemy {
    int fd; /* -1: he has gone */
    enum enemy_seal how;
    struct seal seal;
    struct prng random;
    struct bytes words; /* to be said, once it is open */
    struct bytes out;   /* as it leaves, from out_at on */
    size_t out_at;
    struct bytes raw, heard; /* sealed, and not; `heard` is its reader's to drop */
    bool is_leaving;         /* nothing more will be said: he closes behind it, */
    bool is_abrupt;          /* or breaks the connection */
    bool is_shut, is_alone;  /* this end has closed; the other has */
};

#define ENEMY_HEARD_MAX (1u << 20) /* beyond that he does not listen */

/* Of a socket that is connected, or about to be. `key` NULL: he is not asked for any. */
static inline void enemy_init(struct enemy *enemy, int fd, enum seal_role role,
                              const struct channel_key *key)
{
    int on = 1;

    *enemy = (struct enemy){.fd = fd, .how = key == NULL ? ENEMY_PLAIN : ENEMY_SEALED};
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (key == NULL)
        return;
    uint8_t nonce[SEAL_NONCE_BYTES];
    randombytes_buf(nonce, sizeof nonce);
    seal_init(&enemy->seal, role, key->bytes, nonce);
    seal_greet(&enemy->seal, &enemy->out);
}

static inline void enemy_fini(struct enemy *enemy)
{
    if (enemy->fd >= 0)
        close(enemy->fd);
    bytes_fini(&enemy->words);
    bytes_fini(&enemy->out);
    bytes_fini(&enemy->raw);
    bytes_fini(&enemy->heard);
    *enemy = (struct enemy){.fd = -1};
}

static inline int enemy_connect(const char *text)
{
    struct problem problem = {STATUS_OK, ""};
    struct address address;

    enum status status = address_parse(text, &address, &problem);
    MUST(status == STATUS_OK);
    int fd = socket(address.socket.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    MUST(fd >= 0);
    if (connect(fd, (struct sockaddr *)&address.socket, address.socket_bytes) != 0)
        MUST(errno == EINPROGRESS);
    return fd;
}

static inline void enemy_says(struct enemy *enemy, const void *data, size_t count)
{
    bytes_put(&enemy->words, data, count);
}

/* He says no more. `random` decides how he goes, and what is done to what he has sealed. */
static inline void enemy_leaves(struct enemy *enemy, struct prng *random)
{
    enemy->is_leaving = true;
    enemy->is_abrupt = one_in(random, 4);
    enemy->random = *random;
    if (enemy->how == ENEMY_PLAIN || one_in(random, 2))
        return;
    enemy->how = one_in(random, 3) ? ENEMY_NO_KEY : ENEMY_FORGED;
    if (enemy->how == ENEMY_NO_KEY && one_in(random, 2))
        bytes_clear(&enemy->out);
    else if (enemy->how == ENEMY_NO_KEY)
        change_bytes(random, &enemy->out);
}

static inline bool enemy_is_open(const struct enemy *enemy)
{
    return enemy->how == ENEMY_PLAIN || enemy->how == ENEMY_NO_KEY || seal_is_open(&enemy->seal);
}

static inline void enemy_write_down(struct enemy *enemy)
{
    size_t before = enemy->out.count;

    if (enemy->words.count == 0 || !enemy_is_open(enemy))
        return;
    if (enemy->how == ENEMY_PLAIN || enemy->how == ENEMY_NO_KEY) {
        bytes_put(&enemy->out, enemy->words.data, enemy->words.count);
    } else {
        struct bytes records = {0};
        seal_put(&enemy->seal, enemy->words.data, enemy->words.count, &records);
        if (enemy->is_leaving && one_in(&enemy->random, 2))
            seal_end(&enemy->seal, &records);
        if (enemy->how == ENEMY_FORGED)
            change_bytes(&enemy->random, &records);
        bytes_put(&enemy->out, records.data, records.count);
        bytes_fini(&records);
    }
    bytes_clear(&enemy->words);
    MUST(enemy->out.count >= before);
}

static inline void enemy_unseal(struct enemy *enemy)
{
    static uint8_t plain[SEAL_PLAIN_MAX];
    size_t at = 0, consumed = 1, plain_bytes;
    struct problem problem;

    while (consumed > 0 &&
           seal_receive(&enemy->seal, enemy->raw.data + at, enemy->raw.count - at, &consumed, plain,
                        &plain_bytes, &enemy->out, &problem) == STATUS_OK) {
        bytes_put(&enemy->heard, plain, plain_bytes);
        at += consumed;
    }
    bytes_drop_front(&enemy->raw, at);
}

static inline void enemy_listen(struct enemy *enemy)
{
    static uint8_t data[64 << 10];
    ssize_t count = 1;

    if (enemy->is_leaving) /* nobody reads it */
        bytes_clear(&enemy->heard);
    while (count > 0 && enemy->heard.count < ENEMY_HEARD_MAX) {
        count = recv(enemy->fd, data, sizeof data, 0);
        if (count > 0)
            bytes_put(enemy->how == ENEMY_SEALED || enemy->how == ENEMY_FORGED ? &enemy->raw
                                                                               : &enemy->heard,
                      data, (size_t)count);
    }
    enemy->is_alone |= count == 0 || (count < 0 && errno != EAGAIN && errno != EINPROGRESS);
    if (enemy->how == ENEMY_SEALED || enemy->how == ENEMY_FORGED)
        enemy_unseal(enemy);
}

/* All is said: he closes his half, or breaks the connection. */
static inline void enemy_shut(struct enemy *enemy)
{
    const struct linger at_once = {.l_onoff = 1};

    enemy->is_shut = true;
    if (!enemy->is_abrupt && shutdown(enemy->fd, SHUT_WR) == 0)
        return;
    (void)setsockopt(enemy->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    enemy->is_alone = true;
}

static inline void enemy_turn(struct enemy *enemy)
{
    ssize_t count = 0;

    if (enemy->fd < 0)
        return;
    enemy_listen(enemy);
    enemy_write_down(enemy);
    while (enemy->out_at < enemy->out.count &&
           (count = send(enemy->fd, enemy->out.data + enemy->out_at,
                         enemy->out.count - enemy->out_at, MSG_NOSIGNAL)) > 0)
        enemy->out_at += (size_t)count;
    if (enemy->out_at == enemy->out.count) {
        bytes_clear(&enemy->out);
        enemy->out_at = 0;
    }
    enemy->is_alone |= count < 0 && errno != EAGAIN && errno != EINPROGRESS;
    if (enemy->is_leaving && enemy->out.count == 0 && enemy->words.count == 0 && !enemy->is_shut &&
        !enemy->is_alone)
        enemy_shut(enemy);
    if (!enemy->is_alone)
        return;
    close(enemy->fd);
    enemy->fd = -1;
}

#endif
