#include "record/trace.h"

#include <stdio.h>

#include "base/status.h"
#include "base/units.h"
#include "record/trace_line.h"

enum { PID_A = 1, PID_B = 2, PID_CLIENTS = 3 };

/* ---- Tracks ---- */

static uint32_t pid_of(unsigned track)
{
    return track < TRACK_GUEST_AT_B ? PID_A : track < TRACK_CLIENTS ? PID_B : PID_CLIENTS;
}

/* Different in every process: readers take the number alone for the track. */
static uint32_t tid_of(unsigned track)
{
    return pid_of(track) * 100 + track;
}

static void name_of(unsigned track, char *name, size_t room)
{
    static const char *const names[TRACK_HARTS] = {
        "move", "phase", "rounds", "guest at A", "link to host B", "guest at B", "arrivals"};
    if (track < TRACK_HARTS)
        snprintf(name, room, "%s", names[track]);
    else if (track < TRACK_CLIENTS)
        snprintf(name, room, "faults of hart %u", track - TRACK_HARTS);
    else
        snprintf(name, room, "client %u", track - TRACK_CLIENTS);
}

/* ---- Lines ---- */

static struct bytes *new_line(struct trace *trace)
{
    trace_text(&trace->text, trace->has_lines ? ",\n" : "\n");
    trace->has_lines = true;
    return &trace->text;
}

static void name_something(struct trace *trace, const char *what, uint32_t pid, uint32_t tid,
                           const char *name)
{
    struct bytes *text = new_line(trace);
    trace_line_begin(text, 'M', pid);
    if (tid != 0)
        trace_line_number(text, "tid", tid);
    trace_line_text(text, "name", what);
    trace_line_args(text);
    trace_line_text(text, "name", name);
    trace_line_end(text, true);
}

static void name_track(struct trace *trace, unsigned track)
{
    char name[32];
    if (trace->is_named[track])
        return;
    trace->is_named[track] = true;
    name_of(track, name, sizeof name);
    name_something(trace, "thread_name", pid_of(track), tid_of(track), name);
}

static struct bytes *line_on(struct trace *trace, char phase, unsigned track, uint64_t at_ns)
{
    name_track(trace, track);
    struct bytes *text = new_line(trace);
    trace_line_begin(text, phase, pid_of(track));
    trace_line_number(text, "tid", tid_of(track));
    trace_line_time(text, "ts", at_ns);
    return text;
}

/* A slice that ends some time; the caller may add args, and ends the line. */
static struct bytes *begin(struct trace *trace, unsigned track, const char *name)
{
    struct bytes *text = line_on(trace, 'B', track, trace->timeline.now_ns);
    trace->depths[track]++;
    trace_line_text(text, "name", name);
    return text;
}

static void begin_plain(struct trace *trace, unsigned track, const char *name)
{
    trace_line_end(begin(trace, track, name), false);
}

static struct bytes *end(struct trace *trace, unsigned track)
{
    trace->depths[track]--;
    return line_on(trace, 'E', track, trace->timeline.now_ns);
}

static void end_all(struct trace *trace, unsigned track)
{
    while (trace->depths[track] > 0)
        trace_line_end(end(trace, track), false);
}

/* A slice whose length is known. */
static struct bytes *whole(struct trace *trace, unsigned track, uint64_t at_ns, uint64_t length_ns,
                           const char *name)
{
    struct bytes *text = line_on(trace, 'X', track, at_ns);
    trace_line_time(text, "dur", length_ns);
    trace_line_text(text, "name", name);
    return text;
}

static void instant(struct trace *trace, unsigned track, const char *name)
{
    struct bytes *text = line_on(trace, 'i', track, trace->timeline.now_ns);
    trace_line_text(text, "s", "t");
    trace_line_text(text, "name", name);
    trace_line_end(text, false);
}

/* One end or a joint of an arrow: at the slice that is on the track at that instant. */
static void flow(struct trace *trace, char phase, unsigned track, uint64_t at_ns, uint64_t flow_id)
{
    struct bytes *text = line_on(trace, phase, track, at_ns);
    trace_line_text(text, "cat", "fault");
    trace_line_text(text, "name", "page");
    trace_line_number(text, "id", flow_id);
    if (phase == 'f')
        trace_line_text(text, "bp", "e");
    trace_line_end(text, false);
}

/* ---- Counters ---- */

