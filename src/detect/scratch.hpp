// A folder for what a library wants as files; what is in it goes with the object.
#pragma once

#include <string>
#include <string_view>

namespace holdfast::detect {

class Scratch {
 public:
  // Below `parent`, which exists.
  explicit Scratch(const std::string& parent);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  [[nodiscard]] const std::string& folder() const { return folder_; }
  // False when there is no room.
  [[nodiscard]] bool write(std::string_view name, std::string_view bytes) const;

 private:
  std::string folder_;
};

}  // namespace holdfast::detect
