#include "cli/cmd.h"

#include "base/id.h"
#include "base/mem.h"
#include "base/str.h"
#include "coordinator/data_dir.h"
#include "coordinator/secret.h"
#include "nats-bridge/permissions.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define PREFIX         "vapora"
#define DEFAULT_SERVER "127.0.0.1:4222"
#define DEFAULT_NAME   "coordinator"
#define URL_MAX        1024
#define INDENT         8

struct user {
    const char *name;
    enum vc_role role;
    char password[VC_SECRET_LEN + 1]; /* with --dir */
};

struct users {
    struct user *all;
    size_t len, cap;
};

static const struct {
    const char *option;
    enum vc_role role;
} roles[] = {
    {"agent", VC_ROLE_AGENT},
    {"submitter", VC_ROLE_SUBMITTER},
    {"dashboard", VC_ROLE_DASHBOARD},
};

/* In the environment there are no hyphens, so "a-b" and "a_b" would be one variable. */
static void add_variable(struct vc_buf *out, const char *name)
{
    vc_buf_puts(out, "VAPORA_PASSWORD_");
    for (const char *c = name; *c; c++)
        vc_buf_add(out, *c == '-' ? "_" : c, 1);
}

static bool same_variable(const char *a, const char *b)
{
    VC_AUTO_BUF struct vc_buf left = {0}, right = {0};
    add_variable(&left, a);
    add_variable(&right, b);
    return strcmp(vc_buf_text(&left), vc_buf_text(&right)) == 0;
}

static int add_user(const struct vc_cli *cli, struct users *users, const char *option,
                    const char *name, enum vc_role role)
{
    if (!vc_id_ok(name))
        return vc_cli_usage(cli, "--%s takes 1 to %d of A-Z a-z 0-9 _ -, not \"%s\"", option,
                            VC_ID_MAX, name);
    for (size_t i = 0; i < users->len; i++) {
        const char *other = users->all[i].name;
        if (strcmp(other, name) == 0)
            return vc_cli_usage(cli, "%s is named twice; each user has one name and one role",
                                name);
        if (!vc_cli_has(cli, "dir") && same_variable(other, name))
            return vc_cli_usage(cli,
                                "%s and %s would have the same environment variable; use --dir, or "
                                "other names",
                                other, name);
    }
    VC_GROW(users->all, users->len, users->cap);
    users->all[users->len++] = (struct user){.name = name, .role = role};
    return VC_EXIT_OK;
}

static int collect(const struct vc_cli *cli, struct users *users)
{
    const char *coordinator = vc_cli_get(cli, "coordinator");
    int rc = add_user(cli, users, "coordinator", coordinator ? coordinator : DEFAULT_NAME,
                      VC_ROLE_COORDINATOR);
    for (size_t r = 0; r < sizeof roles / sizeof *roles; r++)
        for (size_t i = 0; !rc && i < vc_cli_count(cli, roles[r].option); i++)
            rc = add_user(cli, users, roles[r].option, vc_cli_nth(cli, roles[r].option, i),
                          roles[r].role);
    return rc;
}

static void add_password(struct vc_buf *out, const struct user *user)
{
    if (user->password[0]) {
        vc_buf_printf(out, "\"%s\"", user->password);
        return;
    }
    vc_buf_puts(out, "$");
    add_variable(out, user->name);
}

static void add_block(struct vc_buf *out, const struct users *users, bool variables)
{
    vc_buf_puts(out, "# Written by \"vapora-coord nats auth\": include it in nats-server's "
                     "configuration.\n");
    if (variables)
        vc_buf_puts(out, "# The server takes the passwords from its environment, and does not "
                         "start without them.\n");
    vc_buf_puts(out, "authorization {\n  users: [\n");
    for (size_t i = 0; i < users->len; i++) {
        const struct user *user = &users->all[i];
        vc_buf_printf(out, "    # %s\n    {\n      user: \"%s\"\n      password: ",
                      vc_role_name(user->role), user->name);
        add_password(out, user);
        vc_buf_puts(out, "\n      permissions: {\n");
        vc_permissions_add(out, user->role, PREFIX, user->name, INDENT);
        vc_buf_puts(out, "      }\n    }\n");
    }
    vc_buf_puts(out, "  ]\n}\n");
}

static void add_path(struct vc_buf *out, const char *dir, const char *name, const char *suffix)
{
    vc_buf_printf(out, "%s/%s%s", dir, name, suffix);
}

/* The password that nats://NAME:PASSWORD@... in @path holds already, so that a second run locks
 * nobody out; "" without such a file. */
