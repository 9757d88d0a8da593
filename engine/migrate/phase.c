#include "migrate/phase.h"

bool phase_is_legal(enum phase from, enum phase to)
{
    static const bool legal[PHASE_COUNT][PHASE_COUNT] = {
        [PHASE_IDLE] = {[PHASE_SETUP] = true},
        [PHASE_SETUP] = {[PHASE_COPY] = true, [PHASE_ABORTED] = true},
        [PHASE_COPY] = {[PHASE_PAUSE] = true, [PHASE_ABORTED] = true},
        [PHASE_PAUSE] = {[PHASE_HAND_OVER] = true, [PHASE_ABORTED] = true},
        [PHASE_HAND_OVER] = {[PHASE_POST_COPY] = true,
                             [PHASE_LINK_LOST] = true,
                             [PHASE_COMPLETED] = true,
                             [PHASE_ABORTED] = true},
        [PHASE_POST_COPY] = {[PHASE_LINK_LOST] = true, [PHASE_COMPLETED] = true},
        [PHASE_LINK_LOST] = {[PHASE_RECOVER] = true},
        [PHASE_RECOVER] = {[PHASE_POST_COPY] = true,
                           [PHASE_LINK_LOST] = true,
                           [PHASE_COMPLETED] = true,
                           [PHASE_ABORTED] = true},
    };
    return legal[from][to];
}

bool phase_is_over(enum phase phase)
{
    return phase == PHASE_COMPLETED || phase == PHASE_ABORTED;
}
