/* Both ends of a sealed connection without a socket: all goes through, cut anywhere; and whatever
 * an enemy on the way does to it ends it, with nothing given out that was not sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/seal.h"

static const uint8_t key[SEAL_KEY_BYTES] = "all who have this may come in..";
static const uint8_t other_key[SEAL_KEY_BYTES] = "all who have this may come in. ";

struct end {
    struct seal seal;
    struct bytes in;    /* has come, and is not taken yet */
    struct bytes heard; /* plain text that was given out */
    struct bytes out;   /* to be carried to the other end */
    struct problem problem;
    enum status status;
};

static void end_init(struct end *end, enum seal_role role, const uint8_t *its_key, uint8_t nonce)
{
    uint8_t nonces[SEAL_NONCE_BYTES];
    memset(nonces, nonce, sizeof nonces);
    memset(end, 0, sizeof *end);
    seal_init(&end->seal, role, its_key, nonces);
    seal_greet(&end->seal, &end->out);
}

static void end_fini(struct end *end)
{
    seal_fini(&end->seal);
    bytes_fini(&end->in);
    bytes_fini(&end->heard);
    bytes_fini(&end->out);
}

static void take_all(struct end *end)
{
    static uint8_t plain[SEAL_PLAIN_MAX];
    size_t consumed, plain_bytes;

    do {
        /* A copy of exactly what has come, so that a sanitizer sees a read behind it. */
        uint8_t *exact = malloc(end->in.count + !end->in.count);
        memcpy(exact, end->in.data, end->in.count);
        size_t peeked = seal_peek(&end->seal, exact, end->in.count);
        end->status = seal_receive(&end->seal, exact, end->in.count, &consumed, plain, &plain_bytes,
                                   &end->out, &end->problem);
        free(exact);
        assert_true(consumed <= end->in.count && plain_bytes <= SEAL_PLAIN_MAX);
        assert_true(end->status == STATUS_OK || (consumed == 0 && plain_bytes == 0));
        assert_true(plain_bytes == 0 || plain_bytes == peeked);
        bytes_put(&end->heard, plain, plain_bytes);
        bytes_drop_front(&end->in, consumed);
    } while (end->status == STATUS_OK && consumed > 0 && end->in.count > 0);
}

static void hear(struct end *end, const uint8_t *data, size_t count)
{
    bytes_put(&end->in, data, count);
    if (end->in.count > 0)
        take_all(end);
}

/* Carries what one end has to say to the other, `piece` bytes at a time. */
static void carry(struct end *from, struct end *to, size_t piece)
{
    for (size_t at = 0; at < from->out.count; at += piece)
        hear(to, from->out.data + at, at + piece <= from->out.count ? piece : from->out.count - at);
    bytes_clear(&from->out);
}

static void meet(struct end *caller, struct end *called)
{
    end_init(caller, SEAL_CALLER, key, 1);
    end_init(called, SEAL_CALLED, key, 2);
    for (unsigned i = 0; i < 2; i++) {
        carry(caller, called, 1000);
        carry(called, caller, 1000);
    }
    assert_true(seal_is_open(&caller->seal) && seal_is_open(&called->seal));
}

static void part(struct end *caller, struct end *called)
{
    end_fini(caller);
    end_fini(called);
}

static void put_text(struct end *end, const char *text)
{
    seal_put(&end->seal, (const uint8_t *)text, strlen(text), &end->out);
}

/* ---- What should go through ---- */

static void what_is_said_is_heard_cut_anywhere(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 100; piece++) {
        struct end caller, called;
        end_init(&caller, SEAL_CALLER, key, 1);
        end_init(&called, SEAL_CALLED, key, 2);
        for (unsigned i = 0; i < 2; i++) {
            carry(&caller, &called, piece);
            carry(&called, &caller, piece);
        }
        put_text(&caller, "hello");
        put_text(&caller, ", and more");
        put_text(&called, "welcome");
        seal_end(&caller.seal, &caller.out);
        carry(&caller, &called, piece);
        carry(&called, &caller, piece);
        assert_int_equal(called.heard.count, 15);
        assert_memory_equal(called.heard.data, "hello, and more", 15);
        assert_int_equal(caller.heard.count, 7);
        assert_memory_equal(caller.heard.data, "welcome", 7);
        assert_true(seal_has_ended(&called.seal));
        assert_false(seal_has_ended(&caller.seal));
        part(&caller, &called);
    }
}

