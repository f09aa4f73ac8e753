# Turns a document into a C++ source that has its bytes, at build time.
#
#   cmake -DFROM=openapi.json -DTO=openapi_document.cpp -DVERSION=1.2.3 -P embed.cmake
#
# The compilers that are supported have no #embed. The word MCPGW_VERSION in the document becomes
# the version; the entity tag is taken from what results, so that it changes with either. Run by
# the build when the document, this file or the version changes.
file(READ "${FROM}" text)
string(REPLACE "MCPGW_VERSION" "${VERSION}" text "${text}")
string(SHA256 digest "${text}")
string(SUBSTRING "${digest}" 0 32 tag)
string(LENGTH "${text}" size)
string(HEX "${text}" hex)
string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
file(WRITE "${TO}" "// Made by embed.cmake.
#include \"controlplane/api/openapi.h\"

namespace mcpgw::api {
namespace {
constexpr char kBytes[] = {
${bytes}};
}  // namespace

std::string_view openapi_document() {
    return {kBytes, sizeof(kBytes)};
}

std::string_view openapi_etag() {
    return \"\\\"${tag}\\\"\";
}

}  // namespace mcpgw::api
")
