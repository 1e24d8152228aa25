#include "kg-store/care.h"

#include "base/mem.h"
#include "base/str.h"
#include "kg-store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEP_PAGES   256     /* copied at once: a megabyte */
#define BUSY_WAIT_MS 20      /* between two tries while somebody keeps us from reading */
#define BUSY_TRIES   100     /* then it is an error */
#define CHUNK        1048576 /* bytes of a plain copy at once */

static const char draft_pragmas[] = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF";
static const char settle_pragma[] = "PRAGMA wal_checkpoint(TRUNCATE)";

/* -- files ------------------------------------------------------------------------------------- */

static char *beside(const char *path, const char *suffix)
{
    struct vc_buf name = {0};
    vc_buf_printf(&name, "%s%s", path, suffix);
    return name.text;
}

/* Bytes of the file "<path><suffix>"; -1 when there is none. */
static int64_t size_of(const char *path, const char *suffix)
{
    VC_AUTO_FREE char *name = beside(path, suffix);
    struct stat st;
    return stat(name, &st) == 0 ? (int64_t)st.st_size : -1;
}

static void remove_beside(const char *path, const char *suffix)
{
    VC_AUTO_FREE char *name = beside(path, suffix);
    unlink(name);
}

/* A draft with all that SQLite may have put beside it. */
static void remove_draft(const char *draft)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
        remove_beside(draft, suffixes[i]);
}

static enum vc_rc file_failed(const char *what, const char *path, struct vc_err *err)
{
    enum vc_rc rc = errno == ENOSPC || errno == EDQUOT ? VC_E_FULL : VC_E_IO;
    return vc_fail(err, rc, "cannot %s '%s': %s", what, path, strerror(errno));
}

static enum vc_rc sync_file(const char *path, int flags, struct vc_err *err)
{
    int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        enum vc_rc rc = file_failed("write", path, err);
        if (fd >= 0)
            close(fd);
        return rc;
    }
    close(fd);
    return VC_OK;
}

static enum vc_rc sync_directory_of(const char *path, struct vc_err *err)
{
    const char *slash = strrchr(path, '/');
    VC_AUTO_FREE char *dir = slash ? vc_xmemdup(path, (size_t)(slash - path) + 1) : vc_xstrdup(".");
    return sync_file(dir, O_RDONLY | O_DIRECTORY, err);
}

/* The draft is whole: on disk first, then under its name. Closing it does not say that its log
 * could not be brought into it, but leaves it there. */
static enum vc_rc publish(const char *draft, const char *path, struct vc_err *err)
{
    if (size_of(draft, "-wal") > 0)
        return vc_fail(err, VC_E_IO,
                       "cannot write '%s': the end of it did not reach the disk; look at the disk "
                       "and its free space",
                       draft);
    enum vc_rc rc = sync_file(draft, O_RDWR, err);
    if (rc == VC_OK && rename(draft, path) != 0)
        rc = file_failed("write", path, err);
    return rc == VC_OK ? sync_directory_of(path, err) : rc;
}

/* Private, for it holds what the store holds. */
static enum vc_rc create_draft(const char *draft, int *fd, struct vc_err *err)
{
    *fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return *fd < 0 ? file_failed("create", draft, err) : VC_OK;
}

#define WHY_MAX 256

static void take_first(void *ctx, const struct vc_kg_check *check)
{
    char *why = ctx;
    if (check->problems && !why[0])
        snprintf(why, WHY_MAX, "%s: %s", check->name, check->first);
}

/* Open @draft as its owner and look at all of it; nothing stays beside it. @why says what is
 * damaged in it without its name and its remedy, which are not the caller's. */
static enum vc_rc check_draft(const char *draft, char why[WHY_MAX], struct vc_err *err)
{
    struct vc_kg *kg = NULL;
    struct vc_err said = {0};
    why[0] = '\0';
    enum vc_rc rc = vc_kg_open(draft, VC_KG_OWN, &kg, &said);
    if (rc == VC_OK)
        rc = vc_kg_check(kg, take_first, why, &said);
    vc_kg_close(&kg);
    if (rc == VC_E_CORRUPT && !why[0]) {
        const char *reason = strstr(said.text, "': ");
        vc_copy(why, WHY_MAX, reason ? reason + 3 : said.text);
        why[strcspn(why, ";")] = '\0';
    }
    return rc == VC_OK ? rc : vc_fail(err, rc, "%s", said.text);
}

/* -- backup ------------------------------------------------------------------------------------ */

/* Step by step, so that the loop could be left; all of one state, which the caller holds. */
static int copy_pages(sqlite3_backup *copy)
{
    int rc = SQLITE_OK;
    for (int busy = 0; rc == SQLITE_OK || busy < BUSY_TRIES;) {
        rc = sqlite3_backup_step(copy, STEP_PAGES);
        if (rc == SQLITE_BUSY || rc == SQLITE_LOCKED) {
            busy++;
            sqlite3_sleep(BUSY_WAIT_MS);
        } else if (rc != SQLITE_OK) {
            break;
        }
    }
    return rc;
}

