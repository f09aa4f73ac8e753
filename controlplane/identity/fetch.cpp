// One transfer on a handle of its own: documents are fetched a few times an hour.
#include "controlplane/identity/fetch.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

#include <curl/curl.h>

#include "common/bytes.h"
#include "common/limits.h"
#include "common/time.h"
#include "controlplane/model/identity_rules.h"

namespace mcpgw::identity {
namespace {

struct Transfer {
    Fetched fetched;
    bool is_too_large = false;
    std::array<char, CURL_ERROR_SIZE> detail{};
};

struct CloseHandle {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct CloseMulti {
    void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ')
        text.remove_prefix(1);
    while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ')
        text.remove_suffix(1);
    return text;
}

std::size_t on_header(char* data, std::size_t, std::size_t size, void* context) {
    auto& transfer = *static_cast<Transfer*>(context);
    const std::string_view line(data, size);
    if (line.starts_with("HTTP/")) transfer.fetched.max_age_seconds.reset();
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos &&
        equals_ignoring_case(line.substr(0, colon), "Cache-Control"))
        transfer.fetched.max_age_seconds = max_age_of(line.substr(colon + 1));
    return size;
}

std::size_t on_body(char* data, std::size_t, std::size_t size, void* context) {
    auto& transfer = *static_cast<Transfer*>(context);
    transfer.is_too_large = transfer.fetched.body.size() + size > limits::issuer_document_bytes_max;
    if (transfer.is_too_large) return 0;
    transfer.fetched.body.append(data, size);
    return size;
}

template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
    // Options that this libcurl does not know leave its default in force.
    static_cast<void>(curl_easy_setopt(easy, option, value));
}

void set_up(CURL* easy, const std::string& url, Transfer& transfer, curl_slist* fields) {
    const bool is_tls = url.starts_with("https://");
    set(easy, CURLOPT_URL, url.c_str());
    set(easy, CURLOPT_PROTOCOLS_STR, is_tls ? "https" : "http");
    set(easy, CURLOPT_HTTPHEADER, fields);
    set(easy, CURLOPT_USERAGENT, "mcp-gateway");
    set(easy, CURLOPT_FOLLOWLOCATION, 0L);
    set(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    set(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    // A provider on this machine is not behind anybody's proxy.
    if (!is_tls) set(easy, CURLOPT_PROXY, "");
    set(easy, CURLOPT_NOSIGNAL, 1L);
    // Cancelling must not wait for a resolver that does not answer.
    set(easy, CURLOPT_QUICK_EXIT, 1L);
    set(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits::issuer_connect_ms));
    set(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(limits::issuer_answer_ms));
    set(easy, CURLOPT_HEADERFUNCTION, &on_header);
    set(easy, CURLOPT_HEADERDATA, &transfer);
    set(easy, CURLOPT_WRITEFUNCTION, &on_body);
    set(easy, CURLOPT_WRITEDATA, &transfer);
    set(easy, CURLOPT_ERRORBUFFER, transfer.detail.data());
}

void trust(CURL* easy, const std::string& authorities) {
    if (authorities.empty()) return;
    // Else those in the system's folder would be trusted as well.
    set(easy, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    set(easy, CURLOPT_CAINFO, authorities.c_str());
}

// Until the transfer is over. Nothing: it was stopped.
std::optional<CURLcode> run(CURLM* multi, const std::stop_token& stop) {
    const std::stop_callback wakes(stop, [multi] { curl_multi_wakeup(multi); });
    int running = 1;
    while (!stop.stop_requested()) {
        if (curl_multi_perform(multi, &running) != CURLM_OK) return CURLE_OUT_OF_MEMORY;
        if (running == 0) break;
        curl_multi_poll(multi, nullptr, 0, static_cast<int>(limits::issuer_answer_ms), nullptr);
    }
    int queued = 0;
    const CURLMsg* message = curl_multi_info_read(multi, &queued);
    if (message == nullptr) return std::nullopt;
    return message->data.result;
}

Result<Fetched> judge(const std::string& url, CURL* easy, CURLcode code, Transfer& transfer) {
    if (transfer.is_too_large)
        return failure(Code::limit_exceeded, "the document at " + url + " is larger than 512 KiB");
    if (code != CURLE_OK)
        return failure(Code::unavailable,
                       url + " cannot be read: " +
                           (transfer.detail[0] != '\0' ? std::string(transfer.detail.data())
                                                       : std::string(curl_easy_strerror(code))));
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200) return std::move(transfer.fetched);
    std::string detail = url + " answers with status " + std::to_string(status);
    if (status / 100 == 3) detail += "; redirections are not followed";
    return failure(status == 404 ? Code::not_found : Code::protocol, std::move(detail));
}

}  // namespace

std::optional<std::uint32_t> max_age_of(std::string_view cache_control) {
    for (std::size_t from = 0; from <= cache_control.size();) {
        const std::size_t comma = std::min(cache_control.find(',', from), cache_control.size());
        const std::string_view one = trimmed(cache_control.substr(from, comma - from));
        from = comma + 1;
        if (equals_ignoring_case(one, "no-store") || equals_ignoring_case(one, "no-cache"))
            return 0;
        if (!starts_with_ignoring_case(one, "max-age=")) continue;
        std::string_view digits = one.substr(8);
        if (digits.size() > 1 && digits.front() == '"')
            digits = digits.substr(1, digits.size() - 2);
        std::uint32_t seconds = 0;
        const char* const end = digits.data() + digits.size();
        const auto [stop, error] = std::from_chars(digits.data(), end, seconds);
        if (error == std::errc::result_out_of_range) return UINT32_MAX;
        if (error == std::errc() && stop == end) return seconds;
    }
    return std::nullopt;
}

Result<Fetched> fetch(const std::string& url, const std::stop_token& stop,
                      const std::string& authorities) {
    if (const model::Complaint complaint = model::provider_url_complaint(url))
        return failure(Code::invalid_argument, "the URL " + url + " " + complaint);
    static_assert(limits::issuer_document_bytes_max == 512 * 1024, "a sentence says 512 KiB");
    const std::unique_ptr<CURL, CloseHandle> easy(curl_easy_init());
    const std::unique_ptr<CURLM, CloseMulti> multi(curl_multi_init());
    const std::unique_ptr<curl_slist, void (*)(curl_slist*)> fields(
        curl_slist_append(nullptr, "Accept: application/json"), &curl_slist_free_all);
    if (!easy || !multi || !fields) return failure(Code::internal, "libcurl is out of memory");
    Transfer transfer;
    set_up(easy.get(), url, transfer, fields.get());
    trust(easy.get(), authorities);
    if (curl_multi_add_handle(multi.get(), easy.get()) != CURLM_OK)
        return failure(Code::internal, "libcurl is out of memory");
    const std::optional<CURLcode> code = run(multi.get(), stop);
    curl_multi_remove_handle(multi.get(), easy.get());
    if (!code) return failure(Code::cancelled, "the wait for " + url + " was ended");
    return judge(url, easy.get(), *code, transfer);
}

}  // namespace mcpgw::identity
