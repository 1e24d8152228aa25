/* The log of a store as SQLite writes it: a header of 32 bytes, then frames of 24 bytes and a page,
 * each with the salts of the header and a checksum over all before it (sqlite.org/fileformat2.html,
 * section 4). */
#include "kg-store/care.h"

#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HEADER_BYTES  32
#define SUMMED_HEADER 24 /* of them, by the checksum behind */
#define FRAME_BYTES   24
#define SUMMED_FRAME  8
#define MAGIC         0x377f0682u /* the lowest bit says: big-endian words in checksums */
#define PAGE_MIN      512u
#define PAGE_MAX      65536u
#define PAGE_USUAL    4096u /* what this program makes */
#define LOOKS         4     /* at a log that looks bad */
#define LOOK_AGAIN_US 10000
#define TOO_MANY      2 /* transactions behind a bad frame that no crash leaves */

struct log {
    int fd;
    uint32_t page, salt[2], sum[2];
    bool big_endian;
    uint64_t frames;      /* whole ones read so far */
    uint64_t bad;         /* the first bad one, counted from 1; 0 = none */
    uint64_t commits;     /* that end a transaction, from the bad one on */
    unsigned char *frame; /* FRAME_BYTES + page */
};

static uint32_t word(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void add(struct log *log, const unsigned char *at, size_t len)
{
    for (const unsigned char *end = at + len; at < end; at += 8) {
        uint32_t x = word(at), y = word(at + 4);
        if (!log->big_endian) {
            x = __builtin_bswap32(x);
            y = __builtin_bswap32(y);
        }
        log->sum[0] += x + log->sum[1];
        log->sum[1] += y + log->sum[0];
    }
}

static bool summed(const struct log *log, const unsigned char *at)
{
    return log->sum[0] == word(at) && log->sum[1] == word(at + 4);
}

static bool page_size_ok(uint32_t page)
{
    return page >= PAGE_MIN && page <= PAGE_MAX && (page & (page - 1)) == 0;
}

/* A header that is damaged makes the whole log void; its salts are then those of the first frame.
 */
static void read_header(struct log *log, const unsigned char *header)
{
    log->page = word(header + 8);
    log->big_endian = word(header) & 1;
    add(log, header, SUMMED_HEADER);
    bool ok = (word(header) & ~1u) == MAGIC && page_size_ok(log->page) && summed(log, header + 24);
    log->salt[0] = word(header + 16);
    log->salt[1] = word(header + 20);
    if (ok)
        return;
    log->bad = 1;
    log->page = PAGE_USUAL;
    unsigned char frame[FRAME_BYTES];
    if (pread(log->fd, frame, sizeof frame, HEADER_BYTES) == (ssize_t)sizeof frame) {
        log->salt[0] = word(frame + 8);
        log->salt[1] = word(frame + 12);
    }
}

static void read_frame(struct log *log)
{
    const unsigned char *frame = log->frame;
    bool ours = word(frame + 8) == log->salt[0] && word(frame + 12) == log->salt[1];
    log->frames++;
    if (!log->bad) {
        add(log, frame, SUMMED_FRAME);
        add(log, frame + FRAME_BYTES, log->page);
        if (!ours || word(frame) == 0 || !summed(log, frame + 16))
            log->bad = log->frames;
    }
    /* What stands behind with other salts is from before the log began anew, and long copied. */
    if (log->bad && ours && word(frame + 4) != 0)
        log->commits++;
}

static void read_frames(struct log *log)
{
    size_t len = FRAME_BYTES + log->page;
    log->frame = vc_xcalloc(1, len);
    off_t at = HEADER_BYTES;
    while (pread(log->fd, log->frame, len, at) == (ssize_t)len) {
        read_frame(log);
        at += (off_t)len;
    }
    vc_free(log->frame);
}

static void read_log(struct log *log)
{
    unsigned char header[HEADER_BYTES];
    if (pread(log->fd, header, sizeof header, 0) != (ssize_t)sizeof header)
        return;
    read_header(log, header);
    read_frames(log);
}

/* A log that is being written may look bad for a moment, and not at the next look. */
enum vc_rc vc_kg_check_log(const char *path, struct vc_err *err)
{
    VC_AUTO_BUF struct vc_buf name = {0};
    vc_buf_printf(&name, "%s-wal", path);
    int fd = open(vc_buf_text(&name), O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return VC_OK;
    if (fd < 0)
        return vc_fail(err, VC_E_IO, "cannot read '%s': %s; look at its permissions",
                       vc_buf_text(&name), strerror(errno));
    struct log log = {0};
    for (int look = 0; look == 0 || (look < LOOKS && log.commits >= TOO_MANY); look++) {
        if (look > 0)
            usleep(LOOK_AGAIN_US);
        log = (struct log){.fd = fd};
        read_log(&log);
    }
    close(fd);
    if (log.frames > 0 && access(path, F_OK) != 0)
        return vc_fail(err, VC_E_CORRUPT,
                       "cannot open '%s': its log is there and the file is not; restore a backup: "
                       "vapora-coord db restore --from BACKUP --db '%s'",
                       path, path);
    if (log.commits < TOO_MANY)
        return VC_OK;
    return vc_fail(err, VC_E_CORRUPT,
                   "cannot open '%s': its log is damaged at frame %llu of %llu, and %llu committed "
                   "transactions stand behind; restore a backup: vapora-coord db restore --from "
                   "BACKUP --db '%s' --force",
                   path, (unsigned long long)log.bad, (unsigned long long)log.frames,
                   (unsigned long long)log.commits, path);
}
