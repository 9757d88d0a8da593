/* In which forms the pages of a run travelled, and what that saved (wire/page_codec.h). */
#include "labs/people.h"
#include "labs/report.h"
#include "wire/message_pages.h"

/* Beside all pages as they are; those that the guest gave away would have been sent as well. */
static uint64_t saved_bytes(const struct timeline *timeline)
{
    uint64_t pages = 0, bytes = 0;
    for (unsigned form = 0; form < PAGE_FORM_COUNT; form++) {
        pages += timeline->pages_by_form[form];
        bytes += timeline->bytes_by_form[form];
    }
    return pages * MESSAGE_PAGE_WIRE_BYTES - bytes;
}

static bool has_forms(const struct timeline *timeline)
{
    return timeline->encoding_ns > 0 || timeline->pages_by_form[PAGE_FORM_FREE] > 0;
}

static json_t *integer(uint64_t value)
{
    return json_integer((json_int_t)value);
}

json_t *report_forms_json(const struct timeline *timeline)
{
    json_t *object = json_object(), *forms = json_object(), *delta = json_object();

    for (unsigned form = 0; form < PAGE_FORM_COUNT; form++) {
        json_t *counts = json_object();
        json_object_set_new(counts, "pages", integer(timeline->pages_by_form[form]));
        json_object_set_new(counts, "bytes", integer(timeline->bytes_by_form[form]));
        json_object_set_new(forms, page_form_name((enum page_form)form), counts);
    }
    json_object_set_new(delta, "hits", integer(timeline->delta_hits));
    json_object_set_new(delta, "misses", integer(timeline->delta_misses));
    json_object_set_new(delta, "overflows", integer(timeline->delta_overflows));
    json_object_set_new(object, "forms", forms);
    json_object_set_new(object, "delta_cache", delta);
    json_object_set_new(object, "saved_bytes", integer(saved_bytes(timeline)));
    json_object_set_new(object, "encoding_ns", integer(timeline->encoding_ns));
    return object;
}

void report_print_forms(const struct report *report, FILE *file)
{
    const struct timeline *timeline = report->timeline;
    const char *head = "pages by form";
    struct people people = {0};

    if (!has_forms(timeline))
        return;
    for (unsigned form = 0; form < PAGE_FORM_COUNT; form++) {
        if (timeline->pages_by_form[form] == 0)
            continue;
        fprintf(file, "  %-18s%-5s %12s %12s\n", head, page_form_name((enum page_form)form),
                people_count(&people, timeline->pages_by_form[form]),
                people_bytes(&people, timeline->bytes_by_form[form]));
        head = "";
    }
    fprintf(file, "  %-18ssaved %s; encoding takes a processor %s\n", "",
            people_bytes(&people, saved_bytes(timeline)),
            people_time(&people, timeline->encoding_ns));
    if (report->has_forecast && timeline->encoding_ns > 0)
        fprintf(file, "  %-18sthe forecast is of pages as they are\n", "");
    if (timeline->delta_hits + timeline->delta_misses + timeline->delta_overflows > 0)
        fprintf(file, "  %-18s%s of use, %s not kept, %s changed too much\n", "delta cache",
                people_count(&people, timeline->delta_hits),
                people_count(&people, timeline->delta_misses),
                people_count(&people, timeline->delta_overflows));
}
