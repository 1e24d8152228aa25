/* The file nats.url, as a former start, or anybody, left it. */
#include "coordinator/nats_conf.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static int file = -1;
static char path[32];

static void put(const void *bytes, size_t len)
{
    VC_CHECK(ftruncate(file, 0) == 0 && pwrite(file, bytes, len, 0) == (ssize_t)len);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    file = memfd_create("nats.url", 0);
    VC_CHECK(file >= 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char usual[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
    const struct vc_nats_child_conf conf = {0};
    struct vc_nats_access access, again;
    struct vc_err err;
    put(data, size);
    VC_CHECK(vc_nats_access_decide(&conf, path, &access, &err) == VC_OK);
    VC_CHECK(access.port >= 0 && access.port <= 65535);
    VC_CHECK(access.password[0] && access.password[strspn(access.password, usual)] == '\0');
    VC_CHECK(fuzz_is_line(access.name));
    VC_AUTO_BUF struct vc_buf url = {0}, text = {0};
    vc_nats_add_conf(&text, &access);
    VC_CHECK(strstr(text.text, access.password));
    if (access.port == 0)
        return 0;
    vc_nats_add_url(&url, &access);
    put(url.text, url.len);
    VC_CHECK(vc_nats_access_decide(&conf, path, &again, &err) == VC_OK);
    VC_CHECK(again.port == access.port && fuzz_same(again.password, access.password));
    return 0;
}
