// The detectors of languages: each has a table entry in languages.cpp, what it reads stands at its
// top. `wants_…` looks at the name alone; `detect_…` adds packages, and a remark for what is
// broken.
#pragma once

#include <cstddef>
#include <string_view>

#include "detect/detector.hpp"
#include "detect/program.hpp"

namespace holdfast::detect {

bool wants_npm(std::string_view path);
void detect_npm(const File& file, Found& found);

bool wants_python(std::string_view path);
void detect_python(const File& file, Found& found);

bool wants_java(std::string_view path);
void detect_java(const File& file, Found& found);

bool wants_ruby(std::string_view path);
void detect_ruby(const File& file, Found& found);

bool wants_rust(std::string_view path);
void detect_rust(const File& file, Found& found);

bool wants_php(std::string_view path);
void detect_php(const File& file, Found& found);

bool wants_dotnet(std::string_view path);
void detect_dotnet(const File& file, Found& found);

bool wants_conda(std::string_view path);
void detect_conda(const File& file, Found& found);

bool wants_sbom(std::string_view path);
void detect_sbom(const File& file, Found& found);

// Of programs: `path` is the member's.
void detect_go(const Program& program, std::string_view path, Found& found);
void detect_rust_program(const Program& program, std::string_view path, Found& found);

}  // namespace holdfast::detect
