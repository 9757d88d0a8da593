/* A session at a door that is played by the test: it follows what it is given, however it is cut,
 * says what a view wants done, and survives a door that lies, stops or dies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/units.h"
#include "live/caller.h"
#include "live/live_session.h"
#include "record/pretend.h"
#include "record/recording.h"
#include "record/same_timeline.h"

#define TOTAL_PAGES 1024

static const char scenario[] = "guest = kv\nmode = hybrid\nmemory = 4MiB\n";
static const char hello[] =
    "{\"ferry\": {\"version\": \"0.1\", \"protocol\": 1, \"capabilities\": []}}\n"
    "{\"return\": {\"hosts\": [{\"name\": \"A\", \"guests\": [{\"name\": \"kv\", "
    "\"memory_bytes\": 8388608}]}], \"migration\": null, "
    "\"link\": {\"bandwidth\": \"10Mbit/s\", \"state\": \"mended\"}}, \"id\": 1}\n"
    "{\"return\": {\"id\": null}, \"id\": 2}\n";

/* Of a gateway that no host has found yet. */
static const char hello_again[] =
    "{\"ferry\": {\"version\": \"0.1\", \"protocol\": 1, \"capabilities\": []}}\n"
    "{\"return\": {\"hosts\": [], \"migration\": null, \"link\": {}}, \"id\": 1}\n"
    "{\"return\": {\"id\": null}, \"id\": 2}\n";

static uint64_t wall_ns; /* the session's clock */
static uint64_t clock_ns(void)
{
    return wall_ns;
}

/* ---- The door ---- */

static struct session *session;
static int door;

static void say(const char *text)
{
    assert_int_equal(write(door, text, strlen(text)), strlen(text));
}

static void open_door(void)
{
    struct problem problem = {STATUS_OK, ""};
    int ends[2];
    wall_ns = 5 * NS_PER_S;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    door = ends[0];
    say(hello);
    assert_int_equal(live_session_open_on(&session, ends[1], clock_ns, &problem), STATUS_OK);
}

static void close_door(void)
{
    session->ops->close(session);
    close(door);
}

/* A piece of a recording; the session hears it at once. */
static void give(uint64_t id, const void *data, size_t count, bool is_end)
{
    struct bytes line = {0};
    control_put(&line, control_event("recording",
                                     json_pack("{s:I, s:o, s:b}", "id", (json_int_t)id, "data",
                                               control_base64(data, count), "is_end", (int)is_end),
                                     0));
    for (size_t at = 0; at < line.count;) {
        size_t piece = line.count - at < 4096 ? line.count - at : 4096;
        assert_int_equal(write(door, line.data + at, piece), piece);
        at += piece;
        session_listen(session);
    }
    bytes_fini(&line);
}

/* What the session has said since the last time, behind `status` and `attach`. */
static const char *said(void)
{
    static char text[4096];
    ssize_t count = recv(door, text, sizeof text - 1, MSG_DONTWAIT);
    text[count > 0 ? count : 0] = '\0';
    return text;
}

static void record_move(struct recorder *recorder, uint64_t events, uint64_t seed)
{
    struct event_list run = pretend_run(TOTAL_PAGES, events, seed);
    recorder_init(recorder, scenario, true);
    for (size_t i = 0; i < run.count; i++)
        recorder_add(recorder, &run.items[i]);
    event_list_fini(&run);
    recorder_finish(recorder);
}

static void play_to_now(void)
{
    session->ops->advance(session, UINT64_MAX / 2);
}

/* What the whole recording makes of a timeline. */
static void fold(struct timeline *timeline, const struct recorder *recorder)
{
    struct recording recording;
    struct event event;
    bool is_end = false;
    timeline_init(timeline, TOTAL_PAGES);
    assert_int_equal(recording_open(&recording, recorder->bytes.data, recorder->bytes.count, NULL),
                     STATUS_OK);
    while (recording_next(&recording, &event, &is_end, NULL) == STATUS_OK && !is_end)
        timeline_add(timeline, &event);
    recording_close(&recording);
}