/* The draft needs no journal of its own: it is whole or it is removed. */
static int copy_into(struct vc_kg *kg, sqlite3 *db)
{
    int rc = sqlite3_exec(db, draft_pragmas, NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_backup *copy = sqlite3_backup_init(db, "main", kg->db, "main");
    if (!copy)
        return sqlite3_extended_errcode(db);
    rc = copy_pages(copy);
    int finished = sqlite3_backup_finish(copy);
    return rc == SQLITE_DONE ? finished : rc;
}

/* Reading anything at all is what makes the state to be copied stand still. */
static enum vc_rc copy_store(struct vc_kg *kg, const char *draft, struct vc_err *err)
{
    bool held;
    int64_t rows = 0;
    sqlite3 *db = NULL;
    enum vc_rc rc = vc_store_hold(kg, &held, err);
    if (rc == VC_OK)
        rc = vc_stmt_int(kg, VC_STMT_SCHEMA_ROWS, &rows, err);
    if (rc == VC_OK) {
        int copied = sqlite3_open_v2(draft, &db, SQLITE_OPEN_READWRITE, NULL);
        if (copied == SQLITE_OK)
            copied = copy_into(kg, db);
        if (copied != SQLITE_OK)
            rc = vc_store_fail(kg, copied, "copy what is", err);
    }
    sqlite3_close(db);
    vc_store_let_go(kg, held);
    return rc;
}

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static enum vc_rc check_target(const char *from, const char *to, struct vc_err *err)
{
    if (same_file(from, to))
        return vc_fail(err, VC_E_INVALID, "cannot back up '%s' to itself: name another file", from);
    if (size_of(to, "-wal") > 0)
        return vc_fail(err, VC_E_CONFLICT,
                       "cannot write '%s': there is a log '%s-wal' beside it, so it is a store in "
                       "use; name another file",
                       to, to);
    return VC_OK;
}

/* Only an older backup of the same store may be replaced: anything else under that name is
 * somebody's, a stopped coordinator's store perhaps, or a log. */
static enum vc_rc check_replaced(const struct vc_kg *kg, const char *to, struct vc_err *err)
{
    if (size_of(to, "") < 0)
        return VC_OK;
    struct vc_kg *old = NULL;
    bool ours = size_of(to, ".lock") < 0 && vc_kg_open(to, VC_KG_READ, &old, NULL) == VC_OK &&
                strcmp(vc_kg_uuid(old), vc_kg_uuid(kg)) == 0;
    vc_kg_close(&old);
    return ours ? VC_OK
                : vc_fail(err, VC_E_CONFLICT,
                          "there is a '%s' already, and it is no backup of '%s': name another file",
                          to, kg->path);
}

static enum vc_rc backup(struct vc_kg *kg, const char *draft, const char *to, struct vc_err *err)
{
    int fd;
    remove_draft(draft);
    enum vc_rc rc = create_draft(draft, &fd, err);
    if (rc != VC_OK)
        return rc;
    close(fd);
    char why[WHY_MAX];
    rc = copy_store(kg, draft, err);
    if (rc != VC_OK)
        return rc;
    rc = check_draft(draft, why, err);
    if (rc == VC_E_CORRUPT)
        return vc_kg_damaged(kg, "back up what is", why, err);
    return rc == VC_OK ? publish(draft, to, err) : rc;
}

enum vc_rc vc_kg_backup(const char *from, const char *to, uint64_t *bytes, struct vc_err *err)
{
    struct vc_kg *kg = NULL;
    enum vc_rc rc = check_target(from, to, err);
    if (rc == VC_OK)
        rc = vc_kg_open(from, VC_KG_READ, &kg, err);
    if (rc != VC_OK)
        return rc;
    rc = check_replaced(kg, to, err);
    if (rc != VC_OK) {
        vc_kg_close(&kg);
        return rc;
    }
    VC_AUTO_FREE char *draft = beside(to, ".new");
    rc = backup(kg, draft, to, err);
    vc_kg_close(&kg);
    if (rc != VC_OK)
        remove_draft(draft);
    else if (bytes)
        *bytes = (uint64_t)size_of(to, "");
    return rc;
}

/* -- restore ----------------------------------------------------------------------------------- */

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno != EINTR)
            return false;
        bytes += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

static enum vc_rc copy_bytes(int in, const char *from, int out, const char *to, struct vc_err *err)
{
    VC_AUTO_FREE char *chunk = vc_xcalloc(1, CHUNK);
    for (;;) {
        ssize_t n = read(in, chunk, CHUNK);
        if (n == 0)
            return VC_OK;
        if (n < 0)
            return file_failed("read", from, err);
        if (!write_all(out, chunk, (size_t)n))
            return file_failed("write", to, err);
    }
}

