// Options in, callbacks, the loop that waits, and libcurl's code out as a Failure.
#include "controlplane/kubernetes/transfer.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "common/bytes.h"
#include "common/check.h"
#include "common/limits.h"
#include "common/time.h"
#include "controlplane/kubernetes/kubeconfig.h"

namespace mcpgw::kubernetes {
namespace {

// A list of lines that libcurl reads while a transfer runs.
class Lines {
  public:
    Lines() = default;
    Lines(const Lines&) = delete;
    Lines& operator=(const Lines&) = delete;
    ~Lines() { curl_slist_free_all(head_); }
    void add(const std::string& line) { head_ = curl_slist_append(head_, line.c_str()); }
    [[nodiscard]] curl_slist* get() const { return head_; }

  private:
    curl_slist* head_ = nullptr;
};

// What the callbacks of one transfer note.
struct Transfer {
    CURL* easy = nullptr;
    const Request* request = nullptr;
    std::size_t answer_bytes_max = 0;
    Answer answer;
    bool has_head = false;    // of the final answer
    bool has_enough = false;  // the sink said so
    bool is_too_large = false;
    Nanos last_byte_at = 0;
    std::array<char, CURL_ERROR_SIZE> detail{};

    [[nodiscard]] bool is_success() const { return answer.status / 100 == 2; }
    [[nodiscard]] bool streams() const { return request->sink != nullptr && is_success(); }
};

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ')
        text.remove_prefix(1);
    while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ')
        text.remove_suffix(1);
    return text;
}

// Seconds; the other form, a date, is not used by API servers.
std::uint32_t retry_after_ms(std::string_view value) {
    constexpr std::uint64_t max = limits::kubernetes_retry_after_ms_max;
    std::uint64_t seconds = 0;
    for (const char c : value) {
        if (c < '0' || c > '9') return 0;
        seconds = std::min<std::uint64_t>(seconds * 10 + static_cast<std::uint64_t>(c - '0'), max);
    }
    return static_cast<std::uint32_t>(std::min(seconds * 1000, max));
}

// `299 - "text"` (RFC 9111 section 5.5 had it last).
std::string warning_text(std::string_view value) {
    const std::size_t first = value.find('"');
    const std::size_t last = value.rfind('"');
    if (first == std::string_view::npos || last == first) return "";
    return bounded_text(value.substr(first + 1, last - first - 1),
                        limits::kubernetes_message_bytes_max);
}

void take_field(Answer& answer, std::string_view line) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (equals_ignoring_case(name, "Retry-After")) {
        answer.retry_after_ms = retry_after_ms(value);
    } else if (equals_ignoring_case(name, "Warning") && value.starts_with("299") &&
               answer.warnings.size() < limits::kubernetes_warnings_max) {
        answer.warnings.push_back(warning_text(value));
    }
}

std::size_t on_header(char* data, std::size_t, std::size_t size, void* context) {
    auto& transfer = *static_cast<Transfer*>(context);
    const std::string_view line(data, size);
    transfer.last_byte_at = monotonic_now();
    if (line.starts_with("HTTP/")) {
        transfer.answer = {};
    } else if (!trimmed(line).empty()) {
        take_field(transfer.answer, line);
    } else {
        long status = 0;
        curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
        transfer.answer.status = static_cast<int>(status);
        if (status < 200) return size;  // a 1xx before the answer
        transfer.has_head = true;
        if (transfer.streams() && !(*transfer.request->sink)({})) {
            transfer.has_enough = true;
            return 0;
        }
    }
    return size;
}

std::size_t on_body(char* data, std::size_t, std::size_t size, void* context) {
    auto& transfer = *static_cast<Transfer*>(context);
    const std::string_view bytes(data, size);
    transfer.last_byte_at = monotonic_now();
    if (transfer.streams()) {
        transfer.has_enough = !(*transfer.request->sink)(bytes);
        return transfer.has_enough ? 0 : size;
    }
    if (transfer.answer.body.size() + size > transfer.answer_bytes_max) {
        transfer.is_too_large = true;
        return 0;
    }
    transfer.answer.body += bytes;
    return size;
}

