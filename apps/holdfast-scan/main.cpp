// holdfast-scan: opens what strangers made. One process for each layer or archive, shut in before
// it reads the first byte. Started by the server; it can be tried by hand.
#include <CLI/CLI.hpp>
#include <clocale>
#include <cstdio>
#include <dirent.h>
#include <exception>
#include <fmt/format.h>
#include <new>
#include <string>
#include <unistd.h>
#include <vector>

#include "detect/distributions.hpp"
#include "sandbox.hpp"
#include "verbs.hpp"
#include "worker/protocol.hpp"

namespace {

using holdfast::worker::Exit;

// Descriptors that came along by mistake would be a way out.
void close_others() {
  if (::close_range(3, ~0U, 0) == 0) return;
  for (int descriptor = 3; descriptor < 1024; ++descriptor) ::close(descriptor);
}

int end(Exit code, const std::string& problem) {
  if (!problem.empty()) {
    const std::string line = problem + "\n";
    static_cast<void>(::write(STDERR_FILENO, line.data(), line.size()));
  }
  // Without the ends of libraries, which may ask for what is no longer allowed.
  ::_exit(static_cast<int>(code));
}

int run(int argc, char** argv) {
  CLI::App app{
      "Opens a layer of an image, or an archive of advisories, and says what is in it.\n"
      "The bytes come on standard input, the answer goes to standard output. Before it reads the\n"
      "first one it shuts itself in: no network, no other process, bounded memory, and no files\n"
      "but those that it makes itself, in memory.",
      "holdfast-scan"};
  app.require_subcommand(1);
  holdfast::scan::SandboxOptions box;
  box.scratch_bytes = 96ULL << 20U;
  app.add_option("--memory", box.memory_bytes, "Bytes of memory for its data; 0: no limit");
  app.add_option("--cpu-seconds", box.cpu_seconds, "Seconds of processor time; 0: no limit");

  holdfast::scan::LayerVerb layer{.unpacked_bytes = 32ULL << 30U};
  std::vector<std::string> also;
  CLI::App* layer_verb = app.add_subcommand(
      "layer", "Lists the packages of a layer (tar, plain or by gzip or zstd) as JSON");
  layer_verb->add_option("--unpacked", layer.unpacked_bytes, "Bytes that it may unpack to");
  layer_verb->add_option("--also", also, "Members to keep beside those that are known by name");

  holdfast::scan::ArchiveVerb archive{
      .unpacked_bytes = 32ULL << 30U, .member_bytes = 64ULL << 20U, .members = 4'000'000};
  CLI::App* archive_verb = app.add_subcommand(
      "archive", "Gives the files of a zip or tar, each behind the lengths of its name and bytes");
  archive_verb->add_option("--unpacked", archive.unpacked_bytes, "Bytes that it may unpack to");
  archive_verb->add_option("--member", archive.member_bytes, "Bytes that one file may have");
  archive_verb->add_option("--members", archive.members, "How many files there may be");

  CLI::App* probe_verb = app.add_subcommand("probe", "Says how well it can shut itself in");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : static_cast<int>(Exit::usage);
  }

  // What lies in files is read while there are files.
  std::setlocale(LC_CTYPE, "C.UTF-8");
  holdfast::detect::prepare_rpm();
  close_others();
  const holdfast::scan::Sandboxed inside = holdfast::scan::enter_sandbox(box);
  if (!inside.problem.empty()) return end(Exit::no_sandbox, inside.problem);
  std::string problem;
  if (probe_verb->parsed()) {
    const std::string answer =
        fmt::format("{{\"seccomp\":true,\"namespaces\":{},\"memoryLimit\":{}}}\n",
                    inside.has_namespaces, inside.has_memory_limit || box.memory_bytes == 0);
    static_cast<void>(::write(STDOUT_FILENO, answer.data(), answer.size()));
    return end(Exit::good, "");
  }
  if (archive_verb->parsed()) {
    const Exit code = holdfast::scan::read_archive(archive, problem);
    return end(code, problem);
  }
  layer.also_kept = {also.begin(), also.end()};
  layer.scratch_folder = inside.scratch_folder;
  const Exit code = holdfast::scan::read_layer(layer, problem);
  return end(code, problem);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::bad_alloc&) {
    return end(Exit::no_memory, "it needs more memory than it may have");
  } catch (const std::exception& error) {
    return end(Exit::failed, error.what());
  }
}
