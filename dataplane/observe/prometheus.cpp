// Adds up the workers' counters and writes them in the text exposition format 0.0.4.
//
// One function per kind of family; the order of families is fixed, series of one family come
// together, as the format demands.
#include "dataplane/observe/prometheus.h"

#include <array>
#include <charconv>
#include <initializer_list>
#include <map>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/check.h"
#include "common/limits.h"
#include "common/protocol/mcp.h"

namespace mcpgw {
namespace {

using Workers = std::span<const WorkerMetrics* const>;
using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

constexpr std::string_view kPrefix = "mcp_gateway_";
constexpr std::string_view kOtherAdapter = "_other";  // no adapter can have this name

class Writer {
  public:
    // Starts a family; the following samples are its own.
    void family(std::string_view name, std::string_view type, std::string_view help) {
        name_ = name;
        for (const auto& [word, text] : {std::pair{"# HELP ", help}, std::pair{"# TYPE ", type}}) {
            out_ += word;
            out_ += kPrefix;
            out_ += name;
            out_ += ' ';
            out_ += text;
            out_ += '\n';
        }
    }
    template <class Number>
    void sample(Labels labels, Number value, std::string_view suffix = {}) {
        out_ += kPrefix;
        out_ += name_;
        out_ += suffix;
        char separator = '{';
        for (const auto& [label, text] : labels) {
            out_ += separator;
            separator = ',';
            out_ += label;
            out_ += "=\"";
            append_escaped(text);
            out_ += '"';
        }
        if (labels.size() > 0) out_ += '}';
        out_ += ' ';
        append_number(value);
        out_ += '\n';
    }
    [[nodiscard]] std::string take() { return std::move(out_); }

  private:
    void append_escaped(std::string_view text) {
        for (const char c : text) {
            if (c == '\\') {
                out_ += "\\\\";
            } else if (c == '"') {
                out_ += "\\\"";
            } else if (c == '\n') {
                out_ += "\\n";
            } else {
                out_ += c;
            }
        }
    }
    template <class Number>
    void append_number(Number value) {
        std::array<char, 32> text;
        const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
        check(error == std::errc(), "a number fits");
        out_.append(text.data(), end);
    }

    std::string out_;
    std::string_view name_;
};

double seconds(Nanos nanos) {
    return static_cast<double>(nanos) / static_cast<double>(kSecond);
}

template <class Get>
auto total(Workers workers, Get&& get) {
    decltype(get(*workers[0]).value()) sum{};
    for (const WorkerMetrics* worker : workers)
        sum += get(*worker).value();
    return sum;
}

// One series per enumerator of `Enum`.
template <class Enum, class Get>
void per_enum(Writer& writer, Workers workers, std::string_view label, Get&& get) {
    for (std::size_t i = 0; i <= static_cast<std::size_t>(Enum::last); ++i) {
        const auto e = static_cast<Enum>(i);
        writer.sample({{label, label_of(e)}},
                      total(workers, [&](const WorkerMetrics& w) -> auto& { return get(w)[e]; }));
    }
}

template <class Get>
std::map<std::uint32_t, std::uint64_t> merged(Workers workers, Get&& get) {
    std::map<std::uint32_t, std::uint64_t> sums;
    for (const WorkerMetrics* worker : workers)
        get(*worker).for_each([&](std::uint32_t key, std::uint64_t n) { sums[key] += n; });
    return sums;
}

template <class Get>
std::uint64_t overflow_of(Workers workers, Get&& get) {
    std::uint64_t sum = 0;
    for (const WorkerMetrics* worker : workers)
        sum += get(*worker).overflow();
    return sum;
}

// The name that a metrics slot stands for; nothing for adapters that are not in the table.
class SlotNames {
  public:
    explicit SlotNames(const RouteTable* table)
        : names_(limits::adapters_max + metrics_slot::first_adapter) {
        set(metrics_slot::none, "");
        set(metrics_slot::other, kOtherAdapter);
        set(metrics_slot::router, "mcp");
        if (table == nullptr) return;
        table->for_each([this](const Adapter& adapter) {
            if (adapter.metrics_slot >= metrics_slot::first_adapter)
                set(adapter.metrics_slot, adapter.name);
        });
    }
    [[nodiscard]] const std::string_view* find(std::size_t slot) const {
        return slot < names_.size() && names_[slot].data() != nullptr ? &names_[slot] : nullptr;
    }

  private:
    void set(std::size_t slot, std::string_view name) { names_[slot] = name; }

