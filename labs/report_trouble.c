/* What went wrong in a run, and what its clients' packets went through. */
#include <string.h>

#include "labs/people.h"
#include "labs/report.h"

static json_t *integer(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *instant(bool is_there, uint64_t at_ns)
{
    return is_there ? integer(at_ns) : json_null();
}

static const char *route_name(enum route route)
{
    return route == ROUTE_TUNNEL ? "tunnel" : route == ROUTE_ANNOUNCE ? "announce" : "none";
}

/* The old host is needed as long as the switch does not know the new one. */
static bool is_tunnelling(const struct report *report)
{
    return report->scenario->route == ROUTE_TUNNEL && report->timeline->has_resumed &&
           !report->timeline->trouble.has_tunnel_ended;
}

bool report_has_broken_connections(const struct report *report)
{
    const struct trouble *trouble = &report->timeline->trouble;
    /* Where the target announced itself before they gave up, they found another way. */
    bool has_no_tunnel = is_tunnelling(report) && trouble->has_crashed[HOST_SOURCE];
    bool is_late = !trouble->has_rehomed || report->timeline->errors > 0;
    bool is_cut_off = report->scenario->route == ROUTE_NONE || (has_no_tunnel && is_late);
    return report->scenario->client_count > 0 && report->timeline->has_resumed && is_cut_off;
}

json_t *report_connections_json(const struct report *report)
{
    const struct trouble *trouble = &report->timeline->trouble;
    json_t *object = json_object(), *tunnel = json_object();

    if (report->scenario->client_count == 0) {
        json_decref(object);
        json_decref(tunnel);
        return json_null();
    }
    json_object_set_new(object, "route", json_string(route_name(report->scenario->route)));
    json_object_set_new(object, "packets_dropped", integer(trouble->packets_dropped));
    json_object_set_new(object, "packets_forwarded", integer(trouble->packets_forwarded));
    json_object_set_new(object, "forwarded_bytes", integer(trouble->bytes_forwarded));
    json_object_set_new(object, "broken", json_boolean(report_has_broken_connections(report)));
    json_object_set_new(tunnel, "needs_old_host", json_boolean(is_tunnelling(report)));
    json_object_set_new(tunnel, "last_packet_ns",
                        instant(trouble->packets_forwarded > 0, trouble->last_forwarded_ns));
    json_object_set_new(tunnel, "ended_ns",
                        instant(trouble->has_tunnel_ended, trouble->tunnel_ended_ns));
    json_object_set_new(object, "residual", tunnel);
    return object;
}

json_t *report_failures_json(const struct report *report)
{
    const struct trouble *trouble = &report->timeline->trouble;
    json_t *object = json_object(), *faults = json_array();

    for (uint32_t i = 0; i < report->faults.count; i++) {
        uint64_t at_ns = report->fault_begun_ns[i];
        json_t *fault = json_object();
        json_object_set_new(fault, "fault", json_string(report->faults.faults[i].text));
        json_object_set_new(fault, "at_ns", instant(at_ns != WORLD_NEVER, at_ns));
        json_array_append_new(faults, fault);
    }
    json_object_set_new(object, "faults", faults);
    json_object_set_new(object, "link_losses", integer(trouble->link_losses));
    json_object_set_new(object, "recoveries", integer(trouble->recoveries));
    json_object_set_new(object, "without_link_ns", integer(trouble->lost_ns));
    json_object_set_new(
        object, "source_crashed_ns",
        instant(trouble->has_crashed[HOST_SOURCE], trouble->crashed_ns[HOST_SOURCE]));
    json_object_set_new(
        object, "target_crashed_ns",
        instant(trouble->has_crashed[HOST_TARGET], trouble->crashed_ns[HOST_TARGET]));
    return object;
}

/* What a fault does whose plan does not say how badly: the default of its kind (fault.h). */
static const char *default_value(const struct planned_fault *fault)
{
    if (strchr(fault->text, ':') != NULL)
        return "";
    return fault->kind == FAULT_KIND_SLOW      ? " (10x)"
           : fault->kind == FAULT_KIND_DELAY   ? " (10 ms)"
           : fault->kind == FAULT_KIND_CORRUPT ? " (a byte in 64 KiB)"
                                               : "";
}

static void print_faults(const struct report *report, FILE *file)
{
    for (uint32_t i = 0; i < report->faults.count; i++) {
        struct people people = {0};
        uint64_t at_ns = report->fault_begun_ns[i];
        fprintf(file, "  %-18s%s%s: %s%s\n", i == 0 ? "faults" : "", report->faults.faults[i].text,
                default_value(&report->faults.faults[i]),
                at_ns == WORLD_NEVER ? "never came" : "at ",
                at_ns == WORLD_NEVER ? "" : people_time(&people, at_ns));
    }
}

static void print_link(const struct report *report, FILE *file)
{
    const struct trouble *trouble = &report->timeline->trouble;
    struct people people = {0};

    if (trouble->link_losses == 0)
        return;
    fprintf(file, "  %-18sbroke %s time%s after COMMIT, recovered %s time%s; %s without it\n",
            "link", people_count(&people, trouble->link_losses),
            trouble->link_losses == 1 ? "" : "s", people_count(&people, trouble->recoveries),
            trouble->recoveries == 1 ? "" : "s", people_time(&people, trouble->lost_ns));
}

/* Until when the old host was needed: the residual dependency. */
static void print_old_host(const struct report *report, FILE *file)
{
    const struct trouble *trouble = &report->timeline->trouble;
    uint64_t left_ns = report->timeline->resumed_at_ns;
    uint64_t crashed_ns = trouble->crashed_ns[HOST_SOURCE];
    struct people people = {0};

    if (trouble->has_tunnel_ended)
        fprintf(file, "  %-18sit could be switched off at %s, %s after the guest had left\n", "",
                people_time(&people, trouble->tunnel_ended_ns),
                people_time(&people, trouble->tunnel_ended_ns - left_ns));
    else if (!trouble->has_crashed[HOST_SOURCE])
        fprintf(file, "  %-18sat the end of the run it was still needed: see --tunnel-for\n", "");
    else
        fprintf(file, "  %-18sit crashed at %s, %s after the guest had left\n", "",
                people_time(&people, crashed_ns),
                people_time(&people, crashed_ns > left_ns ? crashed_ns - left_ns : 0));
}

static void print_route(const struct report *report, FILE *file)
{
    const struct trouble *trouble = &report->timeline->trouble;
    struct people people = {0};

    if (trouble->packets_dropped > 0)
        fprintf(file, "  %-18s%s packet%s came to where the guest was not, and %s lost\n",
                "connections", people_count(&people, trouble->packets_dropped),
                trouble->packets_dropped == 1 ? "" : "s",
                trouble->packets_dropped == 1 ? "was" : "were");
    if (report->scenario->route == ROUTE_NONE && report->timeline->has_resumed)
        fprintf(file, "  %-18srule streams does not apply: no connection has a way any more\n", "");
    if (report->scenario->route != ROUTE_TUNNEL || !report->timeline->has_resumed)
        return;
    fprintf(file, "  %-18sthe old host sent on %s packet%s (%s)\n",
            trouble->packets_dropped > 0 ? "" : "connections",
            people_count(&people, trouble->packets_forwarded),
            trouble->packets_forwarded == 1 ? "" : "s",
            people_bytes(&people, trouble->bytes_forwarded));
    print_old_host(report, file);
}

void report_print_trouble(const struct report *report, FILE *file)
{
    print_faults(report, file);
    print_link(report, file);
    if (report->scenario->client_count > 0)
        print_route(report, file);
}

/* Why clients were not answered, where the way to the guest is to blame. */
const char *report_broken_route(const struct report *report)
{
    if (!report_has_broken_connections(report))
        return NULL;
    return report->scenario->route == ROUTE_NONE
               ? "every connection broke: without a route, clients go on sending to the old host's "
                 "address (--route none)"
               : "every connection broke: the old host crashed, through which they still went "
                 "(--route tunnel)";
}
