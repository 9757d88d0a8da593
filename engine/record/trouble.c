#include "record/trouble.h"

void trouble_advance(struct trouble *trouble, uint64_t now_ns)
{
    if (!trouble->is_lost)
        return;
    trouble->lost_ns += now_ns - trouble->lost_since_ns;
    trouble->lost_since_ns = now_ns;
}

static void fold_phase(struct trouble *trouble, const struct event *event)
{
    enum phase phase = (enum phase)event->phase_changed.phase;

    if (phase == PHASE_LINK_LOST)
        trouble->link_losses++;
    else if (trouble->is_lost && phase != PHASE_RECOVER && phase != PHASE_ABORTED)
        trouble->recoveries++;
    if (!trouble->is_lost)
        trouble->lost_since_ns = event->at_ns;
    trouble->is_lost = phase == PHASE_LINK_LOST || phase == PHASE_RECOVER;
}

void trouble_fold(struct trouble *trouble, const struct event *event)
{
    switch (event->kind) {
    case EVENT_PHASE_CHANGED:
        fold_phase(trouble, event);
        break;
    case EVENT_LINK_CHANGED:
        trouble->link_state = (enum link_state)event->link_changed.state;
        trouble->link_value = event->link_changed.value;
        break;
    case EVENT_MIGRATION_ENDED:
        trouble->is_cut_at_end = trouble->link_state == LINK_CUT || trouble->is_lost;
        break;
    case EVENT_HOST_CRASHED:
        if (event->host_crashed.host >= HOST_COUNT)
            break;
        trouble->has_crashed[event->host_crashed.host] = true;
        trouble->crashed_ns[event->host_crashed.host] = event->at_ns;
        break;
    case EVENT_PACKET_DROPPED:
        trouble->packets_dropped++;
        break;
    case EVENT_PACKET_FORWARDED:
        trouble->packets_forwarded++;
        trouble->bytes_forwarded += event->packet_forwarded.bytes;
        trouble->last_forwarded_ns = event->at_ns;
        break;
    case EVENT_STREAMS_REHOMED:
        trouble->has_rehomed = true;
        break;
    case EVENT_TUNNEL_ENDED:
        trouble->has_tunnel_ended = true;
        trouble->tunnel_ended_ns = event->at_ns;
        break;
    default:
        break;
    }
}