    std::vector<std::string_view> names_;
};

void requests(Writer& writer, Workers workers, const SlotNames& names) {
    writer.family("requests_total", "counter",
                  "Requests answered, by adapter, MCP method, status.");
    const auto table = [](const WorkerMetrics& w) -> auto& { return w.requests; };
    for (const auto& [key, count] : merged(workers, table)) {
        const std::string_view* name = names.find(WorkerMetrics::slot_of_request(key));
        if (name == nullptr) continue;
        const auto status = WorkerMetrics::status_of_request(key);
        writer.sample({{"adapter", *name},
                       {"method", mcp::method_label(WorkerMetrics::method_of_request(key))},
                       {"status", status == 0 ? "none" : std::to_string(status)}},
                      count);
    }
    if (const std::uint64_t overflow = overflow_of(workers, table); overflow > 0)
        writer.sample({{"adapter", kOtherAdapter}, {"method", "other"}, {"status", "other"}},
                      overflow);
}

void backend_errors(Writer& writer, Workers workers, const SlotNames& names) {
    writer.family("backend_errors_total", "counter", "Failures of servers met by traffic.");
    const auto table = [](const WorkerMetrics& w) -> auto& { return w.backend_errors; };
    for (const auto& [key, count] : merged(workers, table)) {
        const std::string_view* name = names.find(WorkerMetrics::slot_of_backend_error(key));
        if (name == nullptr) continue;
        writer.sample({{"adapter", *name},
                       {"reason", code_name(WorkerMetrics::reason_of_backend_error(key))}},
                      count);
    }
    if (const std::uint64_t overflow = overflow_of(workers, table); overflow > 0)
        writer.sample({{"adapter", kOtherAdapter}, {"reason", "other"}}, overflow);
}

// The samples of one histogram; `phase` is its only label besides le, and may be empty.
template <class Get>
void histogram(Writer& writer, Workers workers, std::string_view phase, Get&& get) {
    using Kind = std::remove_cvref_t<decltype(get(*workers[0]))>;
    std::uint64_t below = 0;
    const auto sample = [&](std::string_view le) {
        if (phase.empty())
            writer.sample({{"le", le}}, below, "_bucket");
        else
            writer.sample({{"phase", phase}, {"le", le}}, below, "_bucket");
    };
    for (std::size_t bucket = 0; bucket <= Kind::kBounds; ++bucket) {
        for (const WorkerMetrics* worker : workers)
            below += get(*worker).count(bucket);
        if (bucket == Kind::kBounds) {
            sample("+Inf");
            break;
        }
        std::array<char, 32> text;
        const auto [end, error] =
            std::to_chars(text.data(), text.data() + text.size(), seconds(Kind::bound(bucket)));
        check(error == std::errc(), "a bound fits");
        sample({text.data(), end});
    }
    Nanos sum = 0;
    for (const WorkerMetrics* worker : workers)
        sum += get(*worker).sum_nanos();
    if (phase.empty()) {
        writer.sample({}, seconds(sum), "_sum");
        writer.sample({}, below, "_count");
    } else {
        writer.sample({{"phase", phase}}, seconds(sum), "_sum");
        writer.sample({{"phase", phase}}, below, "_count");
    }
}

void durations(Writer& writer, Workers workers) {
    writer.family(
        "request_duration_seconds", "histogram",
        "From the end of a request's head to the first byte of its answer, and to its end.");
    histogram(writer, workers, "first_byte",
              [](const WorkerMetrics& w) -> auto& { return w.first_byte; });
    histogram(writer, workers, "total", [](const WorkerMetrics& w) -> auto& { return w.total; });
    writer.family("gateway_overhead_seconds", "histogram",
                  "Time a request spent in the gateway itself.");
    histogram(writer, workers, "", [](const WorkerMetrics& w) -> auto& { return w.overhead; });
}

void sessions(Writer& writer, Workers workers, const RouteTable* table, const ProcessFacts& facts) {
    writer.family("sessions_active", "gauge", "Sessions open now.");
    if (table != nullptr) {
        table->for_each([&writer](const Adapter& adapter) {
            std::uint64_t open = 0;
            for (const Instance& instance : adapter.instances)
                open += instance.load->sessions.load(std::memory_order_relaxed);
            writer.sample({{"adapter", adapter.name}}, open);
        });
    }
    writer.family("sessions_opened_total", "counter", "Sessions opened.");
    writer.sample(
        {}, total(workers, [](const WorkerMetrics& w) -> auto& { return w.sessions_opened; }));
    writer.family("sessions_lost_total", "counter", "Sessions that could not be served any more.");
    writer.sample({{"reason", "instance_gone"}}, facts.sessions_instance_gone);
    writer.sample(
        {{"reason", "server_forgot"}},
        total(workers, [](const WorkerMetrics& w) -> auto& { return w.sessions_forgotten; }));
    writer.family("sessions_expired_total", "counter",
                  "Sessions that the gateway has ended by itself.");
    writer.sample({{"reason", "never_used"}}, facts.sessions_never_used);
    writer.sample({{"reason", "idle"}}, facts.sessions_idle);
    writer.family("session_table_entries", "gauge", "Sessions in the session table.");
    writer.sample({}, facts.sessions_known);
    writer.family("session_farewells_dropped_total", "counter",
                  "Ended sessions whose server was not told, because too many were waiting.");
    writer.sample({}, facts.farewells_dropped);
}

void traffic(Writer& writer, Workers workers) {
    const auto single = [&](std::string_view name, std::string_view type, std::string_view help,
                            auto member) {
        writer.family(name, type, help);
        writer.sample(
            {}, total(workers, [member](const WorkerMetrics& w) -> auto& { return w.*member; }));
    };
    single("streams_active", "gauge", "Event streams open now.", &WorkerMetrics::streams_active);
    writer.family("connections_active", "gauge", "Connections open now.");
    per_enum<ConnectionSide>(writer, workers, "side",
                             [](const WorkerMetrics& w) -> auto& { return w.connections_active; });
    single("connections_accepted_total", "counter", "Client connections accepted.",
           &WorkerMetrics::connections_accepted);
    single("backend_connects_total", "counter", "Connections opened to servers.",
           &WorkerMetrics::backend_connects);
    writer.family("backend_retries_total", "counter",
                  "Requests that went out a second time because no server had acted on them.");
    per_enum<RetryReason>(writer, workers, "reason",
                          [](const WorkerMetrics& w) -> auto& { return w.backend_retries; });
    single("ejections_total", "counter",
           "Times when an instance got no new work for a while, because it failed.",
           &WorkerMetrics::ejections);
    writer.family("bytes_total", "counter", "Bytes on connections, by side and direction.");
    per_enum<Direction>(writer, workers, "direction",
                        [](const WorkerMetrics& w) -> auto& { return w.bytes; });
    single("payload_copied_bytes_total", "counter", "Body bytes copied in user space.",
           &WorkerMetrics::payload_copied_bytes);
    single("spliced_bytes_total", "counter", "Body bytes that never left the kernel.",
           &WorkerMetrics::spliced_bytes);
    single("buffers_in_use", "gauge", "Receive buffers that hold bytes.",
           &WorkerMetrics::buffers_in_use);
    single("buffer_reliefs_total", "counter",
           "Times when more than half of the receive buffers were held.", &WorkerMetrics::reliefs);
    writer.family("exhausted_total", "counter",
                  "Times when a bounded resource of a worker was used up.");
    per_enum<Resource>(writer, workers, "resource",
                       [](const WorkerMetrics& w) -> auto& { return w.exhausted; });
    writer.family("rejected_total", "counter", "Requests and connections the gateway refused.");
    per_enum<RejectReason>(writer, workers, "reason",
                           [](const WorkerMetrics& w) -> auto& { return w.rejected; });
}

void limits_of_use(Writer& writer, Workers workers, const ProcessFacts& facts) {
    writer.family("limit_refusals_total", "counter",
                  "Requests that a limit of a tenant, an adapter or one of their users refused.");
    for (std::size_t i = 0; i <= static_cast<std::size_t>(LimitKind::last); ++i) {
        for (std::size_t j = 0; j <= static_cast<std::size_t>(LimitScope::last); ++j) {
            const auto kind = static_cast<LimitKind>(i);
            const auto scope = static_cast<LimitScope>(j);
            writer.sample({{"limit", label_of(kind)}, {"scope", label_of(scope)}},
                          total(workers, [&](const WorkerMetrics& w) -> auto& {
                              return w.limit_refusals[kind][scope];
                          }));
        }
    }
    writer.family(
        "limit_uncounted_total", "counter",
        "Requests that a user's own limit did not count, because all counters are taken.");
    writer.sample(
        {}, total(workers, [](const WorkerMetrics& w) -> auto& { return w.limit_uncounted; }));
    writer.family("limit_counters_in_use", "gauge", "Counters of quotas and rates in use.");
    writer.sample({}, facts.limit_counters);
}

void process(Writer& writer, const RouteTable* table, const ProcessFacts& facts) {
    writer.family("adapters", "gauge", "Adapters in the snapshot in force.");
    writer.sample({}, table == nullptr ? std::uint64_t{0} : table->adapter_count());
    writer.family("snapshot_version", "gauge", "Version of the snapshot in force; 0: none.");
    writer.sample({}, table == nullptr ? std::uint64_t{0} : table->version());
    writer.family("snapshot_age_seconds", "gauge",
                  "Since the snapshot in force came from the control plane.");
    writer.sample({}, facts.snapshot_age_seconds);
    writer.family("control_plane_connected", "gauge", "1 while the control plane is connected.");
    writer.sample({}, facts.control_plane_connected ? 1 : 0);
    writer.family("events_dropped_total", "counter",
                  "Events for the control plane that found their queue full.");
    writer.sample({}, facts.events_dropped);
    writer.family("audit_dropped_total", "counter",
                  "Records of requests that did not reach the audit log.");
    writer.sample({}, facts.audit_dropped);
    writer.family("build_info", "gauge", "Always 1; the labels say what runs.");
    if (facts.engine.empty())
        writer.sample({{"version", facts.program_version}}, 1);
    else
        writer.sample({{"version", facts.program_version}, {"engine", facts.engine}}, 1);
}

}  // namespace

std::string render_prometheus(std::span<const WorkerMetrics* const> workers,
                              const RouteTable* table, const ProcessFacts& facts) {
    const SlotNames names(table);
    Writer writer;
    requests(writer, workers, names);
    durations(writer, workers);
    sessions(writer, workers, table, facts);
    traffic(writer, workers);
    limits_of_use(writer, workers, facts);
    backend_errors(writer, workers, names);
    process(writer, table, facts);
    return writer.take();
}

}  // namespace mcpgw
