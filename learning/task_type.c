#include "learning/task_type.h"

#include <stdbool.h>

#define WORDS_MAX   256
#define PHRASES_MAX 64

static const char default_type[] = "general";

static const char *const method_names[] = {
    [VC_TYPE_EXPLICIT] = "explicit",
    [VC_TYPE_RULE] = "rule",
    [VC_TYPE_DEFAULT] = "default",
};

static const struct rule {
    const char *task_type;
    double confidence;
    const char *phrases[PHRASES_MAX]; /* ends with NULL */
} rules[] = {
#define VC_TASK_RULE(task_type, confidence, ...) {#task_type, confidence, {__VA_ARGS__, NULL}},
#include "learning/task_types.def"
#undef VC_TASK_RULE
};

/* Where the words of a text begin. */
struct words {
    const char *at[WORDS_MAX];
    size_t n;
};

const char *vc_type_method_name(enum vc_type_method method)
{
    return method_names[method];
}

static char folded(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Bytes of other alphabets count as letters: what they border on is not a word of ours. */
static bool in_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (unsigned char)c >= 0x80;
}

static void find_words(const char *text, struct words *out)
{
    out->n = 0;
    bool inside = false;
    for (const char *p = text; *p && out->n < WORDS_MAX; p++) {
        if (in_word(*p) && !inside)
            out->at[out->n++] = p;
        inside = in_word(*p);
    }
}

/* Whether @phrase, words with one space between, stands at @text, which begins a word. */
static bool stands_at(const char *phrase, const char *text)
{
    for (; *phrase; phrase++) {
        if (*phrase != ' ') {
            if (folded(*text++) != *phrase)
                return false;
            continue;
        }
        if (in_word(*text))
            return false;
        while (*text && !in_word(*text))
            text++;
    }
    return !in_word(*text);
}

static const char *first_phrase(const struct rule *rule, const struct words *words)
{
    for (const char *const *phrase = rule->phrases; *phrase; phrase++)
        for (size_t i = 0; i < words->n; i++)
            if (folded(*words->at[i]) == **phrase && stands_at(*phrase, words->at[i]))
                return *phrase;
    return NULL;
}

static bool infer_from(const char *text, struct vc_type_guess *out)
{
    struct words words;
    find_words(text, &words);
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        const char *phrase = first_phrase(&rules[i], &words);
        if (!phrase)
            continue;
        *out =
            (struct vc_type_guess){rules[i].task_type, VC_TYPE_RULE, rules[i].confidence, phrase};
        return true;
    }
    return false;
}

struct vc_type_guess vc_task_type_infer(const char *stated, const char *title,
                                        const char *description)
{
    if (stated)
        return (struct vc_type_guess){stated, VC_TYPE_EXPLICIT, 1, NULL};
    struct vc_type_guess guess = {default_type, VC_TYPE_DEFAULT, 0, NULL};
    if (!infer_from(title, &guess) && description)
        infer_from(description, &guess);
    return guess;
}
