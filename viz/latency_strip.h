/* latency_strip: what clients felt, over time: for each piece of it the longest latency of an
 * answer, on a logarithmic scale; an outage has another colour and is hatched.
 */
#ifndef VIZ_LATENCY_STRIP_H
#define VIZ_LATENCY_STRIP_H

#include "viz/stage.h"

void latency_strip(const struct sheet *sheet, struct area area, const struct stage *stage);

#endif
