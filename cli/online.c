#include "cli/frame.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "coordinator/secret.h"
#include "nats-bridge/client.h"
#include "nats-bridge/subjects.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREFIX            "vapora"
#define DEFAULT_DATA_DIR  "./vapora-data"
#define URL_MAX           1024 /* bytes of a nats.url file */
#define ANSWER_WITHIN_MS  (5 * VC_SECOND_MS)
#define URL_LOOK_AGAIN_US 100000

/* One server of a list, [@from, @end): the scheme stays, what stands before the last '@' goes. */
static void show_server(struct vc_buf *out, const char *from, const char *end)
{
    const char *host = from;
    for (const char *p = from; p + 2 < end && host == from; p++)
        if (strncmp(p, "://", 3) == 0)
            host = p + 3;
    vc_buf_add(out, from, (size_t)(host - from));
    for (const char *p = host; p < end; p++)
        if (*p == '@')
            host = p + 1;
    vc_buf_add(out, host, (size_t)(end - host));
}

char *vc_url_shown(const char *url)
{
    VC_AUTO_BUF struct vc_buf out = {0};
    for (const char *from = url; *from;) {
        const char *end = from + strcspn(from, ",");
        show_server(&out, from, end);
        if (*end)
            vc_buf_puts(&out, ",");
        from = end + (*end == ',');
    }
    return vc_xstrdup(vc_buf_text(&out));
}

/* The first line of @dir/nats.url, which `serve` writes; NULL with @err. free() it. */
static char *read_url(const char *dir, struct vc_err *err)
{
    VC_AUTO_BUF struct vc_buf path = {0};
    vc_buf_printf(&path, "%s/nats.url", dir);
    char line[URL_MAX];
    enum vc_rc rc = vc_secret_read(vc_buf_text(&path), line, sizeof line, err);
    if (rc == VC_OK)
        return vc_xstrdup(line);
    if (rc == VC_E_NOT_FOUND)
        vc_fail(err, VC_E_UNREACHABLE,
                "cannot read %s: %s; start a coordinator with \"vapora-coord serve --data-dir %s\"",
                vc_buf_text(&path), strerror(ENOENT), dir);
    return NULL;
}

char *vc_cli_url_of(const char *text, struct vc_err *err)
{
    char line[URL_MAX];
    if (text[0] != '@')
        return vc_xstrdup(text);
    return vc_secret_read(text + 1, line, sizeof line, err) == VC_OK ? vc_xstrdup(line) : NULL;
}

static char *find_url(const struct vc_cli *cli, struct vc_err *err)
{
    const char *url = vc_cli_get(cli, "url"), *dir = vc_cli_get(cli, "data-dir");
    if (url)
        return vc_cli_url_of(url, err);
    if (dir)
        return read_url(dir, err);
    static const char *const variables[] = {"VAPORA_COORD_URL", "NATS_URL"};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *value = getenv(variables[i]);
        if (value && *value)
            return vc_cli_url_of(value, err);
    }
    char *found = read_url(DEFAULT_DATA_DIR, err);
    if (!found && err->rc == VC_E_UNREACHABLE)
        vc_fail(err, VC_E_UNREACHABLE,
                "no coordinator to ask: start one with \"vapora-coord serve\", or name its NATS "
                "server with --url, --data-dir or VAPORA_COORD_URL");
    return found;
}

char *vc_cli_url(struct vc_cli *cli, bool wait)
{
    struct vc_err err = {0};
    if (!cli->url)
        cli->url = find_url(cli, &err);
    if (cli->url)
        return vc_xstrdup(cli->url);
    wait = wait && err.rc == VC_E_UNREACHABLE;
    if (!wait)
        vc_cli_fail(cli, &err);
    else
        fprintf(stderr, "waiting for a coordinator: %s\n", err.text);
    while (wait && !cli->url) {
        usleep(URL_LOOK_AGAIN_US);
        cli->url = find_url(cli, &err);
    }
    return vc_xstrdup(cli->url);
}