/* ---- Following ---- */

static void a_move_is_followed_wherever_it_is_cut(void **state)
{
    struct recorder recorder;
    struct timeline whole;
    (void)state;
    record_move(&recorder, 300, 1);
    fold(&whole, &recorder);
    for (size_t cut = 0; cut <= recorder.bytes.count; cut++) {
        open_door();
        assert_int_equal(session->facts.total_pages, 2048);
        assert_int_equal(session->facts.start_at_ns, UINT64_MAX);
        give(1, recorder.bytes.data, cut, false);
        play_to_now();
        assert_false(session->has_ended);
        give(1, recorder.bytes.data + cut, recorder.bytes.count - cut, true);
        assert_int_equal(session->run_count, 2);
        play_to_now();
        assert_true(session->has_ended && !session->is_broken);
        assert_int_equal(session->facts.total_pages, TOTAL_PAGES);
        assert_int_equal(session->facts.mode, MODE_HYBRID);
        assert_same_timeline(&session->timeline, &whole);
        close_door();
    }
    timeline_fini(&whole);
    recorder_fini(&recorder);
}

/* What is looked at slowly is the past; the next move is shown when it has been looked at. */
static void the_next_move_waits_until_this_was_seen(void **state)
{
    struct recorder one, two;
    (void)state;
    record_move(&one, 400, 1);
    record_move(&two, 500, 2);
    open_door();
    give(7, one.bytes.data, one.bytes.count, true);
    session->ops->advance(session, one.last_ns / 2);
    assert_int_equal(session->world_ns, one.last_ns);
    assert_true(session_behind_ns(session) > 0 && !session_is_past(session));
    give(8, two.bytes.data, two.bytes.count, true);
    assert_int_equal(session->run_count, 2);
    play_to_now();
    assert_int_equal(session->timeline.event_count, one.event_count);
    assert_true(session->ops->seek(session, 0)); /* who looks back is not disturbed */
    session_listen(session);
    assert_int_equal(session->run_count, 2);
    play_to_now();
    session_listen(session);
    assert_int_equal(session->run_count, 3);
    assert_int_equal(session->timeline.event_count, 0);
    assert_false(session->has_ended);
    play_to_now();
    assert_int_equal(session->timeline.event_count, two.event_count);
    close_door();
    recorder_fini(&one);
    recorder_fini(&two);
}

/* Nothing happens: time passes, a little behind. What comes late then is not moved. */
static void time_passes_by_itself_and_is_taken_back(void **state)
{
    static const struct event first = {.kind = EVENT_REQUEST_SENT, .at_ns = NS_PER_MS};
    static const struct event late = {.kind = EVENT_REQUEST_ANSWERED,
                                      .at_ns = 10 * NS_PER_MS,
                                      .request_answered = {.latency_ns = 9 * NS_PER_MS}};
    struct recorder recorder;
    (void)state;
    open_door();
    recorder_init(&recorder, scenario, true);
    recorder_add(&recorder, &first);
    size_t count = recorder.bytes.count;
    give(1, recorder.bytes.data, count, false);
    wall_ns += NS_PER_S;
    session_listen(session);
    play_to_now();
    assert_int_equal(session->world_ns, NS_PER_S + NS_PER_MS);
    assert_int_equal(session->timeline.now_ns, NS_PER_S + NS_PER_MS - LIVE_SESSION_LATE_NS);
    recorder_add(&recorder, &late);
    give(1, recorder.bytes.data + count, recorder.bytes.count - count, false);
    play_to_now();
    assert_int_equal(session->timeline.last_latency_ns, 9 * NS_PER_MS);
    assert_int_equal(session->timeline.event_count, 2);
    assert_true(session->ops->seek(session, 9 * NS_PER_MS));
    assert_int_equal(session->timeline.event_count, 1);
    assert_true(session->ops->step(session));
    assert_int_equal(session->timeline.now_ns, 10 * NS_PER_MS);
    close_door();
    recorder_fini(&recorder);
}

/* ---- Steering ---- */

