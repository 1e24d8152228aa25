#include "scoring/gate.h"

static const struct {
    const char *name, *text;
} gates[VC_GATE_COUNT] = {
    [VC_GATE_NONE] = {"", "it is eligible"},
#define VC_GATE(name, wire, text) [VC_GATE_##name] = {wire, text},
#include "scoring/gate.def"
#undef VC_GATE
};

const char *vc_gate_name(enum vc_gate gate)
{
    return gates[gate].name;
}

const char *vc_gate_text(enum vc_gate gate)
{
    return gates[gate].text;
}
