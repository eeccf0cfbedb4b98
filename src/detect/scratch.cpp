#include "detect/scratch.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

namespace holdfast::detect {

namespace {

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

Scratch::Scratch(const std::string& parent) : folder_(parent + "/XXXXXX") {
  if (::mkdtemp(folder_.data()) == nullptr) folder_.clear();
}

Scratch::~Scratch() {
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

bool Scratch::write(std::string_view name, std::string_view bytes) const {
  if (folder_.empty()) return false;
  const std::string path = folder_ + "/" + std::string(name);
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "wbe"));
  return file && std::fwrite(bytes.data(), 1, bytes.size(), file.get()) == bytes.size() &&
         std::fflush(file.get()) == 0;
}

}  // namespace holdfast::detect
