// What servers wrote, from the journal.
//
// Any thread; each call opens the journal anew. Entries are found by what the units call themselves
// there (SyslogIdentifier=, unit_names.h) and believed only if they come from a unit of ours of
// that instance. What systemd itself says about the units is not among them. A run is what one
// unit wrote.
#pragma once

#include <string>

#include "common/result.h"
#include "controlplane/deploy/deployer.h"
#include "controlplane/deploy/log_reader.h"
#include "controlplane/systemd/bus.h"

namespace mcpgw::systemd {

struct JournalSource {
    Scope scope = Scope::system;
    std::string label;  // of the instance
    // Of the instance; a reader that follows ends when there is none any more.
    deploy::LogPlace directory;
};

// The last lines of the newest run, or of the one before. With `follow`, goes on through restarts.
// unavailable: the journal cannot be read.
[[nodiscard]] Result<> read_journal(const JournalSource& source, const deploy::LogQuery& query,
                                    const deploy::LogSink& sink);

}  // namespace mcpgw::systemd