// A server that vanishes without a word is noticed by the kernel: a watch is silent for minutes.
int on_socket(void*, curl_socket_t socket, curlsocktype) {
    constexpr auto set = [](int fd, int level, int name, std::uint32_t value) {
        const auto number = static_cast<int>(value);
        ::setsockopt(fd, level, name, &number, sizeof number);
    };
    constexpr std::uint32_t patience_ms =
        (limits::kubernetes_keepalive_seconds + limits::kubernetes_keepalive_interval_seconds *
                                                    limits::kubernetes_keepalive_questions_max) *
        1000;
    set(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(socket, IPPROTO_TCP, TCP_KEEPIDLE, limits::kubernetes_keepalive_seconds);
    set(socket, IPPROTO_TCP, TCP_KEEPINTVL, limits::kubernetes_keepalive_interval_seconds);
    set(socket, IPPROTO_TCP, TCP_KEEPCNT, limits::kubernetes_keepalive_questions_max);
    set(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, patience_ms);
    return CURL_SOCKOPT_OK;
}

template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
    // Options that this libcurl does not know leave its default in force.
    static_cast<void>(curl_easy_setopt(easy, option, value));
}

void set_pem(CURL* easy, const Pem& pem, CURLoption file_option, CURLoption text_option) {
    if (!pem.text.empty()) {
        // Copied: a plug-in's answer may be replaced while the connection lives.
        curl_blob blob{const_cast<char*>(pem.text.data()), pem.text.size(), CURL_BLOB_COPY};
        set(easy, text_option, &blob);
    } else if (!pem.file.empty()) {
        set(easy, file_option, pem.file.c_str());
    }
}

