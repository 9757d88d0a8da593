/* ferry provenance: what became of a page of a recording, or which pages cost most for nothing. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "labs/command.h"
#include "labs/image.h"
#include "labs/people.h"
#include "labs/recording_file.h"
#include "labs/report.h"
#include "machine/hypercall.h"
#include "machine/lines.h"
#include "record/provenance.h"
#include "record/reading.h"

#define TOP_MAX 1000

struct telling {
    const struct options *options;
    struct bytes bytes;
    uint64_t total_pages;
    enum mode mode;
    char guest[512];
    bool is_model;
    struct image image; /* the guest's program; without data: names are not known */
    struct lines lines;
    uint64_t page_idx;
    uint32_t top; /* how many; 0: the page alone */
    struct output json;
};

/* ---- The recording ---- */

/* The value of a line "key = value" of the scenario; "" where there is none. */
static void scenario_value(const char *text, const char *key, char *value, size_t value_bytes)
{
    size_t key_bytes = strlen(key);

    *value = '\0';
    for (; *text != '\0'; text += strcspn(text, "\n"), text += *text == '\n')
        if (strncmp(text, key, key_bytes) == 0 && strncmp(text + key_bytes, " = ", 3) == 0)
            snprintf(value, value_bytes, "%.*s", (int)strcspn(text + key_bytes + 3, "\n"),
                     text + key_bytes + 3);
}

/* Names come from the guest's program, if it is the one of the recording. A recording is input from
 * anywhere: of itself it opens no file but the guests beside ferry; --elf names another. */
static enum status find_names(struct telling *telling, const char *digest, struct problem *problem)
{
    const char *path = telling->options->elf;
    struct scenario scenario;
    char found[17];

    scenario_init(&scenario);
    snprintf(scenario.guest, sizeof scenario.guest, "%s", path != NULL ? path : telling->guest);
    bool is_sought = path != NULL || (!telling->is_model && strpbrk(telling->guest, "./") == NULL);
    enum status status = is_sought
                             ? image_load(&telling->image, &scenario, path != NULL ? problem : NULL)
                             : STATUS_OK;
    scenario_fini(&scenario);
    if (status != STATUS_OK)
        telling->image = (struct image){.data = NULL};
    if (status != STATUS_OK && path != NULL)
        return status;
    snprintf(found, sizeof found, "%016llx",
             (unsigned long long)digest_of(telling->image.data, telling->image.bytes));
    bool is_told = *digest != '\0' && strcmp(digest, "none") != 0; /* of a real host it is not */
    if (telling->image.data != NULL && is_told && strcmp(found, digest) != 0) {
        fprintf(stderr,
                "ferry provenance: the recording is of another %.60s than %.200s: its "
                "functions are not named\n",
                telling->guest, path != NULL ? path : "is here");
        image_fini(&telling->image);
    }
    lines_init(&telling->lines, telling->image.data, telling->image.bytes);
    return STATUS_OK;
}

static enum status open_recording(struct telling *telling, struct problem *problem)
{
    const char *path = telling->options->file_path;
    struct problem detail = {STATUS_OK, ""};
    struct reading reading;
    char digest[32];

    if (path == NULL)
        return problem_set(problem, STATUS_USAGE,
                           "no recording named: write ferry provenance RECORDING PAGE, with what "
                           "ferry run --record wrote");
    if (recording_file_read(path, &telling->bytes, problem) != STATUS_OK)
        return problem->status;
    enum status status = reading_open(&reading, telling->bytes.data, telling->bytes.count, &detail);
    if (status != STATUS_OK)
        return problem_set(problem, status, "%.80s: %s", path, detail.text);
    telling->total_pages = reading.facts.total_pages;
    scenario_value(reading.recording.scenario_text, "guest", telling->guest, sizeof telling->guest);
    scenario_value(reading.recording.scenario_text, "image", digest, sizeof digest);
    telling->is_model = strncmp(telling->guest, "model:", 6) == 0;
    reading_close(&reading);
    return find_names(telling, digest, problem);
}

/* ---- Which page ---- */

static enum status find_page(struct telling *telling, struct problem *problem)
{
    const char *word = telling->options->page, *digits = word;
    bool is_address = word != NULL && strncmp(word, "0x", 2) == 0;
    char *end;