static void much_goes_in_many_records(void **state)
{
    size_t count = 3 * SEAL_PLAIN_MAX + 17;
    uint8_t *data = malloc(count);
    struct end caller, called;
    (void)state;

    for (size_t i = 0; i < count; i++)
        data[i] = (uint8_t)(i * 31 + i / 256);
    meet(&caller, &called);
    seal_put(&called.seal, data, count, &called.out);
    assert_int_equal(called.out.count, count + 4 * (SEAL_RECORD_MAX - SEAL_PLAIN_MAX));
    carry(&called, &caller, 100000);
    assert_int_equal(caller.heard.count, count);
    assert_memory_equal(caller.heard.data, data, count);
    seal_put(&called.seal, data, 0, &called.out); /* nothing is no record */
    assert_int_equal(called.out.count, 0);
    part(&caller, &called);
    free(data);
}

static void each_connection_has_its_own_keys(void **state)
{
    struct end caller, called, again, called_again;
    (void)state;

    meet(&caller, &called);
    end_init(&again, SEAL_CALLER, key, 1);
    end_init(&called_again, SEAL_CALLED, key, 3); /* one nonce alone is another */
    for (unsigned i = 0; i < 2; i++) {
        carry(&again, &called_again, 1000);
        carry(&called_again, &again, 1000);
    }
    put_text(&caller, "the same words");
    put_text(&again, "the same words");
    put_text(&called, "the same words");
    assert_int_equal(caller.out.count, again.out.count);
    assert_memory_not_equal(caller.out.data + 4, again.out.data + 4, caller.out.count - 4);
    assert_memory_not_equal(caller.out.data + 4, called.out.data + 4, caller.out.count - 4);
    /* And no record of one is heard in the other. */
    carry(&caller, &called_again, 1000);
    assert_int_equal(called_again.status, STATUS_BAD_STREAM);
    assert_int_equal(called_again.heard.count, 0);
    part(&caller, &called);
    part(&again, &called_again);
}

static void the_key_is_forgotten_once_it_has_served(void **state)
{
    struct end caller, called;
    (void)state;

    meet(&caller, &called);
    assert_null(memmem(&caller.seal, sizeof caller.seal, key, 8));
    assert_null(memmem(&called.seal, sizeof called.seal, key, 8));
    part(&caller, &called);
}

/* ---- Who is not let in ---- */

static void says(const struct end *end, const char *why)
{
    assert_int_equal(end->status, STATUS_BAD_STREAM);
    if (strstr(end->problem.text, why) == NULL)
        fail_msg("\"%s\" is not said, but \"%s\"", why, end->problem.text);
    assert_int_equal(end->heard.count, 0);
    assert_false(seal_is_open(&end->seal));
}

static void another_key_does_not_prove_itself(void **state)
{
    struct end caller, called;
    (void)state;

    end_init(&caller, SEAL_CALLER, key, 1);
    end_init(&called, SEAL_CALLED, other_key, 2);
    carry(&caller, &called, 1000);
    carry(&called, &caller, 1000);
    carry(&caller, &called, 1000);
    says(&caller, "does not prove that it has the same key");
    says(&called, "does not prove that it has the same key");
    part(&caller, &called);
}

/* One that speaks plainly is known by its first byte, and nobody waits for more of it. */
static void whoever_does_not_seal_is_told_so(void **state)
{
    static const char *const plain[] = {"{\"execute\": \"status\"}\n", "GET / HTTP/1.1\r\n", "\x10",
                                        "ferry.sea!"};
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct end called;
        end_init(&called, SEAL_CALLED, key, 2);
        hear(&called, (const uint8_t *)plain[i], strlen(plain[i]));
        says(&called, "start it with --key FILE");
        end_fini(&called);
    }
}

static void another_version_is_told_apart(void **state)
{
    struct end caller, called;
    (void)state;

    end_init(&caller, SEAL_CALLER, key, 1);
    end_init(&called, SEAL_CALLED, key, 2);
    caller.out.data[SEAL_MAGIC_BYTES]++;
    carry(&caller, &called, 1000);
    says(&called, "another version");
    part(&caller, &called);
}

