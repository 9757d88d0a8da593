/* source_private: what the files of the source share: source.c (its life, and what arrives),
 * source_act.c (what strategies see and ask for), source_pages.c (pages onto the link),
 * source_cut.c (caches and devices at one instant), source_forms.c (pages in their forms) and
 * source_recover.c (a connection that breaks, and the next one). source.h is the contract; nobody
 * else includes this.
 */
#ifndef MIGRATE_SOURCE_PRIVATE_H
#define MIGRATE_SOURCE_PRIVATE_H

#include "migrate/source.h"

static inline void source_emit(struct source *source, struct event event)
{
    event_append(source->events, event);
}

static inline bool source_is_after_pause(const struct source *source)
{
    return source->phase == PHASE_HAND_OVER || source->phase == PHASE_POST_COPY;
}

/* COMMIT is out: the guest is the target's, unless the target says that it is not. */
static inline bool source_is_committed(const struct source *source)
{
    return source_is_after_pause(source) || source->phase == PHASE_LINK_LOST ||
           source->phase == PHASE_RECOVER || source->phase == PHASE_COMPLETED;
}

/* source.c */
void source_enter(struct source *source, uint64_t now_ns, enum phase phase);
/* The one way to end without having moved: the guest goes on here as if nothing had been tried. */
void source_fail(struct source *source, uint64_t now_ns, const char *reason);

/* source_act.c */
struct view source_view(const struct source *source, uint64_t now_ns, bool is_link_idle);
void source_open_round(struct source *source, uint64_t now_ns);
void source_tell_fetched(struct source *source, uint64_t now_ns, uint64_t dirtied,
                         uint64_t first_idx, uint64_t count);
/* Tells what was decided. */
void source_decide(struct source *source, uint64_t now_ns, enum decision decision, uint64_t value);
/* Performs one action. Returns the charge of what was put on the link, if anything was. */
uint64_t source_perform(struct source *source, uint64_t now_ns, const struct action *action,
                        struct bytes *to);
/* The guest was paused while a device had requests under way, and now none has. */
void source_end_drain(struct source *source, uint64_t now_ns);
/* The strategy has broken a rule, and has no say any more. */
void source_dismiss(struct source *source, uint64_t now_ns, const char *reason);
void source_post_copy_from_now_on(struct source *source);

/* source_forecast.c */
/* Looks how far the log has grown, when it is time. */
void source_note_growth(struct source *source, uint64_t now_ns);
/* Tells what the move will come to. */
void source_forecast(struct source *source, uint64_t now_ns);

/* source_forms.c */
void source_open_forms(struct source *source);
/* A page came to something else at the target: from now on pages travel as they are. */
void source_give_up_forms(struct source *source, uint64_t now_ns);
uint32_t source_forms(const struct source *source); /* in which pages may travel: bits */
/* How many pages may be handed out at once; source_send_pages takes as many of them as fit. */
uint64_t source_chunk_pages(const struct source *source);
void source_begin_sweep(struct source *source, uint64_t first_idx); /* the log was fetched from */
void source_close_page_bytes(struct source *source);                /* a round has ended */
void source_tell_encoding(struct source *source, uint64_t now_ns);

/* source_cut.c */
void source_open_cut(struct source *source);
void source_close_cut(struct source *source);
/* Those pages are on their way. */
void source_note_sent(struct source *source, uint64_t first_idx, uint64_t count);
/* Nobody waits for a barrier any more, and nobody is to be told of flushes. */
void source_release_barriers(struct source *source);
/* Sends what was flushed, then the barriers behind it; 0: there is nothing, or it is the strategy's
 * turn: see source_pass_turn. */
uint64_t source_send_barriers(struct source *source, uint64_t now_ns, struct bytes *to);
/* The strategy has had its turn: something of it is on the link, or it has nothing. */
void source_pass_turn(struct source *source);
/* How many pages flushes took out of the log in this round, beside those that are in it again. */
uint64_t source_flush_dirtied(const struct source *source);
void source_receive_barrier_ack(struct source *source, uint64_t now_ns, const struct frame *frame);
/* The guest stands still: memory becomes what its harts see. */
void source_write_back(struct source *source, uint64_t now_ns);

/* source_forms.c: puts pages from `first_idx` on the link, at least one and at most `count`, as
 * long as they fit into a chunk: takes them out of to_send, and returns their charge. */
uint64_t source_send_pages(struct source *source, uint64_t now_ns, uint64_t first_idx,
                           uint64_t count, enum why why, struct bytes *to);

/* source_pages.c */

/* Sends the page that a hart of the target has waited for longest; 0: none waits. */
uint64_t source_answer_request(struct source *source, uint64_t now_ns, struct bytes *to);
void source_receive_request(struct source *source, uint64_t now_ns, const struct frame *frame);

/* source_recover.c */

/* What has come from the target cannot be read: the connection is worth nothing any more. */
void source_distrust(struct source *source, uint64_t now_ns, const char *reason);
void source_receive_bitmap(struct source *source, uint64_t now_ns, const struct frame *frame);

#endif
