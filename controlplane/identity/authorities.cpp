// Read with the function that libcurl's TLS reads it with.
#include "controlplane/identity/authorities.h"

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <memory>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include "common/limits.h"

namespace mcpgw::identity {
namespace {

struct FreeBlocks {
    void operator()(STACK_OF(X509_INFO) * blocks) const {
        sk_X509_INFO_pop_free(blocks, X509_INFO_free);
    }
};

}  // namespace

Result<> check_authorities(const std::string& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0)
        return std::unexpected(error_from_errno(errno, "cannot read " + path));
    // It is read for every fetch, so a pipe will not do.
    if (!S_ISREG(status.st_mode))
        return failure(Code::invalid_argument, path + " is no regular file");
    if (static_cast<std::uint64_t>(status.st_size) > limits::authorities_bytes_max)
        return failure(Code::limit_exceeded, path + " is larger than 4 MiB");
    static_assert(limits::authorities_bytes_max == 4 * 1024 * 1024, "a sentence says 4 MiB");
    std::FILE* const file = std::fopen(path.c_str(), "re");
    if (file == nullptr) return std::unexpected(error_from_errno(errno, "cannot read " + path));
    const std::unique_ptr<BIO, decltype(&BIO_free)> bytes(BIO_new_fp(file, BIO_CLOSE), &BIO_free);
    const std::unique_ptr<STACK_OF(X509_INFO), FreeBlocks> blocks(
        PEM_X509_INFO_read_bio(bytes.get(), nullptr, nullptr, nullptr));
    ERR_clear_error();
    if (!blocks)
        return failure(Code::invalid_argument,
                       path + " holds something damaged between its lines of BEGIN and END");
    for (int i = 0; i < sk_X509_INFO_num(blocks.get()); ++i)
        if (sk_X509_INFO_value(blocks.get(), i)->x509 != nullptr) return {};
    return failure(Code::invalid_argument,
                   path + " holds no certificate (PEM, from -----BEGIN CERTIFICATE----- on)");
}

}  // namespace mcpgw::identity
