/* Every scenario of tests/scenarios through a real core with a clock of its own, word for word. */
#include "tests/core/script.h"

#include <dirent.h>

#define FOLDER "tests/scenarios"

struct scene {
    struct script script;
    struct vc_buf got;   /* what the last sentence brought */
    const char *got_at;  /* how much of it was expected so far */
    unsigned got_line;   /* of that sentence */
    bool begun, checked; /* checked: the sentence has an expectation */
    bool print;          /* show what comes instead of comparing */
};

static const char *after_blanks(const char *text)
{
    return text + strspn(text, " \t");
}

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    struct vc_buf text = {0};
    char block[4096];
    for (size_t n; (n = fread(block, 1, sizeof block, f)) > 0;)
        vc_buf_add(&text, block, n);
    fclose(f);
    return text.text;
}

/* The next line that came, without its indent; NULL when there is none. */
static char *next_got(struct scene *scene)
{
    if (!scene->got_at || !*scene->got_at)
        return NULL;
    const char *begin = after_blanks(scene->got_at);
    size_t len = strcspn(begin, "\n");
    scene->got_at = begin + len + (begin[len] == '\n');
    return vc_xmemdup(begin, len);
}

static void differ(const struct scene *scene, const char *expected, const char *got)
{
    print_error("%s:%u:\n  expected: %s\n  got:      %s\nall that line %u brought:\n",
                scene->script.file, scene->script.line, expected, got, scene->got_line);
    /* print_error cuts long text. */
    fprintf(stderr, "%s\n", vc_buf_text(&scene->got));
    fail();
}

static void expect(struct scene *scene, const char *expected)
{
    scene->checked = true;
    if (scene->print)
        return;
    VC_AUTO_FREE char *got = next_got(scene);
    if (strcmp(expected, "nothing") == 0 ? got != NULL : !got || strcmp(got, expected) != 0)
        differ(scene, expected, got ? got : "nothing");
}

/* The sentence is over: whatever came must have been expected. */
static void end_sentence(struct scene *scene)
{
    if (!scene->checked || scene->print)
        return;
    VC_AUTO_FREE char *got = next_got(scene);
    if (got)
        differ(scene, "nothing more", got);
}

static void begin(struct scene *scene)
{
    struct world *w = scene->script.w;
    scene->begun = true;
    vc_core_destroy(&w->core);
    w->core = vc_core_create(&w->conf);
    world_load(w);
}

/* What came, as the lines to put under the sentence. */
static void print_got(const struct scene *scene)
{
    const char *head = "expect";
    if (scene->got.len == 0)
        printf("%-8snothing\n", head);
    for (const char *p = scene->got_at; *p; p += strcspn(p, "\n") + 1, head = "")
        printf("%-8s%.*s\n", head, (int)strcspn(p, "\n"), p);
}

static void happen(struct scene *scene, char *rest)
{
    struct script *s = &scene->script;
    if (!scene->begun)
        begin(scene);
    end_sentence(scene);
    char *time = strtok_r(rest, " ", &rest);
    int64_t at_ms = WORLD_START_MONO_MS + script_duration(s, time, 0);
    if (at_ms < s->w->mono.ms)
        script_stop(s, "time does not run backwards:", time);
    world_pass(s->w, at_ms - s->w->mono.ms);
    script_play(s, rest);
    vc_buf_reset(&scene->got);
    vc_buf_puts(&scene->got, vc_buf_text(&s->w->said));
    vc_buf_reset(&s->w->said);
    scene->got_at = vc_buf_text(&scene->got);
    scene->got_line = s->line;
    scene->checked = false;
    if (vc_core_due(s->w->core).ms <= s->w->mono.ms)
        script_stop(s, "something is due at", time);
    if (scene->print)
        print_got(scene);
}

/* "due 20s": the core wants to be asked again then; "due never". */
static void then_due(struct scene *scene, const char *when)
{
    struct script *s = &scene->script;
    int64_t due = vc_core_due(s->w->core).ms;
    int64_t wanted =
        strcmp(when, "never") == 0 ? INT64_MAX : WORLD_START_MONO_MS + script_duration(s, when, 0);
    if (due == wanted)
        return;
    print_error("%s:%u: due at %lld ms, not %s\n", s->file, s->line,
                (long long)(due - WORLD_START_MONO_MS), when);
    fail();
}

static bool starts(const char *line, const char *word, char **rest, char *text)
{
    size_t len = strlen(word);
    if (strncmp(line, word, len) != 0 || line[len] != ' ')
        return false;
    *rest = text + len + strspn(text + len, " ");
    return true;
}

static void play_line(struct scene *scene, char *text)
{
    char *rest;
    if (scene->print && (*text == '#' || *text == '\0' || strchr("agt", *text)))
        printf("%s\n", text);
    if (*text == '\0' || *text == '#')
        return;
    if (starts(text, "at", &rest, text))
        happen(scene, rest);
    else if (starts(text, "expect", &rest, text))
        expect(scene, rest);
    else if (*text == ' ')
        expect(scene, after_blanks(text));
    else if (starts(text, "given", &rest, text) && !scene->begun)
        script_given(&scene->script, rest);
    else if (starts(text, "then due", &rest, text))
        then_due(scene, rest);
    else
        script_stop(&scene->script,
                    "a line begins with at, expect, given, then due, # or a blank:", text);
}

static void play(void **state)
{
    struct scene scene = {.script = {.file = *state}, .print = getenv("VC_SCENARIO_PRINT")};
    struct vc_core_conf conf = vc_core_conf_default;
    scene.script.w = world_create(&conf);
    char *text = read_file(scene.script.file);
    for (char *line = text, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        scene.script.line++;
        play_line(&scene, line);
    }
    end_sentence(&scene);
    assert_true(scene.begun);
    vc_free(text);
    vc_buf_fini(&scene.got);
    world_destroy(&scene.script.w);
}

static int is_scenario(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot && strcmp(dot, ".scn") == 0;
}

int main(void)
{
    struct dirent **entries;
    int n = scandir(FOLDER, &entries, is_scenario, alphasort);
    if (n <= 0) {
        fprintf(stderr, "no scenarios in " FOLDER "; run this at the root of the source tree\n");
        return 1;
    }
    struct CMUnitTest *tests = vc_xcalloc((size_t)n, sizeof *tests);
    for (int i = 0; i < n; i++) {
        struct vc_buf path = {0};
        vc_buf_printf(&path, FOLDER "/%s", entries[i]->d_name);
        tests[i] = (struct CMUnitTest){
            .name = entries[i]->d_name, .test_func = play, .initial_state = path.text};
    }
    int failed = _cmocka_run_group_tests("scenarios", tests, (size_t)n, NULL, NULL);
    for (int i = 0; i < n; i++) {
        vc_free(tests[i].initial_state);
        free(entries[i]);
    }
    free(entries);
    vc_free(tests);
    return failed;
}
