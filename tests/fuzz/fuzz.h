/* What the fuzz targets share. A target is one function of bytes, LLVMFuzzerTestOneInput(): built
 * with WESS_FUZZ it is driven by libFuzzer, else by replay.c over the files of its corpus. It
 * answers 0; what must hold is said by HOLDS(), in every build. */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wess/connector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(what) ((what) ? (void)0 : fuzz_broken(__FILE__, __LINE__, #what))
_Noreturn void fuzz_broken(const char *file, int line, const char *what);

/* Input read as decisions; 0 and nothing when it is over. */
struct fuzz_in {
    const uint8_t *at;
    size_t left;
};
unsigned fuzz_pick(struct fuzz_in *, unsigned n); /* 0 .. n - 1, n <= 256 */
/* The input up to the next zero byte, a malloc'ed text of exactly its size, so that reading one
 * byte too far is seen. */
char *fuzz_text(struct fuzz_in *);
/* The same for all bytes, zero bytes too; zero-terminated behind them. */
char *fuzz_copy(const uint8_t *data, size_t size);

/* RFC 3629, by itself: the judge is not the code that is judged. */
bool fuzz_is_utf8(const char *text, size_t len);
/* What every answer of a connector keeps to: complete error, names, texts in UTF-8, values of the
 * type that is claimed, no value over the bounds of the contract. */
void fuzz_error_holds(const struct wess_error *);
void fuzz_fields_hold(const struct wess_field *, size_t n);
void fuzz_item_holds(const struct wess_item *);

#endif
