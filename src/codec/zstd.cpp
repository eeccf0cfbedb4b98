#include "codec/zstd.hpp"

#include <memory>
#include <new>
#include <zstd.h>

namespace holdfast::codec {

namespace {

constexpr int kLevel = 3;

Error invalid() {
  return fail(ErrorCode::corrupt, kZstdInvalid, "what was stored compressed cannot be opened");
}

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

}  // namespace

std::string compress_zstd(std::string_view bytes) {
  const std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
  if (!context) throw std::bad_alloc();
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size =
      ZSTD_compress2(context.get(), out.data(), out.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(size) != 0U) throw std::bad_alloc();
  out.resize(size);
  out.shrink_to_fit();
  return out;
}

Result<std::string> decompress_zstd(std::span<const std::byte> frame, std::size_t at_most) {
  const unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > at_most) {
    return invalid();
  }
  std::string out(size, '\0');
  const std::size_t written = ZSTD_decompress(out.data(), out.size(), frame.data(), frame.size());
  if (ZSTD_isError(written) != 0U || written != size) return invalid();
  return out;
}

}  // namespace holdfast::codec