static void count(struct trace *trace, enum trace_counter counter, uint64_t value)
{
    static const struct {
        uint32_t pid;
        const char *name, *series;
    } rows[COUNTER_COUNT] = {
        [COUNTER_TO_SEND] = {PID_A, "pages to send", "pages"},
        [COUNTER_DIRTY_RATE] = {PID_A, "dirty rate", "pages per second"},
        [COUNTER_WIRE] = {PID_A, "bytes on the wire", "bytes"},
        [COUNTER_MISSING] = {PID_B, "missing pages", "pages"},
        [COUNTER_LATENCY] = {PID_CLIENTS, "client latency", "us"},
    };
    if (trace->counters[counter] == value)
        return;
    trace->counters[counter] = value;
    if (value > TRACE_NUMBER_MAX)
        value = TRACE_NUMBER_MAX;
    struct bytes *text = new_line(trace);
    trace_line_begin(text, 'C', rows[counter].pid);
    trace_line_time(text, "ts", trace->timeline.now_ns);
    trace_line_text(text, "name", rows[counter].name);
    trace_line_args(text);
    if (counter == COUNTER_LATENCY)
        trace_line_time(text, rows[counter].series, value);
    else
        trace_line_number(text, rows[counter].series, value);
    trace_line_end(text, true);
}

static uint64_t pages_to_send(const struct timeline *timeline)
{
    uint64_t counts[PAGE_STATE_COUNT];
    timeline_map_cell(timeline, HOST_SOURCE, 0, timeline->total_pages, counts);
    return counts[PAGE_DIRTY];
}

static void sample_after(struct trace *trace, uint64_t least_ns)
{
    const struct timeline *timeline = &trace->timeline;
    uint64_t passed_ns = timeline->now_ns - trace->sampled_ns;
    if (passed_ns < least_ns)
        return;
    count(trace, COUNTER_TO_SEND, pages_to_send(timeline));
    count(trace, COUNTER_DIRTY_RATE, units_mul_div_told(trace->dirtied, NS_PER_S, passed_ns));
    count(trace, COUNTER_WIRE, timeline->bytes_on_wire);
    count(trace, COUNTER_MISSING, timeline->pages_missing);
    if (trace->latency_max_ns > 0)
        count(trace, COUNTER_LATENCY, trace->latency_max_ns);
    trace->sampled_ns = timeline->now_ns;
    trace->dirtied = trace->latency_max_ns = 0;
}

/* ---- The guest ---- */

/* It is at one host, and does one thing. */
static void guest_goes_on(struct trace *trace, uint64_t host, const char *name)
{
    end_all(trace, TRACK_GUEST_AT_A);
    end_all(trace, TRACK_GUEST_AT_B);
    trace->is_waiting = false;
    if (name != NULL)
        begin_plain(trace, host == HOST_SOURCE ? TRACK_GUEST_AT_A : TRACK_GUEST_AT_B, name);
}

/* While it runs at B, any hart of it. */
static void guest_waits(struct trace *trace)
{
    bool waits = trace->timeline.waiting_harts > 0;
    if (waits && !trace->is_waiting && trace->depths[TRACK_GUEST_AT_B] > 0) {
        begin_plain(trace, TRACK_GUEST_AT_B, "waiting for a page");
        trace->is_waiting = true;
    } else if (!waits && trace->is_waiting) {
        trace_line_end(end(trace, TRACK_GUEST_AT_B), false);
        trace->is_waiting = false;
    }
}

static void guest_ended(struct trace *trace, const struct event *event)
{
    guest_goes_on(trace, event->guest_ended.host, NULL);
    instant(trace, event->guest_ended.host == HOST_SOURCE ? TRACK_GUEST_AT_A : TRACK_GUEST_AT_B,
            event->guest_ended.is_fault ? "the guest faulted" : "the guest ended");
}

/* ---- Faults ---- */

static void close_fault(struct trace *trace, unsigned hart, const uint64_t *wait_ns)
{
    struct trace_fault *fault = &trace->faults[hart];
    unsigned track = TRACK_HARTS + hart;
    if (!fault->is_open)
        return;
    if (fault->is_flowing)
        flow(trace, 'f', track, trace->timeline.now_ns, fault->flow_id);
    fault->is_open = fault->is_flowing = false;
    struct bytes *text = end(trace, track);
    if (wait_ns != NULL) {
        trace_line_args(text);
        trace_line_number(text, "wait_ns", *wait_ns);
    }
    trace_line_end(text, wait_ns != NULL);
}

