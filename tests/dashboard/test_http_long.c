/* The timeout takes the seconds it takes: make test-long. */
#include "dashboard/http.h"
#include "tests/dashboard/client.h"

static void a_connection_that_says_nothing_is_closed_after_10_s(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct vc_http *http = NULL;
    const struct vc_http_conf conf = {.host = "localhost"};
    VC_AUTO_BUF struct vc_buf said = {0};
    uv_loop_init(&loop);
    assert_int_equal(vc_http_start(&loop, &conf, &http, NULL), VC_OK);
    int fd = client_connect(vc_http_port(http), 1);
    client_send(&loop, fd, "GET /hel", 8);
    struct vc_mono since = vc_mono_now();
    assert_true(client_read(&loop, fd, NULL, (int64_t)3 * VC_HTTP_TIMEOUT_S * 1000, &said));
    assert_in_range(vc_mono_now().ms - since.ms, VC_HTTP_TIMEOUT_S * 900, VC_HTTP_TIMEOUT_S * 2000);
    close(fd);
    vc_http_stop(&http);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_that_says_nothing_is_closed_after_10_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
