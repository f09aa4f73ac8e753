// The file of certificate authorities with which providers of a company's own are trusted
// (--oidc-ca). Who uses it is libcurl; here it is found out whether it can be used at all, while
// somebody is there who can mend it.
#pragma once

#include <string>

#include "common/result.h"

namespace mcpgw::identity {

// PEM, with at least one certificate, and without anything damaged: libcurl takes none of the
// certificates of such a file. `detail` of an error is a sentence that names the file.
[[nodiscard]] Result<> check_authorities(const std::string& path);

}  // namespace mcpgw::identity