static void open_fault(struct trace *trace, const struct event *event)
{
    char name[48];
    if (event->page_faulted.hart_idx >= TRACE_HARTS_MAX)
        return;
    unsigned hart = (unsigned)event->page_faulted.hart_idx, track = TRACK_HARTS + hart;
    close_fault(trace, hart, NULL); /* a hart waits for one page at a time */
    trace->faults[hart] = (struct trace_fault){.is_open = true,
                                               .is_flowing = true,
                                               .page_idx = event->page_faulted.page_idx,
                                               .flow_id = ++trace->flow_count};
    snprintf(name, sizeof name, "fault on page %llu",
             (unsigned long long)event->page_faulted.page_idx);
    begin_plain(trace, track, name);
    flow(trace, 's', track, trace->timeline.now_ns, trace->flow_count);
}

static void resolve_fault(struct trace *trace, const struct event *event)
{
    if (event->fault_resolved.hart_idx < TRACE_HARTS_MAX)
        close_fault(trace, (unsigned)event->fault_resolved.hart_idx,
                    &event->fault_resolved.wait_ns);
}

/* The arrows of faults that wait for one of these pages. */
static void lead_arrows(struct trace *trace, char phase, unsigned track, uint64_t at_ns,
                        uint64_t first_idx, uint64_t pages)
{
    for (unsigned hart = 0; hart < TRACE_HARTS_MAX; hart++) {
        struct trace_fault *fault = &trace->faults[hart];
        if (!fault->is_flowing || fault->page_idx - first_idx >= pages)
            continue;
        if (phase == 't' && fault->is_on_link)
            continue;
        flow(trace, phase, track, at_ns, fault->flow_id);
        fault->is_on_link = true;
        fault->is_flowing = phase == 't';
    }
}

/* ---- The link ---- */

/* How long so many bytes occupy the link; at most until the end of time. */
static uint64_t link_ns(const struct trace *trace, uint64_t bytes, uint64_t from_ns)
{
    unsigned __int128 length = 0;
    if (trace->bandwidth_bits_per_s > 0)
        length = (unsigned __int128)bytes * 8 * NS_PER_S / trace->bandwidth_bits_per_s;
    return length < UINT64_MAX - from_ns ? (uint64_t)length : UINT64_MAX - from_ns;
}

/* One after the other: what was put on it at once leaves in that order. Returns when it begins. */
static uint64_t occupy_link(struct trace *trace, uint64_t bytes, const char *name)
{
    uint64_t now_ns = trace->timeline.now_ns;
    uint64_t from_ns = trace->link_free_ns > now_ns ? trace->link_free_ns : now_ns;
    uint64_t length_ns = link_ns(trace, bytes, from_ns);
    struct bytes *text = whole(trace, TRACK_LINK, from_ns, length_ns, name);
    trace_line_args(text);
    trace_line_number(text, "bytes", bytes);
    trace_line_end(text, true);
    trace->link_free_ns = from_ns + length_ns;
    return from_ns;
}

static void name_run(char *name, size_t room, uint64_t first_idx, uint64_t pages)
{
    if (pages == 1)
        snprintf(name, room, "page %llu", (unsigned long long)first_idx);
    else
        snprintf(name, room, "%llu pages from %llu", (unsigned long long)pages,
                 (unsigned long long)first_idx);
}

static void send_pages(struct trace *trace, const struct event *event)
{
    uint64_t first_idx = event->pages_sent.first_idx, pages = event->pages_sent.count;
    char run[64], name[96];
    name_run(run, sizeof run, first_idx, pages);
    snprintf(name, sizeof name, "%s, %s", run, why_name((enum why)event->pages_sent.why));
    uint64_t from_ns = occupy_link(trace, event->pages_sent.bytes, name);
    lead_arrows(trace, 't', TRACK_LINK, from_ns, first_idx, pages);
}

static void install_pages(struct trace *trace, const struct event *event)
{
    uint64_t first_idx = event->pages_installed.first_idx, pages = event->pages_installed.count;
    uint64_t now_ns = trace->timeline.now_ns;
    char name[64];
    name_run(name, sizeof name, first_idx, pages);
    trace_line_end(whole(trace, TRACK_ARRIVALS, now_ns, 0, name), false);
    lead_arrows(trace, 'f', TRACK_ARRIVALS, now_ns, first_idx, pages);
}