static enum vc_rc connect_to(struct vc_cli *cli, int64_t within_ms, struct vc_err *err)
{
    if (cli->client)
        return VC_OK;
    if (!cli->url)
        cli->url = find_url(cli, err);
    if (!cli->url)
        return err->rc;
    VC_AUTO_BUF struct vc_buf name = {0};
    vc_buf_printf(&name, "vapora-coord %s", cli->command->name);
    enum vc_rc rc = vc_client_open(cli->url, vc_buf_text(&name), within_ms, &cli->client, err);
    if (rc != VC_E_UNREACHABLE && rc != VC_E_DENIED)
        return rc;
    VC_AUTO_FREE char *shown = vc_url_shown(cli->url);
    if (rc == VC_E_DENIED)
        return vc_fail(err, rc,
                       "%s refuses the user or password: take the URL from the coordinator's "
                       "nats.url, with --data-dir DIR",
                       shown);
    return vc_fail(err, rc,
                   "no coordinator answers at %s: start one with \"vapora-coord serve\", or name "
                   "another with --url",
                   shown);
}

static enum vc_rc answer_within(const struct vc_cli *cli, int64_t *ms, struct vc_err *err)
{
    const char *text = vc_cli_get(cli, "answer-within");
    *ms = ANSWER_WITHIN_MS;
    if (!text || vc_duration_parse(text, ms, err) == VC_OK)
        return VC_OK;
    return vc_fail_in(err, err->rc, "--answer-within");
}

enum vc_rc vc_cli_open(struct vc_cli *cli, struct vc_client **client, struct vc_err *err)
{
    int64_t within_ms;
    enum vc_rc rc = answer_within(cli, &within_ms, err);
    if (rc == VC_OK)
        rc = connect_to(cli, within_ms, err);
    *client = cli->client;
    return rc;
}

int vc_cli_connect(struct vc_cli *cli, struct vc_client **client)
{
    struct vc_err err = {0};
    return vc_cli_open(cli, client, &err) == VC_OK ? VC_EXIT_OK : vc_cli_fail(cli, &err);
}

void vc_cli_disconnect(struct vc_cli *cli)
{
    vc_client_close(&cli->client);
    free(cli->url);
    cli->url = NULL;
}

/* No answer is told apart from no coordinator: the first may pass, the second needs somebody. */
static enum vc_rc explain_silence(const struct vc_cli *cli, enum vc_rc rc, int64_t within_ms,
                                  struct vc_err *err)
{
    VC_AUTO_FREE char *shown = vc_url_shown(cli->url);
    if (rc == VC_E_UNREACHABLE)
        return vc_fail(err, rc,
                       "no coordinator answers at %s: the NATS server is there, the coordinator "
                       "is not; start one with \"vapora-coord serve --nats-url %s\"",
                       shown, shown);
    if (rc == VC_E_TIMEOUT)
        return vc_fail(err, rc, "no answer from %s within %lld ms: try --answer-within 30s", shown,
                       (long long)within_ms);
    return rc;
}

enum vc_rc vc_cli_ask(struct vc_cli *cli, const char *verb, json_t *request, json_t **reply,
                      struct vc_err *err)
{
    *reply = NULL;
    int64_t within_ms;
    enum vc_rc rc = answer_within(cli, &within_ms, err);
    if (rc == VC_OK)
        rc = connect_to(cli, within_ms, err);
    if (rc == VC_OK) {
        char subject[VC_SUBJECT_MAX];
        VC_CHECK(vc_subject_api(subject, PREFIX, verb));
        rc = vc_client_request(cli->client, subject, request, within_ms, reply, err);
        rc = explain_silence(cli, rc, within_ms, err);
    }
    json_decref(request);
    if (rc != VC_OK) {
        json_decref(*reply);
        *reply = NULL;
    }
    return rc;
}

int vc_cli_request(struct vc_cli *cli, const char *verb, json_t *request, json_t **reply)
{
    struct vc_err err = {0};
    return vc_cli_ask(cli, verb, request, reply, &err) == VC_OK ? VC_EXIT_OK
                                                                : vc_cli_fail(cli, &err);
}