static void what_a_view_wants_is_said_at_the_door(void **state)
{
    (void)state;
    open_door();
    said();
    assert_int_equal(session->link_bits_per_s, 10000000);
    assert_false(session->ops->can(session, SESSION_ABORT));
    assert_true(session->ops->act(session, SESSION_START, MODE_POST_COPY));
    assert_non_null(strstr(said(), "\"migrate\",\"arguments\":{\"mode\":\"post-copy\"}"));
    say("{\"event\": \"migration_started\", \"data\": {\"phase\": \"copy\"}, "
        "\"timestamp\": {\"seconds\": 1, \"microseconds\": 1}}\n");
    session_listen(session);
    assert_false(session->ops->can(session, SESSION_START));
    assert_true(session->ops->act(session, SESSION_POST_COPY, 0));
    assert_non_null(strstr(said(), "\"post-copy\""));
    assert_true(session->ops->act(session, SESSION_ABORT, 0));
    assert_non_null(strstr(said(), "\"abort\""));
    assert_true(session->ops->act(session, SESSION_BANDWIDTH, 200 * 1000 * 1000));
    assert_non_null(strstr(said(), "\"bandwidth\":\"200Mbit/s\""));
    assert_true(session->ops->act(session, SESSION_BANDWIDTH, 0));
    assert_non_null(strstr(said(), "\"bandwidth\":\"none\""));
    assert_false(session->ops->can(session, SESSION_LINK_MEND));
    assert_true(session->ops->act(session, SESSION_LINK_CUT, 0));
    assert_non_null(strstr(said(), "\"state\":\"cut\""));
    assert_true(session->ops->act(session, SESSION_LINK_MEND, 0));
    assert_non_null(strstr(said(), "\"state\":\"mended\""));
    say("{\"event\": \"link_changed\", \"data\": {\"bandwidth\": \"1Mbit/s\", \"state\": \"cut\"}, "
        "\"timestamp\": {\"seconds\": 1, \"microseconds\": 1}}\n"); /* a host has refused */
    session_listen(session);
    assert_true(session->is_link_cut);
    assert_int_equal(session->link_bits_per_s, 1000000);
    say("{\"error\": {\"class\": \"NotNow\", \"desc\": \"the guest is paused\"}, \"id\": 5}\n");
    session_listen(session);
    assert_string_equal(session->notice, "the guest is paused");
    close_door();
}

/* Whoever changed it, and whether anything is moved or not; once for each change. */
static void what_became_of_the_link_is_said(void **state)
{
    static const struct {
        const char *bandwidth, *link, *says; /* NULL: nothing new */
    } rows[] = {
        {"10Mbit/s", "mended", NULL},
        {"10Mbit/s", "cut", "The link is cut: it carries nothing until it is mended."},
        {"20MiB/s", "cut", "The link is cut: it carries nothing until it is mended."},
        {"20MiB/s", "mended", "The link is mended: it carries 20.00 MiB/s."},
        {"20MiB/s", "mended", NULL},
        {"none", "mended", "The link carries what it can."},
        {"none", "cut", "The link is cut: it carries nothing until it is mended."},
        {"none", "mended", "The link is mended: it carries what it can."},
    };
    (void)state;
    open_door();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char line[200];
        uint32_t before = session->notice_count;
        snprintf(line, sizeof line,
                 "{\"event\": \"link_changed\", \"data\": {\"bandwidth\": \"%s\", \"state\": "
                 "\"%s\"}, \"timestamp\": {\"seconds\": 1, \"microseconds\": 1}}\n",
                 rows[i].bandwidth, rows[i].link);
        /* What a key has changed is known here before it is told. */
        if (strcmp(rows[i].link, "cut") == 0 && !session->is_link_cut)
            assert_true(session->ops->act(session, SESSION_LINK_CUT, 0));
        say(line);
        session_listen(session);
        assert_int_equal(session->notice_count - before, rows[i].says != NULL);
        if (rows[i].says != NULL)
            assert_string_equal(session->notice, rows[i].says);
    }
    close_door();
}

/* ---- Doors that lie, stop or die ---- */

