#include "base/time.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct civil {
    int64_t year;
    unsigned month, day;
};

/* Proleptic Gregorian calendar from days since 1970-01-01, by 400-year eras of 146,097 days that
 * start on 1 March (Howard Hinnant, "chrono-compatible low-level date algorithms"). */
static struct civil civil_of_days(int64_t days)
{
    days += 719468;
    int64_t era = days / 146097;
    unsigned doe = (unsigned)(days - era * 146097);
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    unsigned mp = (5 * doy + 2) / 153;
    struct civil c = {.year = (int64_t)yoe + era * 400,
                      .month = mp < 10 ? mp + 3 : mp - 9,
                      .day = doy - (153 * mp + 2) / 5 + 1};
    c.year += c.month <= 2;
    return c;
}

static int64_t days_of_civil(struct civil c)
{
    int64_t y = c.year - (c.month <= 2);
    int64_t era = y / 400;
    unsigned yoe = (unsigned)(y - era * 400);
    unsigned doy = (153 * (c.month > 2 ? c.month - 3 : c.month + 9) + 2) / 5 + c.day - 1;
    unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + (int64_t)doe - 719468;
}

static int64_t clamp_ms(struct vc_wall at)
{
    if (at.ms < 0)
        return 0;
    return at.ms > VC_WALL_MAX_MS ? VC_WALL_MAX_MS : at.ms;
}

void vc_wall_format(struct vc_wall at, char out[VC_WALL_TEXT])
{
    int64_t ms = clamp_ms(at);
    char day[VC_DAY_TEXT];
    vc_wall_format_day(at, day);
    unsigned rest = (unsigned)(ms % VC_DAY_MS);
    snprintf(out, VC_WALL_TEXT, "%sT%02u:%02u:%02u.%03uZ", day, rest / 3600000 % 24,
             rest / 60000 % 60, rest / 1000 % 60, rest % 1000);
}

void vc_wall_format_day(struct vc_wall at, char out[VC_DAY_TEXT])
{
    struct civil c = civil_of_days(clamp_ms(at) / VC_DAY_MS);
    snprintf(out, VC_DAY_TEXT, "%04u-%02u-%02u", (unsigned)c.year % 10000, c.month % 100,
             c.day % 100);
}

/* Read exactly @digits digits at *p. */
static bool take_digits(const char **p, int digits, unsigned *out)
{
    unsigned v = 0;
    for (int i = 0; i < digits; i++, (*p)++) {
        if (**p < '0' || **p > '9')
            return false;
        v = v * 10 + (unsigned)(**p - '0');
    }
    *out = v;
    return true;
}

static bool take_char(const char **p, const char *any_of)
{
    if (!**p || !strchr(any_of, **p))
        return false;
    (*p)++;
    return true;
}

/* The fraction after the dot, to the millisecond; further digits are read and dropped. */
static bool take_fraction(const char **p, unsigned *ms)
{
    unsigned scale = 100;
    *ms = 0;
    if (**p < '0' || **p > '9')
        return false;
    for (; **p >= '0' && **p <= '9'; (*p)++, scale /= 10)
        *ms += (unsigned)(**p - '0') * scale;
    return true;
}

static bool take_offset(const char **p, int64_t *minutes)
{
    *minutes = 0;
    if (take_char(p, "Zz"))
        return true;
    bool west = **p == '-';
    unsigned h, m;
    if (!take_char(p, "+-") || !take_digits(p, 2, &h) || !take_char(p, ":") ||
        !take_digits(p, 2, &m) || h > 23 || m > 59)
        return false;
    *minutes = (int64_t)(h * 60 + m) * (west ? -1 : 1);
    return true;
}

static bool parse_rfc3339(const char *p, int64_t *out_ms)
{
    unsigned y, mo, d, h, mi, s, ms = 0;
    int64_t offset;
    if (!take_digits(&p, 4, &y) || !take_char(&p, "-") || !take_digits(&p, 2, &mo) ||
        !take_char(&p, "-") || !take_digits(&p, 2, &d) || !take_char(&p, "Tt ") ||
        !take_digits(&p, 2, &h) || !take_char(&p, ":") || !take_digits(&p, 2, &mi) ||
        !take_char(&p, ":") || !take_digits(&p, 2, &s))
        return false;
    if (take_char(&p, ".") && !take_fraction(&p, &ms))
        return false;
    if (!take_offset(&p, &offset) || *p != '\0')
        return false;
    struct civil c = {(int64_t)y, mo, d};
    if (mo < 1 || mo > 12 || d < 1 || h > 23 || mi > 59 || s > 60)
        return false;
    struct civil back = civil_of_days(days_of_civil(c) < 0 ? 0 : days_of_civil(c));
    if (back.month != mo || back.day != d) /* 30 February */
        return false;
    int64_t minutes = (int64_t)h * 60 + mi - offset;
    *out_ms = days_of_civil(c) * VC_DAY_MS + minutes * VC_MINUTE_MS + s * VC_SECOND_MS + ms;
    return true;
}

enum vc_rc vc_wall_parse(const char *text, struct vc_wall *out, struct vc_err *err)
{
    int64_t ms = -1;
    size_t digits = strspn(text, "0123456789");
    if (digits > 0 && digits < 16 && text[digits] == '\0')
        ms = strtoll(text, NULL, 10);
    else if (!parse_rfc3339(text, &ms))
        return vc_fail(err, VC_E_INVALID,
                       "'%.40s' is not an instant: write it like 2026-11-24T10:00:00Z", text);
    if (ms < 0 || ms > VC_WALL_MAX_MS)
        return vc_fail(err, VC_E_INVALID, "'%.40s' lies outside the years 1970 to 9999", text);
    out->ms = ms;
    return VC_OK;
}

enum vc_rc vc_duration_parse(const char *text, int64_t *out_ms, struct vc_err *err)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {
        {"ms", 1}, {"s", VC_SECOND_MS}, {"m", VC_MINUTE_MS}, {"h", VC_HOUR_MS}, {"d", VC_DAY_MS}};
    size_t digits = strspn(text, "0123456789");
    if (digits > 0 && digits < 13)
        for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
            if (strcmp(text + digits, units[i].unit) != 0)
                continue;
            int64_t n = strtoll(text, NULL, 10);
            if (n > 3650 * VC_DAY_MS / units[i].ms)
                return vc_fail(err, VC_E_INVALID, "'%.40s' is longer than ten years", text);
            *out_ms = n * units[i].ms;
            return VC_OK;
        }
    return vc_fail(err, VC_E_INVALID,
                   "'%.40s' is not a duration: write it like 250ms, 30s, 5m, 2h or 7d", text);
}
