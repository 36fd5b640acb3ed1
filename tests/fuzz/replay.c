/* Runs a target over every file of the folders given: the regression test of builds without
 * libFuzzer. The first folder must be there and hold something; a further one (captures of a real
 * server) may be missing, which is told. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static char *whole(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    char *text = NULL;
    FILE *out = f ? open_memstream(&text, len) : NULL;
    char part[4096];
    size_t n;
    while (out && (n = fread(part, 1, sizeof(part), f)) > 0)
        fwrite(part, 1, n, out);
    bool ok = out && !ferror(f) && !fclose(out);
    if (f)
        fclose(f);
    if (!ok) {
        perror(path);
        exit(1);
    }
    return text;
}

static int is_file(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static long replay(const char *folder)
{
    struct dirent **of;
    int n = scandir(folder, &of, is_file, alphasort);
    for (int i = 0; i < n; i++) {
        char *path = NULL;
        size_t len = 0;
        if (asprintf(&path, "%s/%s", folder, of[i]->d_name) < 0)
            exit(1);
        char *text = whole(path, &len);
        /* Told before it is run: the last line names the one that broke. */
        printf("%s\n", path);
        fflush(stdout);
        /* Of exactly its size, so that reading behind it is seen. */
        char *exact = fuzz_copy((const uint8_t *)text, len);
        LLVMFuzzerTestOneInput((const uint8_t *)exact, len);
        free(exact);
        free(text);
        free(path);
        free(of[i]);
    }
    if (n >= 0)
        free(of);
    return n;
}

int main(int argc, char **argv)
{
    long total = 0;
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++) {
        long n = replay(argv[i]);
        if (n < 0)
            printf("not there, left out: %s\n", argv[i]);
        if (n <= 0 && i == 1) {
            fprintf(stderr, "%s: holds nothing to run\n", argv[i]);
            return 1;
        }
        total += n > 0 ? n : 0;
    }
    printf("%ld inputs\n", total);
    return total ? 0 : 1;
}
