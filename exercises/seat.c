#include "exercises/seat.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "exercises/seat_words.h"
#include "machine/elf.h"
#include "machine/hart.h"
#include "machine/lines.h"

/* Registers by their number. */
enum { RA = 1, SP = 2, S0 = 8, A0 = 10, A1 = 11, A2 = 12, A7 = 17 };

#define STACK_END      (RAM_BASE + SEAT_STACK_BYTES)
#define PAGE_COUNT     (SEAT_MEMORY_BYTES / PAGE_BYTES)
#define PROGRAM_BEGIN  STACK_END
#define PROGRAM_HALVES ((SEAT_DATA - PROGRAM_BEGIN) / 2)
#define SAY_MAX        200 /* bytes of one text */
#define DECISION_MAX   160 /* as long as a reason on the wire: message.h */
#define DECISIONS_MAX  400 /* of those of one instant together */
/* Of instructions in a row that the compiler counts to no line: it makes a few at most. */
#define NEAR_BYTES 64
/* Of a function's name: some people's are longer than a line. */
#define FUNCTION_MAX 60

_Static_assert(SEAT_MEMO_BYTES == MEMO_BYTES, "the memo has one size");
_Static_assert((int)SEAT_ACTION_WAIT == (int)ACTION_WAIT, "actions have one number");
_Static_assert((int)SEAT_ACTION_SEND == (int)ACTION_SEND, "actions have one number");
_Static_assert((int)SEAT_ACTION_FETCH == (int)ACTION_FETCH, "actions have one number");
_Static_assert((int)SEAT_ACTION_PAUSE == (int)ACTION_PAUSE, "actions have one number");
_Static_assert((int)SEAT_ACTION_HAND_OVER == (int)ACTION_HAND_OVER, "actions have one number");
_Static_assert((int)SEAT_ACTION_GIVE_UP == (int)ACTION_GIVE_UP, "actions have one number");

struct seat {
    struct strategy strategy;
    bool is_traced;

    /* The second machine: a hart and its memory, and how the memory was at first. */
    struct guest guest; /* its pages alone */
    struct memory memory;
    struct hart hart;
    uint64_t entry;
    uint64_t charged; /* instructions that calls of the host stand for, in this decision */
    uint64_t run_budget;
    uint8_t *pristine; /* owned; SEAT_MEMORY_BYTES */

    /* What people see. */
    struct lines lines;
    struct session_code code;
    char *text;                  /* owned: the source, cut into lines */
    const char **text_lines;     /* owned */
    bool *is_passed;             /* owned */
    bool *is_brace;              /* owned: nothing but an end of a block: it decides nothing */
    uint32_t *line_at;           /* owned: the student's line of each halfword; 0: none of theirs */
    char decision[DECISION_MAX]; /* the last one, */
    char decisions[DECISIONS_MAX]; /* and those before it at the same instant */
    struct bytes said;             /* in this run, lines, NUL-terminated */
    size_t said_before;            /* how much of it was said before this decision */
    struct seat_counts counts;
};

static const struct hart_clock no_clock = {.ticks_per_s = 1000000000};

/* ---- Where in the student's file ---- */

static bool is_own_place(const struct seat *seat, uint64_t address, struct lines_place *place)
{
    return lines_find(&seat->lines, address, place) && place->file != NULL &&
           strcmp(place->file, seat->code.name) == 0 && place->line <= seat->code.line_count;
}

/* The same, but an instruction that the compiler counts to no line stands for the one before it. */
static bool is_near_own_place(const struct seat *seat, uint64_t address, struct lines_place *place)
{
    struct lines_place here;

    if (!lines_find(&seat->lines, address, &here) || here.function == NULL)
        return false;
    for (uint64_t back = 0; back <= NEAR_BYTES; back += 2)
        if (is_own_place(seat, address - back, place))
            return place->function == here.function;
    return false;
}

static bool read_word(const struct seat *seat, uint64_t address, uint64_t *word)
{
    if (address % sizeof *word != 0 ||
        memory_check_load(&seat->memory, address, sizeof *word).result != MEMORY_OK)
        return false;
    memcpy(word, memory_at(&seat->memory, address), sizeof *word);
    return true;
}

/* The innermost line of the student's own that is being executed: at pc, or in one of the callers.
 *
 *     s0 ->  | caller's frame |
 *     s0-8   | return address |
 *     s0-16  | caller's s0    |      (RISC-V calling convention, with frame pointers kept)
 */