static void a_door_that_dies_leaves_what_was_seen(void **state)
{
    struct recorder recorder;
    (void)state;
    record_move(&recorder, 400, 3);
    open_door();
    give(1, recorder.bytes.data, recorder.bytes.count / 2, false);
    shutdown(door, SHUT_RDWR);
    session_listen(session);
    assert_non_null(strstr(session->notice, "has closed the door"));
    assert_false(session->ops->can(session, SESSION_START));
    play_to_now();
    session_listen(session);
    assert_true(session->timeline.event_count > 100);
    assert_true(session->has_ended && session->is_broken);
    assert_non_null(strstr(session->verdict, "has closed the door"));
    assert_true(session->ops->seek(session, recorder.last_ns / 4));
    assert_false(session->has_ended);
    assert_true(session->ops->act(session, SESSION_BACK, 0));
    close_door();
    recorder_fini(&recorder);
}

/* A door of which the first gateway ends as soon as it was heard; the second stays. */
static pid_t begin_gateways(struct sockaddr_un *address)
{
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    char text[4096];

    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(address->sun_path, sizeof address->sun_path, "/tmp/ferry_session_test_%d",
             (int)getpid());
    assert_int_equal(bind(listener, (struct sockaddr *)address, sizeof *address), 0);
    assert_int_equal(listen(listener, 4), 0);
    pid_t child = fork();
    if (child == 0)
        alarm(30); /* where nobody comes again */
    for (unsigned i = 0; child == 0 && i < 2; i++) {
        int call = accept(listener, NULL, NULL);
        const char *greeting = i == 0 ? hello : hello_again;
        (void)!write(call, greeting, strlen(greeting));
        size_t count = 0;
        while (count < sizeof text - 1 &&
               (count == 0 || (text[count] = '\0', i == 1 || strstr(text, "attach") == NULL))) {
            ssize_t more = read(call, text + count, sizeof text - 1 - count);
            if (more <= 0)
                break;
            count += (size_t)more;
        }
        close(call);
    }
    if (child == 0)
        _exit(0);
    close(listener);
    return child;
}

static void another_gateway_is_taken_up(void **state)
{
    struct problem problem = {STATUS_OK, ""};
    struct sockaddr_un address;
    (void)state;
    pid_t gateways = begin_gateways(&address);
    assert_int_equal(live_session_open(&session, address.sun_path, &problem), STATUS_OK);
    live_session_advise(session, "ferry gateway --hosts 127.0.0.1:7600");
    while (!session->has_ended)
        session->ops->step(session); /* which waits */
    assert_true(session->is_broken);
    assert_non_null(strstr(session->verdict, "Another one:  ferry gateway --hosts 127.0.0.1:7600"));
    assert_false(session->ops->can(session, SESSION_START));
    while (session->has_ended && waitpid(gateways, NULL, WNOHANG) == 0)
        session_listen(session);
    assert_false(session->has_ended || session->is_broken);
    assert_string_equal(session->notice, "There is a gateway again.");
    assert_string_equal(session->facts.guest, "kv"); /* its host will come */
    assert_int_equal(session->facts.total_pages, 2048);
    assert_int_equal(session->run_count, 2);
    assert_true(session->ops->can(session, SESSION_START));
    session->ops->close(session);
    waitpid(gateways, NULL, 0);
    unlink(address.sun_path);
}

/* Until a host comes that may have brought one. */
static void a_guest_that_is_lost_is_not_moved(void **state)
{
    (void)state;
    open_door();
    assert_true(session->ops->can(session, SESSION_START));
    say("{\"event\": \"guest_lost\", \"data\": {\"guest\": \"kv\", \"reason\": \"A is gone\"}}\n");
    session_listen(session);
    assert_string_equal(session->notice, "kv is lost: A is gone");
    assert_false(session->ops->can(session, SESSION_START));
    say("{\"event\": \"host_joined\", \"data\": {\"name\": \"C\"}}\n");
    session_listen(session);
    assert_true(session->ops->can(session, SESSION_START));
    close_door();
}

