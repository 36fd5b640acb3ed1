/* The head of a message in a file: printable and short, and the same whatever stands behind it. */
#include <stdlib.h>
#include <string.h>

#include "eml_head.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *head = fuzz_copy(data, size), out[EML_ID_MAX], more[EML_ID_MAX];
    char *longer = malloc(size + 32);
    size_t n = eml_message_id(head, size, out);
    HOLDS(n <= EML_ID_MAX && longer);
    for (size_t i = 0; i < n; i++)
        HOLDS(out[i] >= ' ' && out[i] <= '~');
    HOLDS(!n || (out[0] != ' ' && out[n - 1] != ' '));
    if (size)
        memcpy(longer, data, size);
    memcpy(longer + size, "\nMessage-ID: <other@x>\n\n", 24);
    size_t again = eml_message_id(longer, size + 24, more);
    HOLDS(!n || (again == n && !memcmp(out, more, n)));
    free(longer);
    free(head);
    return 0;
}
