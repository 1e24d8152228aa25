#include "base/id.h"

#include <stdio.h>
#include <string.h>

static bool all_of(const char *text, size_t max, bool upper)
{
    if (!text)
        return false;
    size_t n = 0;
    for (; text[n]; n++) {
        char c = text[n];
        bool ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
                  (upper && c >= 'A' && c <= 'Z');
        if (!ok || n == max)
            return false;
    }
    return n > 0;
}

bool vc_id_ok(const char *id)
{
    return all_of(id, VC_ID_MAX, true);
}

bool vc_task_type_ok(const char *type)
{
    return all_of(type, VC_TASK_TYPE_MAX, false);
}

void vc_uuid7(struct vc_wall at, const uint8_t random[10], char out[VC_UUID_TEXT])
{
    uint8_t b[16];
    for (int i = 0; i < 6; i++)
        b[i] = (uint8_t)((uint64_t)at.ms >> (40 - 8 * i));
    memcpy(b + 6, random, 10);
    b[6] = (uint8_t)(0x70 | (b[6] & 0x0f));
    b[8] = (uint8_t)(0x80 | (b[8] & 0x3f));
    snprintf(out, VC_UUID_TEXT,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
             b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
             b[15]);
}

uint64_t vc_hash(const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    return h;
}