    if (word == NULL)
        return problem_set(problem, STATUS_USAGE,
                           "no page named: write its number, an address such as 0x80001000, or "
                           "--top 10");
    errno = 0;
    uint64_t number = strtoull(digits, &end, is_address ? 16 : 10);
    if (*word < '0' || *word > '9' || *end != '\0' || errno != 0)
        return problem_set(problem, STATUS_USAGE,
                           "\"%.40s\" is no page: write its number, or an address such as "
                           "0x80001000",
                           word);
    if (is_address && telling->is_model)
        return problem_set(problem, STATUS_USAGE,
                           "%.40s: a model's pages have no addresses: write a number", word);
    if (is_address && number < RAM_BASE)
        return problem_set(problem, STATUS_USAGE, "%.40s: memory begins at 0x%" PRIx64, word,
                           (uint64_t)RAM_BASE);
    telling->page_idx = is_address ? (number - RAM_BASE) / PAGE_BYTES : number;
    if (telling->page_idx >= telling->total_pages)
        return problem_set(problem, STATUS_USAGE, "%.40s: the guest has pages 0 to %llu", word,
                           (unsigned long long)telling->total_pages - 1);
    return STATUS_OK;
}

static enum status read_words(struct telling *telling, struct problem *problem)
{
    const char *top = telling->options->top;
    uint64_t number;

    if (top == NULL)
        return find_page(telling, problem);
    if (telling->options->page != NULL)
        return problem_set(problem, STATUS_USAGE,
                           "a page is named, and --top asks for many: keep one");
    if (units_parse(UNIT_COUNT, top, &number, NULL) != STATUS_OK || number < 1 || number > TOP_MAX)
        return problem_set(problem, STATUS_USAGE, "--top: \"%.40s\": write a number from 1 to %d",
                           top, TOP_MAX);
    if (telling->total_pages > PROVENANCE_PAGES_MAX)
        return problem_set(problem, STATUS_USAGE,
                           "--top is for guests of up to 64GiB: name a page");
    telling->top = (uint32_t)number;
    return STATUS_OK;
}

/* ---- The folds ---- */

static enum status fold(struct telling *telling, struct provenance *page,
                        struct provenance_all *all, struct problem *problem)
{
    struct problem detail = {STATUS_OK, ""};
    struct reading reading;
    struct event event;
    bool is_end = false;
    enum status status = reading_open(&reading, telling->bytes.data, telling->bytes.count, &detail);

    MUST(status == STATUS_OK); /* it was opened before */
    while ((status = reading_next(&reading, &event, &is_end, &detail)) == STATUS_OK && !is_end) {
        if (event.kind == EVENT_MIGRATION_STARTED)
            telling->mode = (enum mode)event.migration_started.mode;
        if (all != NULL)
            provenance_all_add(all, &event);
        else
            provenance_add(page, &event);
    }
    reading_close(&reading);
    if (status == STATUS_OK)
        return STATUS_OK;
    return problem_set(problem, status, "%.80s: %s", telling->options->file_path, detail.text);
}

/* ---- For people ---- */

static void write_place(const struct telling *telling, uint64_t pc, char *text, size_t text_bytes)
{
    if (pc == 0)
        snprintf(text, text_bytes, "no instruction of its own");
    else if (telling->image.data == NULL)
        snprintf(text, text_bytes, "0x%" PRIx64, pc);
    else {
        lines_write_place(&telling->lines, pc, text, text_bytes);
        size_t used = strlen(text);
        snprintf(text + used, text_bytes - used, ", 0x%" PRIx64, pc);
    }
}