void set_trust(CURL* easy, const Target& target, const Credential& credential) {
    const Access& access = *target.access;
    const bool verify = !access.insecure_skip_tls_verify;
    set(easy, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
    set(easy, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
    if (!access.ca.empty()) {
        // Else the system's authorities would be trusted as well.
        set(easy, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
        set_pem(easy, access.ca, CURLOPT_CAINFO, CURLOPT_CAINFO_BLOB);
    }
    // The file may be replaced: it is read for every connection.
    set(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
    set_pem(easy, credential.client_certificate, CURLOPT_SSLCERT, CURLOPT_SSLCERT_BLOB);
    set_pem(easy, credential.client_key, CURLOPT_SSLKEY, CURLOPT_SSLKEY_BLOB);
    // Neither the command line's proxies nor anybody else's are on the way to this machine.
    if (target.is_loopback)
        set(easy, CURLOPT_PROXY, "");
    else if (!access.proxy_url.empty())
        set(easy, CURLOPT_PROXY, access.proxy_url.c_str());
}

std::string url_of(const Target& target, const Call& call) {
    check(call.path.starts_with('/'), "a path is absolute");
    std::string url = target.base_url + call.path;
    char separator = '?';
    for (const auto& [key, value] : call.query) {
        url += separator + percent_encoded(key) + "=" + percent_encoded(value);
        separator = '&';
    }
    return url;
}

void set_request(CURL* easy, const Target& target, const Request& request, Lines& fields) {
    const Call& call = *request.call;
    set(easy, CURLOPT_URL, url_of(target, call).c_str());
    set(easy, CURLOPT_PATH_AS_IS, 1L);
    set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    set(easy, CURLOPT_USERAGENT, target.user_agent.c_str());
    fields.add("Accept: " + call.accept);
    fields.add("Expect:");
    if (!request.credential->token.empty())
        fields.add("Authorization: Bearer " + request.credential->token);
    if (!target.host_field.empty()) fields.add("Host: " + target.host_field);
    if (call.method != "GET" || !call.body.empty()) {
        check(call.body.empty() || !call.content_type.empty(), "a body has a type");
        fields.add("Content-Type:" + (call.body.empty() ? "" : " " + call.content_type));
        set(easy, CURLOPT_POSTFIELDS, call.body.data());
        set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
        set(easy, CURLOPT_CUSTOMREQUEST, call.method.c_str());
    }
    set(easy, CURLOPT_HTTPHEADER, fields.get());
}

void set_up(Transfer& transfer, const Target& target, Lines& fields, Lines& connect_to) {
    CURL* easy = transfer.easy;
    curl_easy_reset(easy);
    set_request(easy, target, *transfer.request, fields);
    set_trust(easy, target, *transfer.request->credential);
    if (!target.connect_to.empty()) {
        connect_to.add(target.connect_to);
        set(easy, CURLOPT_CONNECT_TO, connect_to.get());
    }
    // One connection carries one call at a time, so HTTP/2 has nothing to offer here.
    set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(easy, CURLOPT_NOSIGNAL, 1L);
    // Cancelling must not wait for a resolver that does not answer.
    set(easy, CURLOPT_QUICK_EXIT, 1L);
    set(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(target.connect_timeout_ms));
    set(easy, CURLOPT_BUFFERSIZE, 64L * 1024);
    set(easy, CURLOPT_SOCKOPTFUNCTION, &on_socket);
    // What a proxy says about its tunnel is not the answer.
    set(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(easy, CURLOPT_HEADERFUNCTION, &on_header);
    set(easy, CURLOPT_HEADERDATA, &transfer);
    set(easy, CURLOPT_WRITEFUNCTION, &on_body);
    set(easy, CURLOPT_WRITEDATA, &transfer);
    set(easy, CURLOPT_ERRORBUFFER, transfer.detail.data());
}

// Whether the request, or a part of it, has left: then nobody knows what became of it.
bool was_sent(CURL* easy) {
    long bytes = 0;
    curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &bytes);
    return bytes > 0;
}

std::string_view sentence_of(CURLcode code) {
    switch (code) {
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_RESOLVE_PROXY:
        case CURLE_COULDNT_CONNECT:
            return "the API server cannot be reached";
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_ISSUER_ERROR:
            return "the certificate of the API server is not trusted";
        case CURLE_SSL_CACERT_BADFILE:
            return "the certificate authority cannot be read";
        case CURLE_SSL_CERTPROBLEM:
            return "the client certificate cannot be used";
        case CURLE_SSL_CONNECT_ERROR:
            return "no TLS connection to the API server comes about";
        case CURLE_OPERATION_TIMEDOUT:
            return "the API server has not answered in time";
        default:
            return "the connection to the API server broke";
    }
}

Failure failed(const Transfer& transfer, CURLcode code) {
    if (transfer.is_too_large) {
        Failure failure = transport_failure("the answer of the API server is too large");
        failure.is_too_large = true;
        return failure;
    }
    const char* said =
        transfer.detail[0] != '\0' ? transfer.detail.data() : curl_easy_strerror(code);
    Failure failure = transport_failure(std::string(sentence_of(code)), said);
    failure.may_have_happened = was_sent(transfer.easy);
    return failure;
}

// Watches the clock of one transfer.
class Patience {
  public:
    Patience(const Transfer& transfer, Nanos now)
        : transfer_(transfer), begun_at_(now), ticked_at_(now) {}

    // Nothing: wait on. Else the transfer is over.
    [[nodiscard]] std::optional<Failure> judge(Nanos now) const {
        if (now < deadline()) return std::nullopt;
        Failure failure = transport_failure(std::string(sentence_of(CURLE_OPERATION_TIMEDOUT)));
        failure.may_have_happened = was_sent(transfer_.easy);
        return failure;
    }
    // False: the sink has had enough.
    [[nodiscard]] bool tick(Nanos now) {
        if (!is_streaming() || now < tick_at()) return true;
        ticked_at_ = now;
        return (*transfer_.request->sink)({});
    }
    [[nodiscard]] int wait_ms(Nanos now) const {
        const Nanos next = is_streaming() ? std::min(deadline(), tick_at()) : deadline();
        if (next <= now) return 0;
        constexpr Nanos longest_ms = 60'000;
        return static_cast<int>(std::min<Nanos>((next - now) / kMillisecond + 1, longest_ms));
    }

  private:
    [[nodiscard]] bool is_streaming() const { return transfer_.has_head && transfer_.streams(); }
    [[nodiscard]] Nanos tick_at() const {
        return std::max(ticked_at_, transfer_.last_byte_at) +
               transfer_.request->bounds->tick_ms * kMillisecond;
    }
    [[nodiscard]] Nanos deadline() const {
        if (!is_streaming()) return begun_at_ + transfer_.request->call->timeout_ms * kMillisecond;
        const std::uint32_t silence_ms = transfer_.request->bounds->silence_ms;
        return silence_ms == 0 ? kNever : transfer_.last_byte_at + silence_ms * kMillisecond;
    }

    const Transfer& transfer_;
    const Nanos begun_at_;
    Nanos ticked_at_;
};

// Runs the transfer that was added to `multi` to its end.
Outcome wait_for(CURLM* multi, Transfer& transfer, const std::stop_token& stop) {
    Patience patience(transfer, monotonic_now());
    for (;;) {
        if (stop.stop_requested()) return std::unexpected(cancelled_failure());
        int running = 0;
        curl_multi_perform(multi, &running);
        int left = 0;
        const CURLMsg* message = curl_multi_info_read(multi, &left);
        if (message != nullptr && message->msg == CURLMSG_DONE) {
            const CURLcode code = message->data.result;
            if (code != CURLE_OK && !transfer.has_enough)
                return std::unexpected(failed(transfer, code));
            if (!transfer.is_success()) return std::unexpected(failure_of(transfer.answer));
            return std::move(transfer.answer);
        }
        const Nanos now = monotonic_now();
        if (auto failure = patience.judge(now)) return std::unexpected(std::move(*failure));
        if (!patience.tick(now)) return std::move(transfer.answer);
        curl_multi_poll(multi, nullptr, 0, patience.wait_ms(now), nullptr);
    }
}

struct UrlParts {
    std::string scheme;
    std::string host;  // IPv6 in brackets
    std::string port;
    std::string path;  // empty or "/..." without a slash at its end
};

std::optional<UrlParts> parts_of(const std::string& url) {
    const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> handle(curl_url(), &curl_url_cleanup);
    if (handle == nullptr || curl_url_set(handle.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK)
        return std::nullopt;
    UrlParts parts;
    const std::array<std::pair<CURLUPart, std::string*>, 4> wanted{
        {{CURLUPART_SCHEME, &parts.scheme},
         {CURLUPART_HOST, &parts.host},
         {CURLUPART_PORT, &parts.port},
         {CURLUPART_PATH, &parts.path}}};
    for (const auto& [part, out] : wanted) {
        char* text = nullptr;
        if (curl_url_get(handle.get(), part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK)
            return std::nullopt;
        *out = text;
        curl_free(text);
    }
    while (parts.path.ends_with('/'))
        parts.path.pop_back();
    return parts;
}

}  // namespace

Result<Target> make_target(const Access& access, const ApiClientOptions& options) {
    const auto bad = [&](const std::string& what) {
        return failure(Code::invalid_argument,
                       (access.origin.empty() ? "" : access.origin + ": ") + what);
    };
    if (const std::string problem = problem_of_server(access.server); !problem.empty())
        return bad("server " + problem);
    if (const std::string problem = problem_of_token(access.token); !problem.empty())
        return bad("token " + problem);
    const auto parts = parts_of(access.server);
    if (!parts) return bad("server is not a URL");
    if (access.insecure_skip_tls_verify && !access.ca.empty())
        return bad("to skip verification contradicts a certificate authority");
    if (access.client_certificate.empty() != access.client_key.empty())
        return bad("a client certificate and its key need each other");
    Target target;
    target.access = &access;
    target.connect_timeout_ms = options.connect_timeout_ms;
    target.answer_bytes_max = options.answer_bytes_max;
    target.user_agent = options.user_agent;
    target.is_loopback =
        parts->host == "localhost" || parts->host == "[::1]" || parts->host.starts_with("127.");
    const std::string authority = parts->host + ":" + parts->port;
    target.base_url = parts->scheme + "://" + authority + parts->path;
    if (access.tls_server_name.empty()) return target;
    // libcurl verifies the name in the URL, so that has to be the certificate's.
    target.host_field = authority;
    target.base_url =
        parts->scheme + "://" + access.tls_server_name + ":" + parts->port + parts->path;
    target.connect_to = access.tls_server_name + ":" + parts->port + ":" + authority;
    if (!parts_of(target.base_url)) return bad("tls-server-name is not a name");
    return target;
}

std::unique_ptr<Connection> Connection::open() {
    std::unique_ptr<Connection> connection(new Connection);
    connection->multi_ = curl_multi_init();
    connection->easy_ = curl_easy_init();
    if (connection->multi_ == nullptr || connection->easy_ == nullptr) return nullptr;
    return connection;
}

Connection::~Connection() {
    if (easy_ != nullptr) curl_easy_cleanup(easy_);
    if (multi_ != nullptr) curl_multi_cleanup(multi_);
}

Outcome Connection::run(const Target& target, const Request& request, const std::stop_token& stop) {
    Transfer transfer;
    transfer.easy = easy_;
    transfer.request = &request;
    transfer.answer_bytes_max = target.answer_bytes_max;
    Lines fields;
    Lines connect_to;
    set_up(transfer, target, fields, connect_to);
    if (curl_multi_add_handle(multi_, easy_) != CURLM_OK)
        return std::unexpected(transport_failure("libcurl does not take a request"));
    Outcome outcome = [&] {
        const std::stop_callback wake(stop, [&] { curl_multi_wakeup(multi_); });
        return wait_for(multi_, transfer, stop);
    }();
    // The transfer's options point to what ends here.
    curl_multi_remove_handle(multi_, easy_);
    curl_easy_reset(easy_);
    return outcome;
}

}  // namespace mcpgw::kubernetes
