// A copy with its values hidden, written like any adapter: new fields need no care here.
#include "controlplane/store/audit_documents.h"

#include "common/json_writer.h"
#include "controlplane/model/adapter_json.h"

namespace mcpgw::store {
namespace {

constexpr const char* kHidden = "***";
constexpr const char* kHiddenAndChanged = "*** (changed)";

// Where the text of a value is; nullptr: it is the name of a secret, which is told.
std::string* text_to_hide(std::string& value) {
    return &value;
}
std::string* text_to_hide(model::HeaderValue& value) {
    return value.is_secret_name ? nullptr : &value.text;
}

template <class Values>
void hide(Values& values, const Values* before) {
    for (auto& [name, value] : values) {
        std::string* text = text_to_hide(value);
        if (text == nullptr) continue;
        bool is_changed = false;
        if (before != nullptr) {
            const auto old = before->find(name);
            is_changed = old != before->end() && old->second != value;
        }
        *text = is_changed ? kHiddenAndChanged : kHidden;
    }
}

std::string document_of(model::Adapter adapter, const model::Adapter* before) {
    hide(adapter.environment_variables,
         before == nullptr ? nullptr : &before->environment_variables);
    hide(adapter.request_headers, before == nullptr ? nullptr : &before->request_headers);
    JsonWriter out;
    model::write_adapter(out, adapter, model::Audience::writer);
    return out.take();
}

std::string document_of(const keys::KeyRing& ring) {
    JsonWriter out;
    out.object().key("keys").array();
    for (const keys::RingKey& key : ring)
        out.string(key.id);
    out.end().end();
    return out.take();
}

}  // namespace

AuditDocuments audit_documents(const model::Adapter* before, const model::Adapter* after) {
    AuditDocuments documents;
    if (before != nullptr) documents.before = document_of(*before, nullptr);
    if (after != nullptr) documents.after = document_of(*after, before);
    return documents;
}

AuditDocuments audit_documents(const keys::KeyRing& before, const keys::KeyRing& after) {
    return {document_of(before), document_of(after)};
}

}  // namespace mcpgw::store