static bool find_place(const struct seat *seat, struct lines_place *place)
{
    uint64_t frame = seat->hart.x[S0], address = seat->hart.x[RA], outer;

    if (is_near_own_place(seat, seat->hart.pc, place))
        return true;
    for (int depth = 0; depth < SEAT_FRAMES_MAX; depth++) {
        /* Of the call, not of what stands behind it. */
        if (is_own_place(seat, address - 1, place))
            return true;
        if (!read_word(seat, frame - 8, &address) || !read_word(seat, frame - 16, &outer) ||
            outer <= frame)
            return false;
        frame = outer;
    }
    return false;
}

/* ---- Decisions that cannot be made ---- */

/* "stop_and_copy.c:23: in next: what happened". */
static void fail(struct seat *seat, struct action *action, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void fail(struct seat *seat, struct action *action, const char *format, ...)
{
    struct lines_place place;
    char where[FUNCTION_MAX + PROGRAM_NAME_MAX + 40];
    va_list arguments;

    snprintf(where, sizeof where, "%s", seat->code.name);
    if (find_place(seat, &place)) {
        const char *function = place.function != NULL ? place.function : "its code";
        seat->code.line = place.line;
        snprintf(where, sizeof where, "%s:%u: in %.*s", seat->code.name, place.line,
                 (int)utf8_cut(function, FUNCTION_MAX), function);
        utf8_make_showable(where, strlen(where), ' ');
    }
    va_start(arguments, format);
    vsnprintf(seat->decision, sizeof seat->decision, format, arguments);
    va_end(arguments);
    /* Where comes first, and what may be cut is the name of a function. */
    size_t room = sizeof seat->decision - strlen(seat->decision) - 3;
    size_t count = utf8_cut(where, room);
    memmove(seat->decision + count + 2, seat->decision, strlen(seat->decision) + 1);
    memcpy(seat->decision, where, count);
    memcpy(seat->decision + count, ": ", 2);
    seat->code.has_failed = true;
    *action = (struct action){.kind = ACTION_GIVE_UP, .reason = seat->decision};
}

static bool is_stack_used_up(const struct seat *seat)
{
    /* A function may have made room for more than there is at once. */
    uint64_t below = 64ull * SEAT_MEMORY_BYTES;
    return seat->hart.x[SP] - (RAM_BASE - below) < below + PAGE_BYTES;
}

static void fail_at_access(struct seat *seat, struct action *action, const char *what,
                           uint64_t address)
{
    if (is_stack_used_up(seat))
        fail(seat, action,
             "the stack of %d KiB is used up (a function that calls itself, or a large variable?)",
             SEAT_STACK_BYTES / 1024);
    else
        fail(seat, action, "a %s through a %s pointer (address 0x%llx)", what,
             address < PAGE_BYTES ? "null" : "wild", (unsigned long long)address);
}

static void fail_by_fault(struct seat *seat, struct action *action,
                          const struct hart_result *result)
{
    unsigned long long value = result->fault_value;

    switch (result->fault) {
    case FAULT_LOAD_ACCESS:
        fail_at_access(seat, action, "read", result->fault_value);
        return;
    case FAULT_STORE_ACCESS:
        fail_at_access(seat, action, "write", result->fault_value);
        return;
    case FAULT_FETCH_ACCESS:
        fail(seat, action, "a jump to 0x%llx, where no code is (a wild function pointer?)", value);
        return;
    case FAULT_ILLEGAL:
    case FAULT_LOAD_MISALIGNED:
    case FAULT_ATOMIC_MISALIGNED:
        fail(seat, action, "%s (0x%llx)", fault_name(result->fault), value);
        return;
    case FAULT_BREAKPOINT:
    case FAULT_USER_ECALL:
        fail(seat, action, "%s", fault_name(result->fault));
        return;
    }
}

/* ---- What a strategy may ask ---- */

static void hear(struct seat *seat, struct action *action)
{
    const uint64_t *x = seat->hart.x;
    uint64_t count = x[A1] < SAY_MAX ? x[A1] : SAY_MAX;
    char line[SAY_MAX + 32];
    int used = 0;

    if (memory_check_load(&seat->memory, x[A0], count).result != MEMORY_OK) {
        fail_at_access(seat, action, "read", x[A0]);
        return;
    }
    memcpy(line, memory_at(&seat->memory, x[A0]), count);
    utf8_make_showable(line, count, ' ');
    used = (int)count;
    used += snprintf(line + used, sizeof line - (size_t)used, " %llu\n", (unsigned long long)x[A2]);
    if (seat->said.count + (size_t)used <= SEAT_SAID_MAX) {
        seat->said.count--; /* the NUL */
        bytes_put(&seat->said, line, (size_t)used + 1);
    }
}

static const struct bitmap *set_of(const struct view *view, uint64_t kind)
{
    return kind == SEAT_PAGES_TO_SEND ? view->to_send : kind == SEAT_PAGES_SENT ? view->sent : NULL;
}

/* SEAT_PAGE_NEXT and SEAT_PAGE_RUN. The sets are looked through in words of 64 pages: each counts.
 */
static void look_for_pages(struct seat *seat, const struct view *view, const struct bitmap *set)
{
    uint64_t *x = seat->hart.x;
    uint64_t from = x[A0], total = view->total_pages;

    if (x[A7] == SEAT_PAGE_NEXT) {
        x[A0] = from < total ? bitmap_next(set, from) : PAGE_NONE;
        seat->charged += from < total ? ((x[A0] == PAGE_NONE ? total : x[A0]) - from) / 64 : 0;
    } else {
        x[A0] = from < total ? bitmap_run(set, from, x[A2]) : 0;
        seat->charged += x[A0] / 64;
    }
}

/* False when the decision ends here: it is made, or cannot be. */
static bool answer(struct seat *seat, const struct view *view, struct action *action)
{
    uint64_t *x = seat->hart.x;
    const struct bitmap *set = set_of(view, x[A1]);

    switch (x[A7]) {
    case SEAT_DONE:
        return false;
    case SEAT_SAY:
        hear(seat, action);
        break;
    case SEAT_PAGE_NEXT:
    case SEAT_PAGE_RUN:
        if (set == NULL)
            fail(seat, action, "pages of kind %lld: write PAGE_TO_SEND or PAGE_SENT",
                 (long long)x[A1]);
        else
            look_for_pages(seat, view, set);
        break;
    default:
        fail(seat, action, "an environment call that there is not (a7 = %llu)",
             (unsigned long long)x[A7]);
    }
    if (seat->code.has_failed)
        return false;
    hart_finish_ecall(&seat->hart, true);
    return true;
}

/* ---- One decision ---- */

/* Notes the line that the next instruction belongs to, where it is one of the student's. */
static void trace(struct seat *seat)
{
    uint64_t at = (seat->hart.pc - PROGRAM_BEGIN) / 2;
    uint32_t line = at < PROGRAM_HALVES ? seat->line_at[at] : 0;

    if (line == 0)
        return;
    seat->is_passed[line - 1] = true;
    if (!seat->is_brace[line - 1])
        seat->code.line = line;
}

/* Instructions of this decision so far. */
static uint64_t spent(const struct seat *seat)
{
    return seat->hart.cycles + seat->charged; /* traps, too, take their time */
}

static void run(struct seat *seat, const struct view *view, struct action *action)
{
    struct hart_result result;

    uint64_t left_in_run = seat->run_budget > seat->counts.instructions
                               ? seat->run_budget - seat->counts.instructions
                               : 0;
    uint64_t budget = left_in_run < SEAT_BUDGET ? left_in_run : SEAT_BUDGET;

    while (spent(seat) < budget) {
        uint64_t left = budget - spent(seat);
        if (seat->is_traced)
            trace(seat);
        hart_run(&seat->hart, &seat->memory, &no_clock, seat->is_traced ? 1 : left, &result);
        switch (result.stop) {
        case HART_BUDGET:
            continue;
        case HART_ECALL:
            if (!answer(seat, view, action))
                return;
            continue;
        case HART_DIRTIED: /* the first write to a page: it is put back afterwards */
            if (result.page_idx < (PROGRAM_BEGIN - RAM_BASE) / PAGE_BYTES ||
                result.page_idx >= (SEAT_DATA - RAM_BASE) / PAGE_BYTES)
                continue;
            fail(seat, action, "a write into the program itself (through a wild pointer?)");
            return;
        case HART_FAULT:
            fail_by_fault(seat, action, &result);
            return;
        case HART_WAIT:
            fail(seat, action, "a wait for an interrupt: none will come");
            return;
        case HART_MISSING:
        case HART_FLUSHED:
        case HART_HELD:
            MUST(false); /* every page is there, nothing is cached, and nobody debugs it */
        }
    }
    if (budget == SEAT_BUDGET)
        fail(seat, action, "an endless loop: %d instructions without a decision", SEAT_BUDGET);
    else
        fail(seat, action,
             "%llu instructions are used up in one run (does it end? or is every page looked at "
             "for every page?)",
             (unsigned long long)seat->run_budget);
}

/* A strategy is asked in its four phases alone. */
static enum seat_phase phase_of(const struct view *view)
{
    MUST(view->phase == PHASE_COPY || view->phase == PHASE_PAUSE ||
         view->phase == PHASE_HAND_OVER || view->phase == PHASE_POST_COPY);
    return view->phase == PHASE_COPY        ? SEAT_PHASE_COPY
           : view->phase == PHASE_PAUSE     ? SEAT_PHASE_PAUSE
           : view->phase == PHASE_HAND_OVER ? SEAT_PHASE_HAND_OVER
                                            : SEAT_PHASE_POST_COPY;
}

void seat_words_of(const struct view *view, uint64_t words[SEAT_VIEW_COUNT])
{
    const uint64_t phase = phase_of(view);
    const uint64_t is_link_idle = view->is_link_idle;
    const uint64_t now_ns = view->now_ns;
    const uint64_t total_pages = view->total_pages;
    const uint64_t pages_to_send = view->to_send->set_count;
    const uint64_t page_bytes = view->page_bytes;
    const uint64_t state_bytes = view->state_bytes;
    const uint64_t half_rtt_ns = view->half_rtt_ns;
    const uint64_t rounds_done = view->rounds_done;
    const uint64_t last_round_pages_sent = view->last.pages_sent;
    const uint64_t last_round_bytes_sent = view->last.bytes_sent;
    const uint64_t last_round_dirtied_pages = view->last.dirtied_pages;
    const uint64_t last_round_duration_ns = view->last.duration_ns;
    const uint64_t downtime_limit_ns = view->limits.downtime_ns;
    const uint64_t max_rounds = view->limits.max_rounds;

#define PUT_WORD(name) *words++ = name;
    SEAT_VIEW_WORDS(PUT_WORD)
#undef PUT_WORD
}

static void lay_desk(struct seat *seat, const struct view *view, const void *memo)
{
    uint64_t words[SEAT_VIEW_COUNT];
    _Static_assert(sizeof words <= SEAT_ACTION_AT - SEAT_VIEW_AT, "the view fits on the desk");

    seat_words_of(view, words);
    memcpy(memory_at(&seat->memory, SEAT_DESK + SEAT_VIEW_AT), words, sizeof words);
    memcpy(memory_at(&seat->memory, SEAT_DESK + SEAT_MEMO_AT), memo, SEAT_MEMO_BYTES);
}

/* Behind the memo nothing is laid, and nothing should be found. */
static bool is_desk_clean(const struct seat *seat)
{
    const uint8_t *behind = memory_at(&seat->memory, SEAT_DESK + SEAT_MEMO_AT + SEAT_MEMO_BYTES);

    for (size_t i = 0; i < PAGE_BYTES - SEAT_MEMO_AT - SEAT_MEMO_BYTES; i++)
        if (behind[i] != 0)
            return false;
    return true;
}

static void clear_desk(struct seat *seat, void *memo, struct action *action)
{
    uint64_t words[SEAT_ACTION_COUNT];

    if (!seat->code.has_failed) {
        memcpy(words, memory_at(&seat->memory, SEAT_DESK + SEAT_ACTION_AT), sizeof words);
        action->kind = (enum action_kind)words[SEAT_KIND];
        if (action->kind == ACTION_SEND) { /* of no other, whatever is left in them */
            action->first_idx = words[SEAT_FIRST_IDX];
            action->count = words[SEAT_COUNT];
        }
        memcpy(memo, memory_at(&seat->memory, SEAT_DESK + SEAT_MEMO_AT), SEAT_MEMO_BYTES);
    }
    memset(memory_at(&seat->memory, SEAT_DESK), 0, PAGE_BYTES);
    for (uint64_t idx = 0; (idx = bitmap_next(&seat->guest.dirty, idx)) != BITMAP_NONE; idx++)
        memory_install(&seat->memory, idx, seat->pristine + idx * PAGE_BYTES);
}

static void describe(struct seat *seat, const struct action *action)
{
    /* student.h knows no others. */
    const char *name = action->kind <= ACTION_GIVE_UP ? action_name(action->kind) : NULL;
    unsigned long long first_idx = action->first_idx, count = action->count;

    if (seat->code.has_failed)
        return;
    if (name == NULL)
        snprintf(seat->decision, sizeof seat->decision, "action %d, which there is not",
                 (int)action->kind);
    else if (action->kind == ACTION_SEND)
        snprintf(seat->decision, sizeof seat->decision, "SEND %llu page%s from page %llu on", count,
                 count == 1 ? "" : "s", first_idx);
    else
        snprintf(seat->decision, sizeof seat->decision, "%s", name);
}

/* What takes no time is decided at the same instant as what follows: PAUSE, then SEND. All of it is
 * to be seen. */
static void add_decision(struct seat *seat)
{
    size_t used = strlen(seat->decisions);

    if (used > DECISIONS_MAX - DECISION_MAX - 8) { /* FETCH after FETCH: the last is told */
        snprintf(seat->decisions, DECISIONS_MAX, "...");
        used = 3;
    }
    snprintf(seat->decisions + used, DECISIONS_MAX - used, "%s%s", used > 0 ? ", then " : "",
             seat->decision);
}

static void seat_next(const struct view *view, void *memo, struct action *action)
{
    struct seat *seat = view->outside;

    seat->hart = (struct hart){0};
    hart_start(&seat->hart, seat->entry, 0, 0);
    seat->memory.reservations[0].byte_count = 0;
    seat->hart.x[SP] = STACK_END;
    bool is_same_instant = seat->code.decided_at_ns == view->now_ns;

    seat->charged = 0;
    seat->run_budget = SEAT_RUN_BUDGET + SEAT_PAGE_BUDGET * view->total_pages;
    seat->code.has_failed = false;
    seat->code.line = 0;
    if (!is_same_instant) {
        memset(seat->is_passed, 0, seat->code.line_count * sizeof *seat->is_passed);
        seat->said_before = seat->said.count - 1;
        seat->decisions[0] = '\0';
        seat->code.instructions = 0;
    }

    lay_desk(seat, view, memo);
    run(seat, view, action);
    if (!seat->code.has_failed && !is_desk_clean(seat))
        fail(seat, action, "a write behind the memo, which has %d bytes", MEMO_BYTES);
    clear_desk(seat, memo, action);

    describe(seat, action);
    seat->code.decided_at_ns = view->now_ns;
    add_decision(seat);
    seat->code.decision = seat->decisions;
    seat->code.instructions += spent(seat);
    seat->code.said = (const char *)seat->said.data + seat->said_before;
    seat->counts.decisions++;
    seat->counts.instructions += spent(seat);
    if (spent(seat) > seat->counts.instructions_max)
        seat->counts.instructions_max = spent(seat);
}

static void seat_begin(void *outside)
{
    struct seat *seat = outside;

    seat->counts = (struct seat_counts){0};
    bytes_clear(&seat->said);
    bytes_put_u8(&seat->said, 0);
    seat->code.decided_at_ns = UINT64_MAX;
    seat->code.decision = "";
    seat->code.said = "";
    seat->code.has_failed = false;
    seat->code.line = 0;
    memset(seat->is_passed, 0, seat->code.line_count * sizeof *seat->is_passed);
}

/* ---- A seat's life ---- */

/* The source as lines. What could steer a terminal is shown as a question mark. */
static void cut_into_lines(struct seat *seat, const struct program *program)
{
    size_t bytes = program->source.count; /* with its NUL */
    uint32_t count = 1;

    seat->text = malloc(bytes);
    MUST(seat->text != NULL);
    memcpy(seat->text, program->source.data, bytes);
    for (size_t i = 0; i + 1 < bytes; i++) /* a lone carriage return ends a line, as clang has it */
        if (seat->text[i] == '\r' && seat->text[i + 1] != '\n')
            seat->text[i] = '\n';
    for (size_t i = 0; i < bytes; i++)
        count += seat->text[i] == '\n';
    seat->text_lines = calloc(count, sizeof *seat->text_lines);
    seat->is_passed = calloc(count, sizeof *seat->is_passed);
    seat->is_brace = calloc(count, sizeof *seat->is_brace);
    MUST(seat->text_lines != NULL && seat->is_passed != NULL && seat->is_brace != NULL);
    char *at = seat->text;
    for (uint32_t i = 0; i < count; i++) {
        size_t length = strcspn(at, "\n");
        seat->text_lines[i] = at;
        if (length > 0 && at[length - 1] == '\r') /* as some systems end their lines */
            at[length - 1] = ' ';
        utf8_make_showable(at, length, '\t');
        at[length] = '\0';
        seat->is_brace[i] = at[strspn(at, "} \t;\r")] == '\0';
        at += length + 1;
    }
    seat->code.name = program->name;
    seat->code.lines = seat->text_lines;
    seat->code.line_count = count;
    seat->code.is_passed = seat->is_passed;
}

static void look_up_lines(struct seat *seat)
{
    const struct lines *lines = &seat->lines;

    seat->line_at = calloc(PROGRAM_HALVES, sizeof *seat->line_at);
    MUST(seat->line_at != NULL);
    for (size_t i = 0; i + 1 < lines->row_count; i++) {
        const struct lines_row *row = &lines->rows[i];
        if (row->line == 0 || row->line > seat->code.line_count ||
            strcmp(lines->files[row->file_idx], seat->code.name) != 0)
            continue;
        /* The table comes with the image: what it says of addresses outside the program is not
         * followed. */
        uint64_t begin = row->address < PROGRAM_BEGIN ? PROGRAM_BEGIN : row->address;
        uint64_t end = row[1].address < SEAT_DATA ? row[1].address : SEAT_DATA;
        for (uint64_t address = begin; address < end; address += 2)
            seat->line_at[(address - PROGRAM_BEGIN) / 2] = row->line;
    }
}

enum status seat_open(struct seat **opened, const struct program *program, enum mode mode,
                      bool is_traced, struct problem *problem)
{
    struct seat *seat = calloc(1, sizeof *seat);
    MUST(seat != NULL);
    bitmap_init(&seat->guest.present, PAGE_COUNT);
    bitmap_init(&seat->guest.dirty, PAGE_COUNT);
    seat->guest.total_pages = PAGE_COUNT;
    memory_init(&seat->memory, &seat->guest, SEAT_MEMORY_BYTES);
    seat->is_traced = is_traced;
    seat->strategy = (struct strategy){mode, seat_next, seat, seat_begin};
    lines_init(&seat->lines, program->image.data, program->image.count);
    cut_into_lines(seat, program);
    look_up_lines(seat);
    seat->code.mode = mode;
    seat_begin(seat);

    enum status status = elf_load(program->name, program->image.data, program->image.count,
                                  seat->memory.ram, SEAT_DESK - RAM_BASE, &seat->entry, problem);
    if (status != STATUS_OK) {
        seat_close(seat);
        return status;
    }
    bitmap_set_all(&seat->guest.present);
    seat->guest.is_tracking = true;
    seat->pristine = malloc(SEAT_MEMORY_BYTES);
    MUST(seat->pristine != NULL);
    memcpy(seat->pristine, seat->memory.ram, SEAT_MEMORY_BYTES);
    *opened = seat;
    return STATUS_OK;
}

void seat_close(struct seat *seat)
{
    memory_fini(&seat->memory);
    bitmap_fini(&seat->guest.present);
    bitmap_fini(&seat->guest.dirty);
    lines_fini(&seat->lines);
    bytes_fini(&seat->said);
    free(seat->pristine);
    free(seat->text);
    free(seat->text_lines);
    free(seat->is_passed);
    free(seat->line_at);
    free(seat->is_brace);
    free(seat);
}

void seat_trace(struct seat *seat, bool is_traced)
{
    seat->is_traced = is_traced;
}

const struct strategy *seat_strategy(const struct seat *seat)
{
    return &seat->strategy;
}

const struct session_code *seat_code(const struct seat *seat)
{
    return &seat->code;
}

const struct seat_counts *seat_counts(const struct seat *seat)
{
    return &seat->counts;
}

const char *seat_said(const struct seat *seat)
{
    return (const char *)seat->said.data;
}
