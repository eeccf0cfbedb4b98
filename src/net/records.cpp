#include "net/records.hpp"

#include <new>
#include <openssl/bio.h>
#include <openssl/err.h>

namespace holdfast::net {

namespace {

// Called by OpenSSL, whose frames no exception may cross.
int append(BIO* bio, const char* data, std::size_t size, std::size_t* written) noexcept try {
  auto* into = static_cast<std::vector<char>*>(BIO_get_data(bio));
  into->insert(into->end(), data, data + size);
  *written = size;
  return 1;
} catch (const std::bad_alloc&) {
  return 0;
}

long control(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

const BIO_METHOD* method() {
  static const BIO_METHOD* const made = [] {
    BIO_METHOD* fresh = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "records");
    BIO_meth_set_write_ex(fresh, append);
    BIO_meth_set_ctrl(fresh, control);
    return fresh;
  }();
  return made;
}

}  // namespace

Records::Records(SSL* ssl) : ssl_(ssl) {
  BIO* bio = BIO_new(method());
  BIO_set_data(bio, &bytes_);
  BIO_set_init(bio, 1);
  SSL_set0_wbio(ssl_, bio);
}

Records::~Records() {
  BIO* socket = SSL_get_rbio(ssl_);
  BIO_up_ref(socket);
  SSL_set0_wbio(ssl_, socket);
}

bool Records::encrypt(std::string_view bytes) {
  ERR_clear_error();
  while (!bytes.empty()) {
    const int put = SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
    if (put <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

}  // namespace holdfast::net