/* A mirror that sends all back; one that also turns the role; and one between two callers. */
static void a_mirror_does_not_have_the_key(void **state)
{
    (void)state;
    for (unsigned turned = 0; turned < 2; turned++) {
        struct end caller;
        struct bytes back = {0};
        end_init(&caller, SEAL_CALLER, key, 1);
        for (unsigned i = 0; i < 3; i++) {
            bytes_clear(&back);
            bytes_put(&back, caller.out.data, caller.out.count);
            bytes_clear(&caller.out);
            if (turned && i == 0)
                back.data[SEAL_MAGIC_BYTES + 1] = SEAL_CALLED;
            hear(&caller, back.data, back.count);
        }
        says(&caller, turned ? "does not prove" : "this end's own role");
        bytes_fini(&back);
        end_fini(&caller);
    }
}

/* What was overheard, said again to either of the two in a new connection. */
static void an_old_conversation_opens_nothing(void **state)
{
    struct end caller, called, again;
    struct bytes heard_by_called = {0}, heard_by_caller = {0};
    (void)state;

    end_init(&caller, SEAL_CALLER, key, 1);
    end_init(&called, SEAL_CALLED, key, 2);
    for (unsigned i = 0; i < 2; i++) {
        bytes_put(&heard_by_called, caller.out.data, caller.out.count);
        carry(&caller, &called, 1000);
        bytes_put(&heard_by_caller, called.out.data, called.out.count);
        carry(&called, &caller, 1000);
    }
    put_text(&caller, "secret");
    bytes_put(&heard_by_called, caller.out.data, caller.out.count);
    end_init(&again, SEAL_CALLED, key, 9);
    hear(&again, heard_by_called.data, heard_by_called.count);
    says(&again, "does not prove");
    end_fini(&again);
    end_init(&again, SEAL_CALLER, key, 9);
    hear(&again, heard_by_caller.data, heard_by_caller.count);
    says(&again, "does not prove");
    end_fini(&again);
    bytes_fini(&heard_by_called);
    bytes_fini(&heard_by_caller);
    part(&caller, &called);
}

/* ---- What is done on the way ---- */

/* All that a caller says in a short conversation, the end included, with where its parts begin. */
struct script {
    struct bytes said;
    size_t begins[8];
    unsigned parts;
};

static void script_part(struct script *script, struct end *caller)
{
    script->begins[script->parts++] = script->said.count;
    bytes_put(&script->said, caller->out.data, caller->out.count);
    bytes_clear(&caller->out);
    script->begins[script->parts] = script->said.count;
}

static void write_script(struct script *script)
{
    struct end caller, called;

    memset(script, 0, sizeof *script);
    end_init(&caller, SEAL_CALLER, key, 1);
    end_init(&called, SEAL_CALLED, key, 2);
    script_part(script, &caller);
    carry(&called, &caller, 1000);
    script_part(script, &caller);
    hear(&called, script->said.data, script->said.count);
    carry(&called, &caller, 1000);
    put_text(&caller, "one");
    script_part(script, &caller);
    put_text(&caller, "two, longer");
    script_part(script, &caller);
    put_text(&caller, "33");
    script_part(script, &caller);
    seal_end(&caller.seal, &caller.out);
    script_part(script, &caller);
    part(&caller, &called);
}

static const char whole[] = "onetwo, longer33";

/* The called end of that conversation hears `data`: never anything but a beginning of what was
 * said. Returns how many bytes of it. */
static size_t play(const uint8_t *data, size_t count, bool *has_ended, enum status *status)
{
    struct end called;

    end_init(&called, SEAL_CALLED, key, 2);
    hear(&called, data, count);
    size_t heard = called.heard.count;
    assert_true(heard < sizeof whole);
    assert_memory_equal(called.heard.data == NULL ? (uint8_t *)"" : called.heard.data, whole,
                        heard);
    *has_ended = seal_has_ended(&called.seal);
    *status = called.status;
    assert_true(called.status == STATUS_OK || called.problem.text[0] != '\0');
    end_fini(&called);
    return heard;
}

