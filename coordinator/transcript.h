/* transcript.h - effects as stable text: what a scenario expects and what a bug report shows. Pure.
 *
 * One line an effect. Ids that the core made up, clocks and measured times are left out, so that
 * the same story always reads the same. */
#ifndef VC_COORDINATOR_TRANSCRIPT_H
#define VC_COORDINATOR_TRANSCRIPT_H

#include "base/str.h"
#include "coordinator/effect.h"

/* Append the lines of one effect. A decision takes several: who was seen, how the parts add up, who
 * was kept out and by which gate, who got it and by which rule. */
void vc_transcript(const struct vc_effect *effect, struct vc_buf *out);

#endif
