#include <cstdio>
#include <exception>

#include "cli.hpp"

int main(int argc, char** argv) {
  try {
    return holdfast::run_cli(argc, argv);
  } catch (const std::exception& bug) {
    std::fprintf(stderr, "holdfast: internal error: %s\n", bug.what());
    return 1;
  }
}
