// Processes of sessions that have left their group, or lost their parent.
//
// A server may start something that calls setsid (a browser, a daemon) or whose parent ends first.
// Whoever loses his parent below this process becomes its child, because it is a subreaper; here
// such children are found, ended with the session whose mark they carry (process_marks), and
// collected, so that nothing stays as a zombie. Children that were there before are left alone, and
// so are those that other threads than the first have forked: the kernel lists children by thread,
// and gives adopted ones to the first. One per process, made by its first thread; any thread uses
// it.
#pragma once

#include <mutex>
#include <set>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace mcpgw::server {

class Strays {
  public:
    Strays();
    Strays(const Strays&) = delete;
    Strays& operator=(const Strays&) = delete;

    // A child of the first thread that is not to be touched.
    void spare(pid_t pid);
    // Kills those that carry the mark and waits (up to a second) until they are gone.
    void end(std::string_view mark);
    // The same for all that are not spared, whatever they carry.
    void end_all();
    // Collects those that have ended.
    void collect();

  private:
    [[nodiscard]] std::vector<pid_t> adopted() const;  // with mutex_ held
    void end_those(std::string_view mark);

    std::mutex mutex_;
    std::set<pid_t> spared_;
};

}  // namespace mcpgw::server
