// sd-journal, backwards for what was and forwards for what comes.
#include "controlplane/systemd/journal.h"

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <systemd/sd-journal.h>
#include <unistd.h>

#include "common/limits.h"
#include "controlplane/shim/run_files.h"

namespace mcpgw::systemd {
namespace {

// How often a reader that follows is asked whether it is still there.
constexpr std::uint64_t kHeartbeatMicros = 500'000;

struct JournalDeleter {
    void operator()(sd_journal* journal) const { sd_journal_close(journal); }
};
using JournalPointer = std::unique_ptr<sd_journal, JournalDeleter>;

// The entries of one instance, from the present position on.
class Reader {
  public:
    Reader(const JournalSource& source, JournalPointer journal)
        : journal_(std::move(journal)),
          unit_field_(source.scope == Scope::system ? "_SYSTEMD_UNIT" : "_SYSTEMD_USER_UNIT"),
          unit_prefix_(source.label + "-") {
        sd_journal_set_data_threshold(journal_.get(), limits::journal_line_bytes_max);
        const std::string match = "SYSLOG_IDENTIFIER=" + source.label;
        sd_journal_add_match(journal_.get(), match.data(), match.size());
    }

    [[nodiscard]] sd_journal* journal() { return journal_.get(); }
    // Steps to the next entry of the instance in that direction; false at the end.
    bool step(bool forwards) {
        for (;;) {
            const int moved =
                forwards ? sd_journal_next(journal_.get()) : sd_journal_previous(journal_.get());
            if (moved <= 0) return false;
            if (unit().starts_with(unit_prefix_)) return true;
        }
    }
    // Of a user's process that had ended before journald looked at it, journald knows the unit only
    // as if it were the system's.
    [[nodiscard]] std::string unit() {
        std::string name(field(unit_field_));
        return name.empty() ? std::string(field("_SYSTEMD_UNIT")) : name;
    }
    [[nodiscard]] std::string line() { return std::string(field("MESSAGE")).append(1, '\n'); }
    [[nodiscard]] std::uint64_t unix_millis() {
        std::uint64_t micros = 0;
        return sd_journal_get_realtime_usec(journal_.get(), &micros) < 0 ? 0 : micros / 1'000;
    }

  private:
    // Valid until the next one is asked for.
    std::string_view field(const char* name) {
        const void* data = nullptr;
        std::size_t size = 0;
        if (sd_journal_get_data(journal_.get(), name, &data, &size) < 0) return {};
        std::string_view text(static_cast<const char*>(data), size);
        text.remove_prefix(std::min(text.size(), std::string_view(name).size() + 1));
        return text;
    }

    JournalPointer journal_;
    const char* unit_field_;
    const std::string unit_prefix_;
};

// The run that is wanted, with the reader at its last entry; nothing if it has written nothing.
// `newest` is the unit that was started last.
std::optional<std::string> find_run(Reader& reader, const std::string& newest, bool previous) {
    sd_journal_seek_tail(reader.journal());
    if (!reader.step(false)) return std::nullopt;
    std::string last = reader.unit();
    const bool is_newest = reader.unit() == newest;
    if (!previous) return is_newest ? std::optional(std::move(last)) : std::nullopt;
    // The newest run may not have written anything yet.
    if (!is_newest) return last;
    while (reader.step(false))
        if (std::string unit = reader.unit(); unit != last) return unit;
    return std::nullopt;
}

// The last lines of a run, oldest first.
std::vector<std::string> last_lines(Reader& reader, const std::string& run,
                                    const deploy::LogQuery& query) {
    std::vector<std::string> lines;
    bool more = query.tail > 0;
    for (; more && lines.size() < query.tail; more = reader.step(false)) {
        if (reader.unit() != run)
            continue;  // the last words of one may follow the first of another
        if (reader.unix_millis() < query.since_unix_ms) break;
        lines.push_back(reader.line());
    }
    return {lines.rbegin(), lines.rend()};
}

void follow(Reader& reader, const deploy::LogPlace& directory, const deploy::LogSink& sink) {
    for (;;) {
        std::string text;
        while (reader.step(true))
            text += reader.line();
        if (!sink(text)) return;
        if (directory().empty()) return;
        if (sd_journal_wait(reader.journal(), kHeartbeatMicros) < 0) return;
    }
}

std::string position(Reader& reader) {
    char* cursor = nullptr;
    if (sd_journal_get_cursor(reader.journal(), &cursor) < 0) return {};
    std::string result = cursor;
    std::free(cursor);
    return result;
}

}  // namespace

Result<> read_journal(const JournalSource& source, const deploy::LogQuery& query,
                      const deploy::LogSink& sink) {
    sd_journal* raw = nullptr;
    const int opened = sd_journal_open(&raw, SD_JOURNAL_LOCAL_ONLY);
    if (opened < 0) return std::unexpected(error_from_errno(-opened, "cannot open the journal"));
    Reader reader(source, JournalPointer(raw));
    const Result<std::string> newest = shim::read_file(source.directory() + "/unit", 4096);
    const bool follows = query.follow && !query.previous;
    // Where following begins: after the newest entry that there is now.
    sd_journal_seek_tail(reader.journal());
    const std::string begin = reader.step(false) ? position(reader) : std::string();
    std::string unit = newest ? *newest : "";
    while (unit.ends_with('\n'))
        unit.pop_back();
    const std::optional<std::string> run = find_run(reader, unit, query.previous);
    std::string text;
    if (run)
        for (const std::string& line : last_lines(reader, *run, query))
            text += line;
    else if (query.previous)
        text = "There is no log of an earlier run.\n";
    else if (unit.empty())
        text = "The server has not started yet.\n";
    if (!sink(text) || !follows) return {};
    if (begin.empty()) {
        sd_journal_seek_head(reader.journal());
    } else {
        sd_journal_seek_cursor(reader.journal(), begin.c_str());
        sd_journal_next(reader.journal());  // onto it
    }
    follow(reader, source.directory, sink);
    return {};
}

}  // namespace mcpgw::systemd
