#include <nettle/sha2.h>

#include "model/model.h"

void digest_of(struct wess_slice in, unsigned char out[DIGEST_SIZE])
{
    struct sha256_ctx ctx;
    sha256_init(&ctx);
    sha256_update(&ctx, in.len, in.data);
    sha256_digest(&ctx, DIGEST_SIZE, out);
}
