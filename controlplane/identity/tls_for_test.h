// A certificate authority, and a server with TLS, for tests.
//
// Keys and certificates are made when they are needed and are good for an hour, so none lies in the
// tree and none runs out.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <httplib.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace mcpgw::identity {

class Authority {
  public:
    explicit Authority(const std::string& name)
        : key_(EVP_EC_gen("P-256"), &EVP_PKEY_free), certificate_(nullptr, &X509_free) {
        certificate_ = make(name, key_.get(), "critical,CA:TRUE", "");
    }

    [[nodiscard]] std::string certificate() const { return pem_of(certificate_.get()); }
    // Certificate and key for a host, an address, or a user.
    [[nodiscard]] std::pair<std::string, std::string> issue(const std::string& name) const {
        const Key key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
        const bool is_address = name.find_first_not_of("0123456789.") == std::string::npos;
        const Certificate made =
            make(name, key.get(), "critical,CA:FALSE", (is_address ? "IP:" : "DNS:") + name);
        return {pem_of(made.get()), pem_of(key.get())};
    }
    [[nodiscard]] X509* x509() const { return certificate_.get(); }

  private:
    using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
    using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

    // Signed by this authority, or, as long as it has no certificate, by itself.
    [[nodiscard]] Certificate make(const std::string& name, EVP_PKEY* key, const char* constraints,
                                   const std::string& alternative) const {
        Certificate made(X509_new(), &X509_free);
        X509_set_version(made.get(), 2);
        ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial_++);
        X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
        X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600);
        X509_NAME* subject = X509_get_subject_name(made.get());
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
        const X509* issuer = certificate_ ? certificate_.get() : made.get();
        X509_set_issuer_name(made.get(), X509_get_subject_name(issuer));
        X509_set_pubkey(made.get(), key);
        add(made.get(), NID_basic_constraints, constraints);
        if (!alternative.empty()) add(made.get(), NID_subject_alt_name, alternative.c_str());
        X509_sign(made.get(), key_.get(), EVP_sha256());
        return made;
    }
    static void add(X509* certificate, int what, const char* value) {
        X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, what, value);
        X509_add_ext(certificate, extension, -1);
        X509_EXTENSION_free(extension);
    }
    template <class Write>
    static std::string written(const Write& write) {
        const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), &BIO_free);
        write(memory.get());
        char* data = nullptr;
        const long size = BIO_get_mem_data(memory.get(), &data);
        return {data, static_cast<std::size_t>(size)};
    }
    static std::string pem_of(X509* certificate) {
        return written([&](BIO* out) { PEM_write_bio_X509(out, certificate); });
    }
    static std::string pem_of(EVP_PKEY* key) {
        return written([&](BIO* out) {
            PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
        });
    }

    Key key_;
    Certificate certificate_;
    mutable long serial_ = 1;
};

struct TlsOptions {
    const Authority* authority = nullptr;
    std::string name{};  // in the certificate
    bool wants_client_certificate = false;
};

inline std::unique_ptr<httplib::Server> make_tls_server(const TlsOptions& options) {
    const auto [certificate, key] = options.authority->issue(options.name);
    X509* authority = options.authority->x509();
    const bool asks_back = options.wants_client_certificate;
    return std::make_unique<httplib::SSLServer>([&](SSL_CTX& context) {
        const std::unique_ptr<BIO, decltype(&BIO_free)> certificate_bio(
            BIO_new_mem_buf(certificate.data(), static_cast<int>(certificate.size())), &BIO_free);
        const std::unique_ptr<BIO, decltype(&BIO_free)> key_bio(
            BIO_new_mem_buf(key.data(), static_cast<int>(key.size())), &BIO_free);
        const std::unique_ptr<X509, decltype(&X509_free)> own(
            PEM_read_bio_X509(certificate_bio.get(), nullptr, nullptr, nullptr), &X509_free);
        const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> own_key(
            PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
        SSL_CTX_use_certificate(&context, own.get());
        SSL_CTX_use_PrivateKey(&context, own_key.get());
        X509_STORE_add_cert(SSL_CTX_get_cert_store(&context), authority);
        if (asks_back)
            SSL_CTX_set_verify(&context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                               nullptr);
        return true;
    });
}

}  // namespace mcpgw::identity
