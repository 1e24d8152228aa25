/* Instants and durations as people and messages write them. */
#include "base/time.h"
#include "tests/fuzz/fuzz.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* What the C library makes of the same instant. */
static void check_calendar(struct vc_wall at, const char *text)
{
    char want[32];
    struct tm tm;
    time_t seconds = (time_t)(at.ms / VC_SECOND_MS);
    VC_CHECK(gmtime_r(&seconds, &tm));
    VC_CHECK(strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%S", &tm) == 19);
    VC_CHECK(strncmp(text, want, 19) == 0);
    VC_CHECK(strtol(text + 20, NULL, 10) == at.ms % VC_SECOND_MS);
}

static void check_instant(const char *text)
{
    struct vc_wall at = {-7}, again;
    struct vc_err err;
    char said[VC_WALL_TEXT];
    if (vc_wall_parse(text, &at, &err) != VC_OK) {
        VC_CHECK(at.ms == -7 && err.rc == VC_E_INVALID && err.text[0]);
        return;
    }
    VC_CHECK(at.ms >= 0 && at.ms <= VC_WALL_MAX_MS);
    vc_wall_format(at, said);
    VC_CHECK(strlen(said) == VC_WALL_TEXT - 1);
    VC_CHECK(vc_wall_parse(said, &again, &err) == VC_OK && again.ms == at.ms);
    check_calendar(at, said);
    char number[24];
    snprintf(number, sizeof number, "%" PRId64, at.ms);
    VC_CHECK(vc_wall_parse(number, &again, &err) == VC_OK && again.ms == at.ms);
}

static void check_duration(const char *text)
{
    int64_t ms = -7, again;
    struct vc_err err;
    if (vc_duration_parse(text, &ms, &err) != VC_OK) {
        VC_CHECK(ms == -7 && err.rc == VC_E_INVALID && err.text[0]);
        return;
    }
    VC_CHECK(ms >= 0 && ms <= 3650 * VC_DAY_MS);
    char said[32];
    snprintf(said, sizeof said, "%" PRId64 "ms", ms);
    VC_CHECK(vc_duration_parse(said, &again, &err) == VC_OK && again == ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    check_instant(text);
    check_duration(text);
    free(text);
    return 0;
}