static void print_item(const struct telling *telling, const struct provenance_item *item)
{
    struct people people = {0};
    char place[200], round[40];

    printf("  %12s  ", people_time(&people, item->at_ns));
    switch (item->what) {
    case HAPPENED_WRITE:
        write_place(telling, item->pc, place, sizeof place);
        printf("written at host %c by hart %llu: %s\n", item->host == HOST_SOURCE ? 'A' : 'B',
               (unsigned long long)item->hart_idx, place);
        return;
    case HAPPENED_SENT:
        snprintf(round, sizeof round, "in round %llu%s", (unsigned long long)item->round_idx,
                 item->is_paused ? ", paused" : "");
        printf("sent %s: %s, %s, %s\n",
               item->round_idx == PROVENANCE_NO_ROUND ? "outside the rounds" : round,
               why_name(item->why), page_form_name(item->form), people_bytes(&people, item->bytes));
        return;
    case HAPPENED_GIVEN_AWAY:
        printf("given away by the guest: told of, and not sent\n");
        return;
    case HAPPENED_ASKED:
        printf("asked for: hart %llu touched it at host B\n", (unsigned long long)item->hart_idx);
        return;
    case HAPPENED_WAITED:
        printf("there: hart %llu had waited for %s\n", (unsigned long long)item->hart_idx,
               people_time(&people, item->wait_ns));
        return;
    }
}

static void print_page(const struct telling *telling, const struct provenance *page)
{
    const struct provenance_cost *cost = &page->cost;
    uint64_t address = RAM_BASE + page->page_idx * PAGE_BYTES;
    struct people people = {0};

    printf("page %llu of %s", (unsigned long long)page->page_idx, telling->guest);
    if (!telling->is_model)
        printf(", 0x%" PRIx64 " to 0x%" PRIx64, address, address + PAGE_BYTES - 1);
    printf(", moved by %s\n\n", mode_name(telling->mode));
    for (uint32_t i = 0; i < page->item_count; i++)
        print_item(telling, &page->items[i]);
    printf("\n  written %s times since it was watched, sent %s times: %s\n",
           people_count(&people, cost->writes), people_count(&people, cost->copies),
           people_bytes(&people, cost->bytes));
    printf("  for nothing: %s, in copies that were of no use in the end\n",
           people_bytes(&people, cost->wasted_bytes));
    printf("  waited for: %s\n", people_time(&people, cost->waited_ns));
}

static void print_top(const struct telling *telling, const struct provenance_all *all,
                      const uint64_t *page_idxs, uint32_t count)
{
    printf("%10s%8s%12s%12s%9s  %s\n", "page", "copies", "bytes", "wasted", "written",
           "last written by");
    for (uint32_t i = 0; i < count; i++) {
        const struct provenance_cost *cost = &all->costs[page_idxs[i]];
        struct people people = {0};
        char place[200];
        write_place(telling, cost->last_pc, place, sizeof place);
        printf("%10llu%8u%12s%12s%9u  %.27s\n", (unsigned long long)page_idxs[i], cost->copies,
               people_bytes(&people, cost->bytes), people_bytes(&people, cost->wasted_bytes),
               cost->writes, place);
    }
    if (count == 0)
        printf("\nno page was sent for nothing\n");
}

/* ---- For programs ---- */

