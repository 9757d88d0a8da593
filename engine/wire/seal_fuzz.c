/* Any bytes as what a sealed connection hears: from its first byte on; behind a greeting; and, once
 * it is open, in place of a part of a true record. Nothing is given out but what was sealed. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

static const uint8_t key[SEAL_KEY_BYTES] = "no input of a fuzzer guesses it";
static const uint8_t nonces[2][SEAL_NONCE_BYTES] = {"caller", "called"};
static const uint8_t text[] = "what was sealed";

/* How many bytes of plain text came out of it. */
static size_t hear(struct seal *seal, const uint8_t *data, size_t count, struct bytes *answer)
{
    static uint8_t plain[SEAL_PLAIN_MAX];
    size_t heard = 0, consumed, plain_bytes;
    uint8_t *exact = malloc(count + !count), *at = exact;

    memcpy(exact, data, count);
    while (seal_receive(seal, at, count, &consumed, plain, &plain_bytes, answer, NULL) ==
               STATUS_OK &&
           consumed > 0) {
        MUST(consumed <= count && plain_bytes <= sizeof text);
        MUST(memcmp(plain, text, plain_bytes) == 0);
        heard += plain_bytes;
        at += consumed;
        count -= consumed;
    }
    free(exact);
    return heard;
}

/* Both ends, as far as each has heard the other's greeting and proof. */
static void meet(struct seal *caller, struct seal *called)
{
    struct bytes to_called = {0}, to_caller = {0};

    seal_init(caller, SEAL_CALLER, key, nonces[0]);
    seal_init(called, SEAL_CALLED, key, nonces[1]);
    seal_greet(caller, &to_called);
    seal_greet(called, &to_caller);
    MUST(hear(caller, to_caller.data, to_caller.count, &to_called) == 0);
    bytes_clear(&to_caller);
    MUST(hear(called, to_called.data, to_called.count, &to_caller) == 0);
    MUST(hear(caller, to_caller.data, to_caller.count, &to_called) == 0);
    MUST(seal_is_open(caller) && seal_is_open(called));
    bytes_fini(&to_called);
    bytes_fini(&to_caller);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count)
{
    struct seal caller, called;
    struct bytes said = {0}, answer = {0};

    seal_init(&called, SEAL_CALLED, key, nonces[1]);
    MUST(hear(&called, data, count, &answer) == 0 && !seal_is_open(&called));
    seal_init(&caller, SEAL_CALLER, key, nonces[0]);
    seal_init(&called, SEAL_CALLED, key, nonces[1]);
    seal_greet(&caller, &said);
    bytes_put(&said, data, count);
    MUST(hear(&called, said.data, said.count, &answer) == 0 && !seal_is_open(&called));

    /* The record with the input laid over it, from where its first byte says. */
    meet(&caller, &called);
    bytes_clear(&said);
    seal_put(&caller, text, sizeof text, &said);
    size_t at = count > 0 ? data[0] % said.count : 0;
    bool is_same = true;
    for (size_t i = 1; i < count && at + i - 1 < said.count; i++) {
        is_same &= data[i] == said.data[at + i - 1];
        said.data[at + i - 1] = data[i];
    }
    MUST(hear(&called, said.data, said.count, &answer) == (is_same ? sizeof text : 0));
    bytes_fini(&said);
    bytes_fini(&answer);
    return 0;
}