static void a_broken_recording_ends_where_it_breaks(void **state)
{
    static const struct event bad = {.kind = EVENT_PAGE_FAULTED,
                                     .page_faulted = {.page_idx = TOTAL_PAGES}};
    struct recorder recorder, next;
    (void)state;
    record_move(&next, 400, 3);
    open_door();
    recorder_init(&recorder, scenario, true);
    recorder_add(&recorder, &(struct event){.kind = EVENT_REQUEST_SENT});
    recorder_add(&recorder, &bad);
    recorder_add(&recorder, &(struct event){.kind = EVENT_REQUEST_SENT});
    give(1, recorder.bytes.data, recorder.bytes.count, false);
    assert_non_null(strstr(session->notice, "pages that the guest does not have"));
    play_to_now();
    assert_int_equal(session->timeline.event_count, 1);
    assert_true(session->has_ended);
    assert_non_null(strstr(session->verdict, "pages that the guest does not have"));
    give(2, next.bytes.data, next.bytes.count, true); /* the next is as good as ever */
    play_to_now();
    assert_int_equal(session->timeline.event_count, next.event_count);
    close_door();
    recorder_fini(&recorder);
    recorder_fini(&next);
}

static void a_recording_without_its_end_says_so(void **state)
{
    struct recorder recorder;
    (void)state;
    record_move(&recorder, 400, 3);
    open_door();
    give(1, recorder.bytes.data, recorder.bytes.count - 20, true);
    assert_non_null(strstr(session->notice, "breaks off at byte"));
    play_to_now();
    assert_true(session->has_ended);
    close_door();
    recorder_fini(&recorder);
}

static void nonsense_is_survived(void **state)
{
    static const char *const lines[] = {
        "{\"event\": \"recording\", \"data\": {\"id\": 1, \"data\": \"!!\", \"is_end\": false}}\n",
        "{\"event\": \"recording\", \"data\": {\"id\": 1}}\n",
        "{\"event\": \"recording\", \"data\": []}\n",
        "{\"event\": \"recording\", \"data\": {\"id\": 3, \"data\": \"AAAA\", \"is_end\": true}}\n",
        "{\"event\": \"progress\", \"data\": 7}\n",
        "{\"event\": \"of another time\", \"data\": null}\n",
        "{\"return\": {}, \"id\": \"x\"}\n",
        "this is no JSON\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        open_door();
        say(lines[i]);
        for (int k = 0; k < 3; k++) {
            session_listen(session);
            play_to_now();
            session->ops->step(session);
        }
        assert_int_equal(session->timeline.event_count, 0);
        assert_int_equal(session->run_count, 1);
        if (i + 1 == sizeof lines / sizeof lines[0])
            assert_true(session->has_ended);
        close_door();
    }
}

static void a_door_that_is_none_is_refused(void **state)
{
    struct problem problem = {STATUS_OK, ""};
    int ends[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    door = ends[0];
    say("HTTP/1.1 400 Bad Request\n");
    assert_int_not_equal(live_session_open_on(&session, ends[1], clock_ns, &problem), STATUS_OK);
    assert_true(*problem.text != '\0');
    close(door);
    assert_int_equal(live_session_open(&session, "/nowhere/control", &problem), STATUS_NO_FILE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_move_is_followed_wherever_it_is_cut),
        cmocka_unit_test(the_next_move_waits_until_this_was_seen),
        cmocka_unit_test(time_passes_by_itself_and_is_taken_back),
        cmocka_unit_test(what_a_view_wants_is_said_at_the_door),
        cmocka_unit_test(what_became_of_the_link_is_said),
        cmocka_unit_test(a_door_that_dies_leaves_what_was_seen),
        cmocka_unit_test(another_gateway_is_taken_up),
        cmocka_unit_test(a_guest_that_is_lost_is_not_moved),
        cmocka_unit_test(a_broken_recording_ends_where_it_breaks),
        cmocka_unit_test(a_recording_without_its_end_says_so),
        cmocka_unit_test(nonsense_is_survived),
        cmocka_unit_test(a_door_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