/* ---- The move ---- */

static void start_move(struct trace *trace, const struct event *event)
{
    end_all(trace, TRACK_MOVE);
    begin_plain(trace, TRACK_MOVE, mode_name((enum mode)event->migration_started.mode));
}

static void end_move(struct trace *trace, const struct event *event)
{
    end_all(trace, TRACK_ROUNDS);
    end_all(trace, TRACK_PHASE);
    end_all(trace, TRACK_MOVE);
    instant(trace, TRACK_MOVE, outcome_name((enum outcome)event->migration_ended.outcome));
}

static void change_phase(struct trace *trace, const struct event *event)
{
    enum phase phase = (enum phase)event->phase_changed.phase;
    end_all(trace, TRACK_PHASE);
    if (phase != PHASE_IDLE && phase != PHASE_COMPLETED && phase != PHASE_ABORTED)
        begin_plain(trace, TRACK_PHASE, phase_name(phase));
}

static void start_round(struct trace *trace, const struct event *event)
{
    char name[48];
    end_all(trace, TRACK_ROUNDS);
    snprintf(name, sizeof name, "%sround %llu", event->round_started.is_paused ? "paused " : "",
             (unsigned long long)event->round_started.round_idx);
    struct bytes *text = begin(trace, TRACK_ROUNDS, name);
    trace_line_args(text);
    trace_line_number(text, "pages", event->round_started.pages);
    trace_line_end(text, true);
}

static void end_round(struct trace *trace, const struct event *event)
{
    if (trace->depths[TRACK_ROUNDS] == 0)
        return;
    struct bytes *text = end(trace, TRACK_ROUNDS);
    trace_line_args(text);
    trace_line_number(text, "pages_sent", event->round_ended.pages_sent);
    trace_line_number(text, "bytes_sent", event->round_ended.bytes_sent);
    trace_line_number(text, "dirtied_pages", event->round_ended.dirtied_pages);
    trace_line_end(text, true);
}

static void give_input(struct trace *trace, const struct event *event)
{
    const char *command = session_command_name(event->input_given.command);
    char name[48];
    snprintf(name, sizeof name, "key: %s", command != NULL ? command : "unknown");
    instant(trace, TRACK_MOVE, name);
}

/* ---- Clients ---- */

static void silence(struct trace *trace, uint64_t client, bool is_wrong)
{
    uint64_t since_ns = trace->clients[client].since_ns, now_ns = trace->timeline.now_ns;
    bool is_outage = now_ns - since_ns >= TRACE_OUTAGE_NS;
    struct bytes *text = whole(trace, TRACK_CLIENTS + (unsigned)client, since_ns, now_ns - since_ns,
                               is_outage ? "outage" : "waits");
    if (is_wrong) {
        trace_line_args(text);
        trace_line_text(text, "answer", "wrong");
    }
    trace_line_end(text, is_wrong);
    trace->clients[client].since_ns = now_ns;
}

static void ask(struct trace *trace, uint64_t client)
{
    if (client < TIMELINE_CLIENTS_MAX && trace->clients[client].outstanding++ == 0)
        trace->clients[client].since_ns = trace->timeline.now_ns;
}

static void answer(struct trace *trace, const struct event *event)
{
    uint64_t client = event->request_answered.client_idx;
    if (event->request_answered.latency_ns > trace->latency_max_ns)
        trace->latency_max_ns = event->request_answered.latency_ns;
    if (client >= TIMELINE_CLIENTS_MAX || trace->clients[client].outstanding == 0)
        return;
    silence(trace, client, event->request_answered.is_wrong != 0);
    trace->clients[client].outstanding--;
}

/* ---- The whole ---- */

void trace_init(struct trace *trace, const struct session_facts *facts)
{
    *trace = (struct trace){.bandwidth_bits_per_s = facts->bandwidth_bits_per_s};
    timeline_init(&trace->timeline, facts->total_pages);
    struct bytes *text = &trace->text;
    char name[32];
    trace_text(text, "{\"displayTimeUnit\":\"ns\",\"otherData\":{");
    trace_line_text(text, "guest", facts->guest);
    trace_line_text(text, "mode", mode_name(facts->mode));
    trace_line_number(text, "seed", facts->seed);
    trace_text(text, "},\"traceEvents\":[");
    snprintf(name, sizeof name, "host %c (source)", session_host_letter(facts, HOST_SOURCE));
    name_something(trace, "process_name", PID_A, 0, name);
    snprintf(name, sizeof name, "host %c (target)", session_host_letter(facts, HOST_TARGET));
    name_something(trace, "process_name", PID_B, 0, name);
    name_something(trace, "process_name", PID_CLIENTS, 0, "clients");
    for (unsigned track = 0; track < TRACK_HARTS; track++)
        name_track(trace, track);
    guest_goes_on(trace, HOST_SOURCE, "running");
}

