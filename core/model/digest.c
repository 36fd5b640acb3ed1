#include <openssl/evp.h>
#include <string.h>

#include "model/model.h"

void digest_of(struct wess_slice in, unsigned char out[DIGEST_SIZE])
{
    unsigned int len = 0;
    if (!EVP_Digest(in.data ? in.data : "", in.len, out, &len, EVP_sha256(), NULL))
        memset(out, 0, DIGEST_SIZE);
}