static void a_bit_changed_anywhere_ends_it(void **state)
{
    struct script script;
    enum status status;
    bool has_ended;
    (void)state;

    write_script(&script);
    assert_int_equal(play(script.said.data, script.said.count, &has_ended, &status), 16);
    assert_true(has_ended);
    for (size_t at = 0; at < script.said.count; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            script.said.data[at] ^= (uint8_t)(1u << bit);
            size_t heard = play(script.said.data, script.said.count, &has_ended, &status);
            script.said.data[at] ^= (uint8_t)(1u << bit);
            assert_false(has_ended);
            /* A greater length is waited for: the one part that an enemy can keep from coming. */
            bool is_length = false;
            for (unsigned i = 1; i < script.parts; i++)
                is_length |= at - script.begins[i] < 4;
            assert_true(status == STATUS_BAD_STREAM || is_length);
            for (unsigned i = 2; i < script.parts; i++)
                if (at < script.begins[i])
                    assert_true(heard <= (i == 2 ? 0 : i == 3 ? 3 : i == 4 ? 14 : 16));
        }
    }
    bytes_fini(&script.said);
}

static void cut_anywhere_it_has_no_end(void **state)
{
    struct script script;
    enum status status;
    bool has_ended;
    (void)state;

    write_script(&script);
    for (size_t count = 0; count < script.said.count; count++) {
        (void)play(script.said.data, count, &has_ended, &status);
        assert_int_equal(status, STATUS_OK);
        assert_false(has_ended);
    }
    bytes_fini(&script.said);
}

/* Any part left out, said twice, or two that change places. */
static void records_come_once_and_in_order(void **state)
{
    struct script script;
    enum status status;
    bool has_ended;
    (void)state;

    write_script(&script);
    assert_int_equal(script.parts, 6);
    for (unsigned a = 0; a < script.parts; a++) {
        for (unsigned b = 0; b < script.parts; b++) {
            for (unsigned way = 0; way < 3; way++) {
                struct bytes said = {0};
                for (unsigned i = 0; i < script.parts; i++) {
                    unsigned one = way == 2 && i == a ? b : way == 2 && i == b ? a : i;
                    if (way == 0 && i == a)
                        continue;
                    bytes_put(&said, script.said.data + script.begins[one],
                              script.begins[one + 1] - script.begins[one]);
                    if (way == 1 && i == a) /* b again, behind a */
                        bytes_put(&said, script.said.data + script.begins[b],
                                  script.begins[b + 1] - script.begins[b]);
                }
                (void)play(said.data, said.count, &has_ended, &status);
                bool is_same = way == 2 && a == b;
                bool is_end_missing = way == 0 && a == script.parts - 1;
                if (!is_same)
                    assert_false(has_ended);
                assert_true((status == STATUS_OK) == (is_same || is_end_missing));
                bytes_fini(&said);
            }
        }
    }
    bytes_fini(&script.said);
}

static void once_broken_it_stays_so(void **state)
{
    struct end caller, called;
    (void)state;

    meet(&caller, &called);
    put_text(&caller, "one");
    caller.out.data[7] ^= 1;
    carry(&caller, &called, 1000);
    assert_int_equal(called.status, STATUS_BAD_STREAM);
    assert_non_null(strstr(called.problem.text, "was changed, repeated, left out"));
    bytes_clear(&called.in);
    put_text(&caller, "two");
    carry(&caller, &called, 1000);
    assert_int_equal(called.status, STATUS_BAD_STREAM);
    assert_int_equal(called.heard.count, 0);
    part(&caller, &called);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_said_is_heard_cut_anywhere),
        cmocka_unit_test(much_goes_in_many_records),
        cmocka_unit_test(each_connection_has_its_own_keys),
        cmocka_unit_test(the_key_is_forgotten_once_it_has_served),
        cmocka_unit_test(another_key_does_not_prove_itself),
        cmocka_unit_test(whoever_does_not_seal_is_told_so),
        cmocka_unit_test(another_version_is_told_apart),
        cmocka_unit_test(a_mirror_does_not_have_the_key),
        cmocka_unit_test(an_old_conversation_opens_nothing),
        cmocka_unit_test(a_bit_changed_anywhere_ends_it),
        cmocka_unit_test(cut_anywhere_it_has_no_end),
        cmocka_unit_test(records_come_once_and_in_order),
        cmocka_unit_test(once_broken_it_stays_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