static enum vc_rc keep_password(const char *path, struct user *user, struct vc_err *err)
{
    char url[URL_MAX];
    VC_AUTO_BUF struct vc_buf head = {0};
    vc_buf_printf(&head, "nats://%s:", user->name);
    enum vc_rc rc = vc_secret_read(path, url, sizeof url, err);
    if (rc == VC_E_NOT_FOUND)
        return VC_OK;
    if (rc != VC_OK)
        return rc;
    const char *password = url + head.len;
    size_t len = strncmp(url, head.text, head.len) == 0 ? strcspn(password, "@") : 0;
    if (len == 0 || len >= sizeof user->password || password[len] != '@')
        return vc_fail(err, VC_E_CONFLICT,
                       "%s is there and holds no URL of user %s made here; move it away first",
                       path, user->name);
    memcpy(user->password, password, len);
    user->password[len] = '\0';
    return VC_OK;
}

static enum vc_rc write_url(const char *dir, const char *server, struct user *user,
                            struct vc_err *err)
{
    VC_AUTO_BUF struct vc_buf path = {0}, url = {0};
    add_path(&path, dir, user->name, ".url");
    enum vc_rc rc = keep_password(path.text, user, err);
    if (rc != VC_OK)
        return rc;
    if (!user->password[0] && !vc_secret_make(user->password, VC_SECRET_LEN))
        return vc_fail(err, VC_E_IO, "cannot make up a password: %s", strerror(errno));
    vc_buf_printf(&url, "nats://%s:%s@%s\n", user->name, user->password, server);
    return vc_data_file_write(path.text, url.text, err);
}

/* auth.conf is written last: once it is there, every URL that it lets in is. */
static enum vc_rc write_files(const char *dir, const char *server, struct users *users,
                              struct vc_err *err)
{
    VC_AUTO_BUF struct vc_buf block = {0}, path = {0};
    enum vc_rc rc = vc_data_dir_prepare(dir, err);
    for (size_t i = 0; rc == VC_OK && i < users->len; i++)
        rc = write_url(dir, server, &users->all[i], err);
    if (rc != VC_OK)
        return rc;
    add_block(&block, users, false);
    add_path(&path, dir, "auth", ".conf");
    rc = vc_data_file_write(path.text, block.text, err);
    if (rc == VC_OK)
        printf("%s\n", path.text);
    for (size_t i = 0; rc == VC_OK && i < users->len; i++)
        printf("%s/%s.url\n", dir, users->all[i].name);
    return rc;
}

static bool server_ok(const char *server)
{
    return *server && strspn(server, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                     "0123456789.-:[]") == strlen(server);
}

static int show(const struct vc_cli *cli, struct users *users)
{
    const char *dir = vc_cli_get(cli, "dir"), *server = vc_cli_get(cli, "server");
    struct vc_err err;
    if (server && !dir)
        return vc_cli_usage(cli, "--server is for the URLs that --dir writes");
    if (server && !server_ok(server))
        return vc_cli_usage(cli, "--server takes HOST:PORT, not \"%s\"", server);
    if (dir)
        return write_files(dir, server ? server : DEFAULT_SERVER, users, &err) == VC_OK
                   ? VC_EXIT_OK
                   : vc_cli_fail(cli, &err);
    VC_AUTO_BUF struct vc_buf block = {0};
    add_block(&block, users, true);
    fputs(block.text, stdout);
    return VC_EXIT_OK;
}

static int run(struct vc_cli *cli)
{
    struct users users = {0};
    int rc = collect(cli, &users);
    if (!rc)
        rc = show(cli, &users);
    vc_free(users.all);
    return rc;
}

static const struct vc_option options[] = {
    {"agent", 0, "ID", "an agent: speaks for itself, sees its own tasks", false, true},
    {"submitter", 0, "NAME", "submits, asks about, cancels and retries tasks", false, true},
    {"dashboard", 0, "NAME", "reads everything, changes nothing", false, true},
    {"coordinator", 0, "NAME", "the coordinator's own user (default coordinator)", false, false},
    {"dir", 0, "DIR", "write auth.conf and a NAME.url each, mode 0600, with passwords", false,
     false},
    {"server", 0, "HOST:PORT", "with --dir: for the URLs (default 127.0.0.1:4222)", false, false},
    {0},
};

const struct vc_command vc_command_nats_auth = {
    .name = "nats auth",
    .summary = "Write the users and permissions for a NATS server of your own",
    .about =
        "Prints the authorization block of nats-server's configuration: each user may do what\n"
        "its role needs, and the server denies the rest. Passwords come from the server's\n"
        "environment (VAPORA_PASSWORD_ada); with --dir they are made up and stand in files that\n"
        "only you can read. A second run keeps the passwords that are there.\n"
        "Use a URL file with --url @DIR/ada.url, or serve's --nats-url @DIR/coordinator.url.",
    .examples = "$ vapora-coord nats auth --agent ada --agent bob --submitter web\n"
                "$ vapora-coord nats auth --agent ada --dashboard wall --dir keys\n",
    .options = options,
    .run = run,
};
