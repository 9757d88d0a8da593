/* The consistent cut in a report: nothing of it where nothing was done for it. */
#include "labs/people.h"
#include "labs/report.h"

void report_print_cut(const struct timeline *timeline, FILE *file)
{
    const struct cut_counts *cut = &timeline->cut;
    struct people people = {0};

    if (cut->barriers_sent > 0)
        fprintf(file, "  %-18s%s, for %s flushed pages; harts waited %s,\n  %-18sat most %s\n",
                "barriers", people_count(&people, cut->barriers_sent),
                people_count(&people, cut->flushed_pages),
                people_time(&people, cut->barrier_wait_ns), "",
                people_time(&people, cut->barrier_wait_max_ns));
    if (cut->lines_written_back > 0)
        fprintf(file, "  %-18s%s lines of the cache written back, %s more pages dirty\n",
                "at the cut", people_count(&people, cut->lines_written_back),
                people_count(&people, cut->pages_written_back));
    if (cut->disk_blocks_written > 0)
        fprintf(file, "  %-18s%s blocks written\n", "disk",
                people_count(&people, cut->disk_blocks_written));
}

json_t *report_cut_json(const struct timeline *timeline)
{
    const struct cut_counts *cut = &timeline->cut;
    const struct {
        const char *key;
        uint64_t value;
    } numbers[] = {
        {"barriers_sent", cut->barriers_sent},
        {"barriers_acknowledged", cut->barriers_acknowledged},
        {"barrier_wait_ns", cut->barrier_wait_ns},
        {"barrier_wait_max_ns", cut->barrier_wait_max_ns},
        {"flushed_pages", cut->flushed_pages},
        {"lines_written_back", cut->lines_written_back},
        {"pages_written_back", cut->pages_written_back},
        {"disk_blocks_written", cut->disk_blocks_written},
    };
    json_t *object = json_object();

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        json_object_set_new(object, numbers[i].key, json_integer((json_int_t)numbers[i].value));
    return object;
}
