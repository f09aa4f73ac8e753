// The places of verdicts, and who makes room.
#include "dataplane/auth/authenticator.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <openssl/evp.h>

#include "common/check.h"
#include "common/limits.h"

namespace mcpgw::auth {
namespace {

constexpr std::size_t kWays = 4;
constexpr std::size_t kPlaces = limits::verdicts_max / kWays;
static_assert((kPlaces & (kPlaces - 1)) == 0, "places are found with a mask");

}  // namespace

void Authenticator::FreeDigest::operator()(evp_md_st* digest) const {
    EVP_MD_free(digest);
}
void Authenticator::FreeContext::operator()(evp_md_ctx_st* context) const {
    EVP_MD_CTX_free(context);
}

Authenticator::Authenticator() = default;
Authenticator::~Authenticator() = default;

bool Authenticator::set_access(const std::shared_ptr<const contract::Access>& access) {
    check(access != nullptr, "a table has an access object");
    const bool is_same =
        generation_ != 0 && !access_.owner_before(access) && !access.owner_before(access_);
    if (is_same) return false;
    ++generation_;
    access_ = access;
    access_now_ = access.get();
    if (verifier_ != nullptr) verifier_->set_access(*access_now_);
    return true;
}

Authenticator::Hash Authenticator::hash_of(std::string_view token) const {
    Hash hash;
    unsigned bytes = 0;
    const bool hashed = EVP_DigestInit_ex2(context_.get(), digest_.get(), nullptr) == 1 &&
                        EVP_DigestUpdate(context_.get(), token.data(), token.size()) == 1 &&
                        EVP_DigestFinal_ex(context_.get(), hash.data(), &bytes) == 1;
    check(hashed && bytes == hash.size(), "SHA-256");
    return hash;
}

std::span<Authenticator::Entry> Authenticator::place_of(const Hash& hash) {
    std::uint32_t number = 0;
    std::memcpy(&number, hash.data(), sizeof number);
    return {entries_.get() + (number & (kPlaces - 1)) * kWays, kWays};
}

const Verdict& Authenticator::judge(std::string_view token, std::uint64_t now_unix_s) {
    check(has_access(), "asked when there is something to go by");
    if (verifier_ == nullptr) {
        digest_.reset(EVP_MD_fetch(nullptr, "SHA2-256", nullptr));
        context_.reset(EVP_MD_CTX_new());
        check(digest_ != nullptr && context_ != nullptr, "SHA-256 and a context for it");
        entries_ = std::make_unique<Entry[]>(limits::verdicts_max);
        verifier_ = std::make_unique<Verifier>();
        verifier_->set_access(*access_now_);
    }
    const Hash hash = hash_of(token);
    const std::span<Entry> place = place_of(hash);
    for (const Entry& entry : place)
        if (entry.generation == generation_ && entry.hash == hash &&
            now_unix_s < entry.verdict.ends_unix_s)
            return entry.verdict;
    ++made_;
    const std::string_view text(reinterpret_cast<const char*>(hash.data()), hash.size());
    Verdict verdict = verifier_->verify(token, text, now_unix_s);
    Entry* const entry = entry_for(place, verdict.fault == TokenFault::none, now_unix_s);
    if (entry == nullptr) return unremembered_ = std::move(verdict);
    entry->hash = hash;
    entry->generation = generation_;
    return entry->verdict = std::move(verdict);
}

Authenticator::Entry* Authenticator::entry_for(std::span<Entry> place, bool is_good,
                                               std::uint64_t now_unix_s) {
    for (Entry& entry : place)
        if (entry.generation != generation_ || now_unix_s >= entry.verdict.ends_unix_s)
            return &entry;
    for (Entry& entry : place)
        if (entry.verdict.fault != TokenFault::none) return &entry;
    return is_good ? &place[next_victim_++ % kWays] : nullptr;
}

}  // namespace mcpgw::auth
