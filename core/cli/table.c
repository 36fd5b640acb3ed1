#include "cli/table.h"

#include <string.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#define GAP 2
#define ELLIPSIS "…"

/* ---- text on a screen -------------------------------------------------------------------------
 */

/* The code point at *at, which moves on; negative: not UTF-8. ICU's macro narrows its bytes. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
static UChar32 next_point(const char *s, int32_t len, int32_t *at)
{
    UChar32 c;
    int32_t i = *at;
    U8_NEXT(s, i, len, c);
    *at = i;
    return c;
}
#pragma GCC diagnostic pop

static int width_of(UChar32 c)
{
    if (c < 0)
        return 1;
    switch (u_charType(c)) {
    case U_NON_SPACING_MARK:
    case U_ENCLOSING_MARK:
    case U_FORMAT_CHAR:
    case U_CONTROL_CHAR:
        return 0;
    default:
        break;
    }
    if (c >= 0x1160 && c <= 0x11ff) /* vowels and finals, drawn into the syllable before them */
        return 0;
    int east = u_getIntPropertyValue(c, UCHAR_EAST_ASIAN_WIDTH);
    return east == U_EA_WIDE || east == U_EA_FULLWIDTH ? 2 : 1;
}

int text_width(const char *s)
{
    int32_t len = (int32_t)strlen(s), at = 0;
    int width = 0;
    while (at < len) {
        UChar32 c = next_point(s, len, &at);
        width += width_of(c);
    }
    return width;
}

static bool is_shown(UChar32 c)
{
    /* Format characters turn the direction of what follows, or hide; joiners belong to scripts. */
    return c >= 0 && u_charType(c) != U_CONTROL_CHAR &&
           (u_charType(c) != U_FORMAT_CHAR || c == 0x200c || c == 0x200d) && c != 0x2028 &&
           c != 0x2029;
}

const char *text_shown(struct wess_arena *a, const char *s)
{
    int32_t len = (int32_t)strlen(s), at = 0, n = 0;
    char *out = arena_alloc(a, (size_t)len + 1);
    if (!out)
        return "";
    while (at < len) {
        int32_t from = at;
        UChar32 c = next_point(s, len, &at);
        if (is_shown(c)) {
            memcpy(out + n, s + from, (size_t)(at - from));
            n += at - from;
        } else if (c < 0) {
            out[n++] = '?';
        } else if (n && out[n - 1] != ' ') {
            out[n++] = ' ';
        }
    }
    return out;
}

const char *text_cut(struct wess_arena *a, const char *text, int most)
{
    const char *s = text_shown(a, text);
    int32_t len = (int32_t)strlen(s), at = 0, end = 0;
    int width = 0;
    if (most <= 0 || text_width(s) <= most)
        return s;
    while (at < len) {
        UChar32 c = next_point(s, len, &at);
        width += width_of(c);
        if (width > most - 1)
            break;
        end = at;
    }
    char *out = arena_fmt(a, "%.*s" ELLIPSIS, (int)end, s);
    return out ? out : "";
}

/* ---- tables -----------------------------------------------------------------------------------
 */

void table_init(struct table *t, struct wess_arena *a, const struct column *columns, size_t n)
{
    *t = (struct table){.arena = a, .columns = columns, .n_columns = n};
}

void table_row(struct table *t, const char *const *cells)
{
    if (t->n == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 16;
        const char **more = arena_alloc(t->arena, cap * t->n_columns * sizeof(*more));
        if (!more) {
            t->spent = true;
            return;
        }
        if (t->n)
            memcpy(more, t->cells, t->n * t->n_columns * sizeof(*more));
        t->cells = more;
        t->cap = cap;
    }
    for (size_t i = 0; i < t->n_columns; i++)
        t->cells[t->n * t->n_columns + i] =
            cells[i] ? text_cut(t->arena, cells[i], t->columns[i].most) : "";
    t->n++;
}

static void pad(FILE *f, int n)
{
    for (; n > 0; n--)
        fputc(' ', f);
}

static void print_row(const struct table *t, FILE *f, const char *indent, const int *widths,
                      const char *const *cells)
{
    int owed = 0; /* blanks are only written before something */
    bool first = true;
    fputs(indent, f);
    for (size_t i = 0; i < t->n_columns; i++) {
        int left = widths[i] - text_width(cells[i]);
        if (widths[i] < 0)
            continue;
        owed += first ? 0 : GAP;
        first = false;
        if (t->columns[i].right)
            owed += left;
        if (*cells[i]) {
            pad(f, owed);
            fputs(cells[i], f);
            owed = 0;
        }
        if (!t->columns[i].right)
            owed += left;
    }
    fputc('\n', f);
}

static bool measure(const struct table *t, int *widths)
{
    bool titles = false;
    for (size_t i = 0; i < t->n_columns; i++) {
        int widest = -1;
        for (size_t r = 0; r < t->n; r++) {
            int w = text_width(t->cells[r * t->n_columns + i]);
            if (w > 0 && w > widest)
                widest = w;
        }
        const char *title = t->columns[i].title;
        if (widest >= 0 && title && *title) {
            titles = true;
            if (text_width(title) > widest)
                widest = text_width(title);
        }
        widths[i] = widest;
    }
    return titles;
}

void table_print(const struct table *t, FILE *f, const char *indent)
{
    int widths[TABLE_COLUMNS_MAX];
    const char *titles[TABLE_COLUMNS_MAX];
    if (!t->n)
        return;
    bool headed = measure(t, widths);
    for (size_t i = 0; i < t->n_columns; i++)
        titles[i] = t->columns[i].title ? t->columns[i].title : "";
    if (headed)
        print_row(t, f, indent, widths, titles);
    for (size_t r = 0; r < t->n; r++)
        print_row(t, f, indent, widths, t->cells + r * t->n_columns);
    if (t->spent)
        fprintf(f, "%s(more than fits in memory)\n", indent);
}
