#include "learning/curve.h"

static double rate_of(const struct vc_curve_day *day)
{
    return day->value_sum / (double)day->executions;
}

void vc_curve_of(const struct vc_curve_day *days, size_t n, struct vc_curve_point *out)
{
    double executions = 0, value_sum = 0;
    for (size_t i = 0; i < n; i++) {
        double of_day = (double)days[i].executions;
        executions += of_day;
        value_sum += days[i].value_sum;
        out[i] = (struct vc_curve_point){
            .day = days[i].day,
            .executions = days[i].executions,
            .success_rate = rate_of(&days[i]),
            .cumulative_success_rate = value_sum / executions,
            .mean_duration_ms = (double)days[i].duration_ms / of_day,
            .mean_cost_micros = (double)days[i].cost_micros / of_day,
        };
    }
}

bool vc_curve_trend(const struct vc_curve_day *days, size_t n, double *slope)
{
    if (n < 2)
        return false;
    double weight = 0, mean_x = 0, mean_y = 0;
    for (size_t i = 0; i < n; i++) {
        double w = (double)days[i].executions;
        weight += w;
        mean_x += w * (double)(days[i].day - days[0].day);
        mean_y += w * rate_of(&days[i]);
    }
    mean_x /= weight;
    mean_y /= weight;
    /* Around the means, so that a long series of days loses no digits. */
    double xx = 0, xy = 0;
    for (size_t i = 0; i < n; i++) {
        double w = (double)days[i].executions;
        double dx = (double)(days[i].day - days[0].day) - mean_x;
        xx += w * dx * dx;
        xy += w * dx * (rate_of(&days[i]) - mean_y);
    }
    *slope = xy / xx;
    return true;
}

int64_t vc_day_of(struct vc_wall at)
{
    return at.ms / VC_DAY_MS - (at.ms % VC_DAY_MS < 0);
}