void trace_add(struct trace *trace, const struct event *event)
{
    timeline_add(&trace->timeline, event);
    switch (event->kind) {
    case EVENT_MIGRATION_STARTED:
        start_move(trace, event);
        break;
    case EVENT_PHASE_CHANGED:
        change_phase(trace, event);
        break;
    case EVENT_ROUND_STARTED:
        start_round(trace, event);
        break;
    case EVENT_ROUND_ENDED:
        end_round(trace, event);
        break;
    case EVENT_PAGES_SENT:
        send_pages(trace, event);
        break;
    case EVENT_PAGES_INSTALLED:
        install_pages(trace, event);
        break;
    case EVENT_FRAME_SENT:
        occupy_link(trace, event->frame_sent.bytes,
                    event->frame_sent.is_state ? "state" : "message");
        break;
    case EVENT_PAGE_DIRTIED:
        trace->dirtied += event->page_dirtied.host == HOST_SOURCE;
        break;
    case EVENT_LIMIT_EXCEEDED:
        instant(trace, TRACK_MOVE, "limit exceeded");
        break;
    case EVENT_GUEST_PAUSED:
        guest_goes_on(trace, event->guest_paused.host, "paused");
        break;
    case EVENT_GUEST_RESUMED:
        guest_goes_on(trace, event->guest_resumed.host, "running");
        break;
    case EVENT_PAGE_FAULTED:
        open_fault(trace, event);
        guest_waits(trace);
        break;
    case EVENT_FAULT_RESOLVED:
        resolve_fault(trace, event);
        guest_waits(trace);
        break;
    case EVENT_STREAMS_REHOMED:
        instant(trace, TRACK_MOVE, "connections rehomed");
        break;
    case EVENT_MIGRATION_ENDED:
        end_move(trace, event);
        break;
    case EVENT_REQUEST_SENT:
        ask(trace, event->request_sent.client_idx);
        break;
    case EVENT_REQUEST_ANSWERED:
        answer(trace, event);
        break;
    case EVENT_GUEST_ENDED:
        guest_ended(trace, event);
        break;
    case EVENT_INPUT_GIVEN:
        give_input(trace, event);
        break;
    case EVENT_DECIDED:
    case EVENT_SHARE_SET:
    case EVENT_LOG_DRAINED:
    case EVENT_LINK_CHANGED:
    case EVENT_HOST_CRASHED:
    case EVENT_BARRIER_SENT:
    case EVENT_BARRIER_ACKNOWLEDGED:
    case EVENT_CACHE_WRITTEN_BACK:
    case EVENT_DISK_WRITTEN:
    case EVENT_PACKET_FORWARDED:
    case EVENT_PACKET_DROPPED:
    case EVENT_TUNNEL_ENDED:
    case EVENT_PROGRESS_MADE:
    case EVENT_PAGES_ENCODED:
    case EVENT_LOG_FETCHED:
    case EVENT_DOWNTIME_FORECAST:
    case EVENT_CONSOLE_WRITTEN:
    case EVENT_RUN_ENDED:
    case EVENT_COUNT:
        break;
    }
    sample_after(trace, TRACE_SAMPLE_NS);
}

void trace_finish(struct trace *trace)
{
    sample_after(trace, 1); /* how it ended is to be seen */
    for (unsigned hart = 0; hart < TRACE_HARTS_MAX; hart++)
        close_fault(trace, hart, NULL);
    for (unsigned track = 0; track < TRACK_COUNT; track++)
        end_all(trace, track);
    for (unsigned client = 0; client < TIMELINE_CLIENTS_MAX; client++)
        if (trace->clients[client].outstanding > 0)
            silence(trace, client, false);
    trace_text(&trace->text, "\n]}\n");
}

void trace_fini(struct trace *trace)
{
    timeline_fini(&trace->timeline);
    bytes_fini(&trace->text);
}