static json_t *integer(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *cost_json(const struct telling *telling, uint64_t page_idx,
                         const struct provenance_cost *cost)
{
    json_t *object = json_object();

    json_object_set_new(object, "page", integer(page_idx));
    json_object_set_new(object, "address",
                        telling->is_model ? json_null()
                                          : integer(RAM_BASE + page_idx * PAGE_BYTES));
    json_object_set_new(object, "copies", integer(cost->copies));
    json_object_set_new(object, "writes", integer(cost->writes));
    json_object_set_new(object, "bytes", integer(cost->bytes));
    json_object_set_new(object, "wasted_bytes", integer(cost->wasted_bytes));
    json_object_set_new(object, "waited_ns", integer(cost->waited_ns));
    return object;
}

static json_t *item_json(const struct telling *telling, const struct provenance_item *item)
{
    static const char *const names[] = {"written", "sent", "given-away", "asked", "waited"};
    json_t *object = json_object();
    char place[200];

    json_object_set_new(object, "at_ns", integer(item->at_ns));
    json_object_set_new(object, "what", json_string(names[item->what]));
    if (item->what == HAPPENED_SENT) {
        json_object_set_new(object, "round",
                            item->round_idx == PROVENANCE_NO_ROUND ? json_null()
                                                                   : integer(item->round_idx));
        json_object_set_new(object, "paused", json_boolean(item->is_paused));
        json_object_set_new(object, "why", json_string(why_name(item->why)));
        json_object_set_new(object, "form", json_string(page_form_name(item->form)));
        json_object_set_new(object, "bytes", integer(item->bytes));
        return object;
    }
    if (item->what == HAPPENED_GIVEN_AWAY)
        return object;
    json_object_set_new(object, "hart", integer(item->hart_idx));
    if (item->what == HAPPENED_WAITED)
        json_object_set_new(object, "wait_ns", integer(item->wait_ns));
    if (item->what == HAPPENED_WRITE) {
        write_place(telling, item->pc, place, sizeof place);
        json_object_set_new(object, "host", integer(item->host));
        json_object_set_new(object, "pc", item->pc == 0 ? json_null() : integer(item->pc));
        json_object_set_new(object, "place", item->pc == 0 ? json_null() : json_string(place));
    }
    return object;
}

static json_t *head_json(const struct telling *telling)
{
    json_t *object = json_object();
    json_t *guest = json_string(telling->guest);

    json_object_set_new(object, "schema", json_string("ferry.provenance/1"));
    json_object_set_new(object, "guest", guest != NULL ? guest : json_string("?"));
    json_object_set_new(object, "mode", json_string(mode_name(telling->mode)));
    return object;
}

static bool is_told(const struct telling *telling)
{
    return !telling->options->is_quiet && telling->json.file != stdout;
}

static enum status tell_page(struct telling *telling, struct problem *problem)
{
    struct provenance page;

    provenance_init(&page, telling->page_idx);
    enum status status = fold(telling, &page, NULL, problem);
    if (status == STATUS_OK && is_told(telling))
        print_page(telling, &page);
    if (status == STATUS_OK && telling->json.file != NULL) {
        json_t *object = head_json(telling), *items = json_array();
        json_t *cost = cost_json(telling, page.page_idx, &page.cost);
        for (uint32_t i = 0; i < page.item_count; i++)
            json_array_append_new(items, item_json(telling, &page.items[i]));
        json_object_update(object, cost);
        json_decref(cost);
        json_object_set_new(object, "history", items);
        report_write(object, telling->json.file);
    }
    provenance_fini(&page);
    return status;
}

static enum status tell_top(struct telling *telling, struct problem *problem)
{
    struct provenance_all all;
    uint64_t *page_idxs = calloc(telling->top + 1, sizeof *page_idxs);

    MUST(page_idxs != NULL);
    provenance_all_init(&all, telling->total_pages);
    enum status status = fold(telling, NULL, &all, problem);
    uint32_t count = provenance_all_top(&all, telling->top, page_idxs);
    if (status == STATUS_OK && is_told(telling))
        print_top(telling, &all, page_idxs, count);
    if (status == STATUS_OK && telling->json.file != NULL) {
        json_t *object = head_json(telling), *pages = json_array();
        for (uint32_t i = 0; i < count; i++)
            json_array_append_new(pages,
                                  cost_json(telling, page_idxs[i], &all.costs[page_idxs[i]]));
        json_object_set_new(object, "pages", pages);
        report_write(object, telling->json.file);
    }
    provenance_all_fini(&all);
    free(page_idxs);
    return status;
}

int command_provenance(const struct command *command, int word_count, char **words)
{
    struct options options;
    struct telling telling = {.options = &options};
    struct problem problem = {STATUS_OK, ""};
    int status = EXIT_DONE;

    if (options_parse(&options, command->takes, NULL, word_count, words, &problem) != STATUS_OK)
        status = command_refuse(command, &problem);
    else if (options.is_help)
        status = command_print_help(command);
    else if (open_recording(&telling, &problem) != STATUS_OK ||
             read_words(&telling, &problem) != STATUS_OK ||
             output_open(&telling.json, options.json_path, &problem) != STATUS_OK ||
             (telling.top > 0 ? tell_top(&telling, &problem) : tell_page(&telling, &problem)) !=
                 STATUS_OK ||
             output_finish(&telling.json, &problem) != STATUS_OK)
        status = command_refuse(command, &problem);
    output_discard(&telling.json);
    lines_fini(&telling.lines);
    image_fini(&telling.image);
    bytes_fini(&telling.bytes);
    options_fini(&options);
    return status;
}
