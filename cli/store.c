#include "cli/store.h"

#include "base/str.h"
#include "kg-store/care.h"

const char *vc_store_path(const struct vc_cli *cli)
{
    const char *path = vc_cli_get(cli, "db");
    return path ? path : VC_STORE_DEFAULT;
}

json_t *vc_store_json(const char *text)
{
    VC_AUTO_BUF struct vc_buf shown = {0};
    vc_buf_show(&shown, text);
    return json_string(vc_buf_text(&shown));
}

static const char promise_of_opening[] = "the file is a store of ours, and its log is whole";

static void add(json_t *checks, const struct vc_kg_check *check)
{
    json_array_append_new(checks,
                          json_pack("{s:s, s:b, s:s, s:I, s:o}", "name", check->name, "ok",
                                    check->problems == 0, "promise", check->promise, "problems",
                                    (json_int_t)check->problems, "first",
                                    check->problems ? vc_store_json(check->first) : json_null()));
}

static void add_check(void *ctx, const struct vc_kg_check *check)
{
    add(ctx, check);
}

enum vc_rc vc_store_check(const char *path, json_t *checks, struct vc_err *err)
{
    struct vc_kg *kg = NULL;
    enum vc_rc rc = vc_kg_open(path, VC_KG_READ, &kg, err);
    if (rc == VC_E_CORRUPT)
        add(checks,
            &(struct vc_kg_check){
                .name = "open", .promise = promise_of_opening, .problems = 1, .first = err->text});
    else if (rc == VC_OK)
        add(checks,
            &(struct vc_kg_check){.name = "open", .promise = promise_of_opening, .first = ""});
    if (rc == VC_OK)
        rc = vc_kg_check(kg, add_check, checks, err);
    vc_kg_close(&kg);
    return rc;
}