/* SQLite itself would want to write beside @from, which may be on a medium that is read only. */
static enum vc_rc copy_file(const char *from, const char *to, struct vc_err *err)
{
    int out, in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        return errno == ENOENT ? vc_fail(err, VC_E_NOT_FOUND, "there is no '%s'", from)
                               : file_failed("read", from, err);
    enum vc_rc rc = create_draft(to, &out, err);
    if (rc == VC_OK) {
        rc = copy_bytes(in, from, out, to, err);
        if (close(out) != 0 && rc == VC_OK)
            rc = file_failed("write", to, err);
    }
    close(in);
    return rc;
}

static enum vc_rc draft_of(const char *from, const char *draft, struct vc_err *err)
{
    remove_draft(draft);
    enum vc_rc rc = copy_file(from, draft, err);
    if (rc == VC_OK && size_of(from, "-wal") > 0) {
        VC_AUTO_FREE char *log = beside(from, "-wal"), *copy = beside(draft, "-wal");
        rc = copy_file(log, copy, err);
    }
    if (rc != VC_OK)
        return rc;
    char why[WHY_MAX];
    rc = check_draft(draft, why, err);
    if (rc == VC_E_CORRUPT)
        return vc_fail(err, rc,
                       "cannot restore '%s': it is damaged (%s); nothing was changed, name another "
                       "backup",
                       from, why);
    return rc;
}

/* What was committed and told after the backup has numbers that will be given again; under the old
 * name JetStream would take the new messages for repetitions, and drop them. */
static enum vc_rc rename_store(const char *draft, struct vc_err *err)
{
    struct vc_kg *kg = NULL;
    enum vc_rc rc = vc_kg_open(draft, VC_KG_OWN, &kg, err);
    if (rc == VC_OK)
        rc = vc_kg_begin(kg, err);
    if (rc == VC_OK)
        rc = vc_store_name(kg, err);
    if (rc == VC_OK)
        rc = vc_kg_commit(kg, err);
    vc_kg_close(&kg);
    return rc;
}

/* Bring what the log of the old store holds into its file, so that no log of it is left to be taken
 * for the new one's. What is too damaged for that keeps its log, under the name of what is kept. */
static enum vc_rc settle(const char *path, bool there, struct vc_err *err)
{
    sqlite3 *db = NULL;
    if (there && size_of(path, ".replaced") >= 0)
        return vc_fail(err, VC_E_CONFLICT,
                       "'%s.replaced' is there, kept by an earlier restore: move it away first; "
                       "nothing was changed",
                       path);
    if (size_of(path, "") > 0 &&
        sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK)
        sqlite3_exec(db, settle_pragma, NULL, NULL, NULL);
    sqlite3_close(db);
    if (size_of(path, "-wal") == 0)
        remove_beside(path, "-wal");
    VC_AUTO_FREE char *log = beside(path, "-wal"), *kept_log = beside(path, ".replaced-wal");
    if (rename(log, kept_log) != 0 && errno != ENOENT)
        return file_failed("put aside", log, err);
    remove_beside(path, "-shm");
    VC_AUTO_FREE char *kept = beside(path, ".replaced");
    if (there && link(path, kept) != 0 && errno != EPERM && errno != EOPNOTSUPP)
        return file_failed("keep", path, err);
    return sync_directory_of(path, err);
}

/* The new file is for whoever owned the old one, also when root restores it. */
static enum vc_rc adopt(const char *draft, const char *path, struct vc_err *err)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return VC_OK;
    if (chmod(draft, st.st_mode & 0777) != 0 ||
        (geteuid() == 0 && chown(draft, st.st_uid, st.st_gid) != 0))
        return file_failed("give away", draft, err);
    return VC_OK;
}

enum vc_rc vc_kg_restore(const char *from, const char *to, bool replace, struct vc_err *err)
{
    bool there = size_of(to, "") >= 0;
    if (there && !replace)
        return vc_fail(err, VC_E_CONFLICT,
                       "there is a '%s' already: --force puts the backup in its place and keeps it "
                       "as '%s.replaced'",
                       to, to);
    if (same_file(from, to))
        return vc_fail(err, VC_E_INVALID, "cannot restore '%s' from itself: name a backup", to);
    VC_AUTO_FREE char *draft = beside(to, ".new");
    enum vc_rc rc = draft_of(from, draft, err);
    if (rc == VC_OK)
        rc = rename_store(draft, err);
    if (rc == VC_OK)
        rc = adopt(draft, to, err);
    if (rc == VC_OK)
        rc = settle(to, there, err);
    if (rc == VC_OK)
        rc = publish(draft, to, err);
    if (rc != VC_OK)
        remove_draft(draft);
    return rc;
}
