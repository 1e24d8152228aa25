/* gate.h - the funnel before the score. Each gate names itself in the decision record. */
#ifndef VC_SCORING_GATE_H
#define VC_SCORING_GATE_H

enum vc_gate {
    VC_GATE_NONE, /* eligible */
#define VC_GATE(name, wire, text) VC_GATE_##name,
#include "scoring/gate.def"
#undef VC_GATE
    VC_GATE_COUNT
};

/* The word on the wire, "" for VC_GATE_NONE; and the sentence's end for people. */
const char *vc_gate_name(enum vc_gate gate);
const char *vc_gate_text(enum vc_gate gate);

#endif
